//! What the report needs from the files beyond what linking kept: a column that names groups, and the
//! values of a few records if they may be shown.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use anyhow::Context as _;
use empi_formats::ReaderOptions;
use empi_linkage::{Linkage, normalize};
use empi_model::{NormalizedRecord, SourceRecord};

use super::figures::{Attribute, COLUMN_GROUPS_MAX};
use crate::cli::UsageError;

/// Refuses a column that the files do not have.
pub(crate) fn check(
    files: &[PathBuf],
    options: &ReaderOptions,
    column: &str,
) -> anyhow::Result<()> {
    let options = with_column(options, column);
    for file in files {
        empi_formats::open(file, &options)
            .with_context(|| format!("there is no column {column:?} for --subgroup"))?;
    }
    Ok(())
}

/// The reader hands out one column as it stands, that of the truth: here it is the groups' one.
fn with_column(options: &ReaderOptions, column: &str) -> ReaderOptions {
    ReaderOptions { truth_column: Some(column.to_owned()), ..options.clone() }
}

/// Reads a column that names groups of records.
pub(crate) fn read(
    files: &[PathBuf],
    options: &ReaderOptions,
    column: &str,
    linkage: &Linkage,
) -> anyhow::Result<Attribute> {
    let options = with_column(options, column);
    let mut values = vec![None; linkage.keys.len()];
    let mut groups: BTreeSet<String> = BTreeSet::new();
    visit(files, &options, linkage, |place, _, value| {
        if let (Some(slot @ None), Some(value)) = (values.get_mut(place as usize), value) {
            if groups.len() <= COLUMN_GROUPS_MAX {
                groups.insert(value.clone());
            }
            *slot = Some(value);
        }
    })?;
    if groups.len() > COLUMN_GROUPS_MAX {
        // A column of names or numbers would put patients' values into the figures.
        return Err(UsageError::new(format!(
            "the column {column:?} of --subgroup has more than {COLUMN_GROUPS_MAX} different \
             values: it must name groups of patients"
        ))
        .into());
    }
    Ok(Attribute { column: column.to_owned(), values })
}

/// Reads the records at some places again and normalises them.
pub(crate) fn read_records(
    files: &[PathBuf],
    options: &ReaderOptions,
    linkage: &Linkage,
    places: &BTreeSet<u32>,
) -> anyhow::Result<HashMap<u32, NormalizedRecord>> {
    let mut records = HashMap::new();
    visit(files, options, linkage, |place, record, _| {
        if places.contains(&place) {
            records.entry(place).or_insert_with(|| normalize(record));
        }
    })?;
    Ok(records)
}

/// Reads the files again and visits each record that was linked, with its place and the value of the
/// column asked for.
fn visit(
    files: &[PathBuf],
    options: &ReaderOptions,
    linkage: &Linkage,
    mut visit: impl FnMut(u32, &SourceRecord, Option<String>),
) -> anyhow::Result<()> {
    for file in files {
        let mut reader = empi_formats::open(file, options)?;
        while let Some(chunk) = reader.next_chunk()? {
            let mut values = chunk.truth.into_iter();
            for record in &chunk.records {
                let value = values.next().flatten();
                if let Some(place) = linkage.place(&record.key) {
                    visit(place, record, value);
                }
            }
        }
    }
    Ok(())
}
