//! Records from Parquet files: text, numbers, dates and timestamps in any encoding of their columns.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::bytes::{Progress, open_file};
use crate::dates::DayOrder;
use crate::error::shown;
use crate::field::Field;
use crate::layout::{Layout, Recognised, lay_out};
use crate::reader::{Chunk, Reject, TakeRows};
use crate::row::RowContext;
use crate::{FormatError, ReaderOptions};

type Builder = ParquetRecordBatchReaderBuilder<File>;

/// Reads one Parquet file.
pub(crate) struct ParquetReader {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    layout: Layout,
    /// For each column of the file its place among the columns that are read.
    places: Vec<Option<usize>>,
    pub(crate) recognised: Recognised,
    stem: String,
    rows_read: u64,
    rows_total: u64,
    bytes_total: u64,
    pub(crate) progress: Progress,
}

impl ParquetReader {
    pub(crate) fn open(
        path: &Path,
        options: &ReaderOptions,
        is_truth_file: bool,
    ) -> Result<Self, FormatError> {
        guarded(path, || Self::open_unguarded(path, options, is_truth_file))
    }

    fn open_unguarded(
        path: &Path,
        options: &ReaderOptions,
        is_truth_file: bool,
    ) -> Result<Self, FormatError> {
        let builder = builder(path)?;
        let schema = builder.schema().clone();
        let headers: Vec<String> =
            schema.fields().iter().map(|field| field.name().clone()).collect();
        let truth_column = options.truth_column.as_deref();
        let (layout, mut recognised) =
            lay_out(path, &headers, &options.columns, truth_column, is_truth_file)?;
        let rows_total = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        if rows_total == 0 {
            let found = "it has columns and no rows";
            return Err(FormatError::Empty { file: shown(path), found });
        }
        if let Some(column) = layout.column(Field::BirthDate) {
            recognised.day_first = is_day_first(path, column, &schema)?;
        }
        let used = layout.used_columns();
        let mut places = vec![None; headers.len()];
        for (place, column) in used.iter().enumerate() {
            if let Some(slot) = places.get_mut(*column) {
                *slot = Some(place);
            }
        }
        let bytes_total = open_file(path)?.metadata().map_or(0, |metadata| metadata.len());
        Ok(Self {
            path: path.to_owned(),
            batches: batches(path, builder, used, options.chunk_rows)?,
            layout,
            places,
            recognised,
            stem: crate::reader::stem(path),
            rows_read: 0,
            rows_total,
            bytes_total,
            progress: Progress::default(),
        })
    }

    /// The next rows, or `None` at the end.
    pub(crate) fn next_chunk(&mut self) -> Result<Option<Chunk>, FormatError> {
        let path = self.path.clone();
        guarded(&path, || self.next_chunk_unguarded())
    }

    fn next_chunk_unguarded(&mut self) -> Result<Option<Chunk>, FormatError> {
        let Some(batch) = self.batches.next() else { return Ok(None) };
        let batch = batch.map_err(|error| FormatError::damaged(&self.path, error))?;
        let columns = text_columns(&self.path, &batch)?;
        let mut chunk = Chunk::default();
        let context = RowContext {
            layout: &self.layout,
            stem: &self.stem,
            day_first: &|| self.recognised.day_first,
            has_lists: true,
        };
        for row in 0..batch.num_rows() {
            self.rows_read += 1;
            let cell = |column: usize| -> &str {
                let place = self.places.get(column).copied().flatten();
                let Some(column) = place.and_then(|place| columns.get(place)) else { return "" };
                if column.is_null(row) { "" } else { column.value(row) }
            };
            match context.record(&cell, self.rows_read) {
                Ok(record) => {
                    let truth = self.layout.truth.map(|column| cell(column).trim());
                    chunk.take_record(record, self.rows_read, truth);
                }
                Err(reason) => chunk.rejects.push(Reject {
                    file: shown(&self.path),
                    line: self.rows_read,
                    reason: reason.to_owned(),
                    raw: raw_row(&columns, row).into(),
                }),
            }
        }
        let share = u128::from(self.bytes_total) * u128::from(self.rows_read);
        let bytes_read = share / u128::from(self.rows_total.max(1));
        self.progress.set(u64::try_from(bytes_read).unwrap_or(u64::MAX));
        Ok(Some(chunk))
    }
}

/// A rejected row, its columns that were read, as CSV.
fn raw_row(columns: &[StringArray], row: usize) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let values = columns.iter().map(|it| if it.is_null(row) { "" } else { it.value(row) });
    // Writing to memory does not fail.
    let written = writer.write_record(values).is_ok();
    let bytes = if written { writer.into_inner().unwrap_or_default() } else { Vec::new() };
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

/// Runs a step of the Parquet library, which may panic on a file that was damaged on purpose: a bad
/// file must end as an error like any other.
fn guarded<T>(
    path: &Path,
    step: impl FnOnce() -> Result<T, FormatError>,
) -> Result<T, FormatError> {
    catch_unwind(AssertUnwindSafe(step))
        .unwrap_or_else(|_| Err(FormatError::damaged(path, "it is damaged and cannot be read")))
}

fn builder(path: &Path) -> Result<Builder, FormatError> {
    Builder::try_new(open_file(path)?).map_err(|error| {
        FormatError::damaged(path, format!("not a readable Parquet file: {error}"))
    })
}

fn batches(
    path: &Path,
    builder: Builder,
    columns: Vec<usize>,
    chunk_rows: usize,
) -> Result<ParquetRecordBatchReader, FormatError> {
    let mask = ProjectionMask::roots(builder.parquet_schema(), columns);
    let built = builder.with_projection(mask).with_batch_size(chunk_rows.max(1)).build();
    built.map_err(|error| FormatError::damaged(path, error))
}

/// Whether the birth dates, where they are text, prove themselves day-first.
fn is_day_first(path: &Path, column: usize, schema: &Schema) -> Result<bool, FormatError> {
    let is_text = schema.fields().get(column).is_some_and(|it| match it.data_type() {
        DataType::Dictionary(_, values) => is_text(values),
        other => is_text(other),
    });
    if !is_text {
        return Ok(false);
    }
    let mut order = DayOrder::default();
    for batch in batches(path, builder(path)?, vec![column], 8_192)? {
        let batch = batch.map_err(|error| FormatError::damaged(path, error))?;
        for dates in text_columns(path, &batch)? {
            dates.iter().flatten().for_each(|text| order.see(text));
        }
        if order.is_refuted() {
            break;
        }
    }
    Ok(order.is_day_first())
}

fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Every column of a batch as text.
fn text_columns(path: &Path, batch: &RecordBatch) -> Result<Vec<StringArray>, FormatError> {
    let schema = batch.schema();
    let columns = batch.columns().iter().zip(schema.fields());
    columns
        .map(|(column, field)| {
            text_column(column).ok_or_else(|| {
                FormatError::damaged(
                    path,
                    format!(
                        "column {:?} is of the type {}, which cannot be read as text: ignore it in \
                         the columns file",
                        field.name(),
                        field.data_type()
                    ),
                )
            })
        })
        .collect()
}

/// A column as text: whole numbers without a fraction, dates as ISO, timestamps as their date.
fn text_column(column: &ArrayRef) -> Option<StringArray> {
    let kind = match column.data_type() {
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        other => other.clone(),
    };
    let is_simple = is_text(&kind)
        || kind.is_numeric()
        || matches!(
            kind,
            DataType::Date32
                | DataType::Date64
                | DataType::Timestamp(..)
                | DataType::Boolean
                | DataType::Null
        );
    if !is_simple {
        return None;
    }
    let as_date = match kind {
        DataType::Timestamp(..) | DataType::Date64 => Some(cast(column, &DataType::Date32).ok()?),
        _ => None,
    };
    let text = cast(as_date.as_ref().unwrap_or(column), &DataType::Utf8).ok()?;
    let text = text.as_any().downcast_ref::<StringArray>()?;
    if !kind.is_floating() {
        return Some(text.clone());
    }
    // A column of whole numbers with gaps becomes one of fractions in many tools: `2139.0`.
    Some(text.iter().map(|it| it.map(|it| it.strip_suffix(".0").unwrap_or(it))).collect())
}
