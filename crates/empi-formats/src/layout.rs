//! Which column of one file is which field: recognition by name, the columns file, and what came of it.

use std::fmt;
use std::path::Path;

use crate::FormatError;
use crate::column_map::{ColumnMap, Target};
use crate::error::shown;
use crate::field::{Field, Recognition, header_key, recognise};
use crate::row::SEPARATOR;

const FIELD_COUNT: usize = Field::ALL.len();

/// Which column is which field, ready for use on every row.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    columns: [Vec<usize>; FIELD_COUNT],
    constants: [Option<String>; FIELD_COUNT],
    /// Whether a constant stands for several values.
    pub(crate) has_lists: bool,
    /// Columns that hold the numbers of one authority each.
    pub(crate) identifiers_of: Vec<(usize, String)>,
    /// The column of the truth, where it was asked for.
    pub(crate) truth: Option<usize>,
}

impl Layout {
    /// The first column of a field.
    pub(crate) fn column(&self, field: Field) -> Option<usize> {
        self.columns(field).first().copied()
    }

    /// All columns of a field, in the order of the file.
    pub(crate) fn columns(&self, field: Field) -> &[usize] {
        self.columns.get(field as usize).map_or(&[], Vec::as_slice)
    }

    /// What stands for a field where its column is missing or blank.
    pub(crate) fn constant(&self, field: Field) -> &str {
        self.constants.get(field as usize).and_then(Option::as_deref).unwrap_or_default()
    }

    /// Every column that is read.
    pub(crate) fn used_columns(&self) -> Vec<usize> {
        let mut used: Vec<usize> = self.columns.iter().flatten().copied().collect();
        used.extend(self.identifiers_of.iter().map(|(column, _)| *column));
        used.extend(self.truth);
        used.sort_unstable();
        used.dedup();
        used
    }

    fn add(&mut self, column: usize, target: &Target) {
        match target {
            Target::Field(field) => {
                if let Some(columns) = self.columns.get_mut(*field as usize) {
                    columns.push(column);
                }
            }
            Target::IdentifierOf(authority) => {
                self.identifiers_of.push((column, authority.clone()));
            }
        }
    }
}

/// What was recognised in a file. `Display` says it in one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recognised {
    /// Each column that is used, with the name of the field it is used as, in the order of the file.
    pub used: Vec<(String, String)>,
    /// Columns that are not used, in the order of the file.
    pub ignored: Vec<String>,
    /// The column of the truth, where it was asked for and found.
    pub truth: Option<String>,
    /// Whether the birth dates were proved day-first and are turned to ISO.
    pub day_first: bool,
    /// How the bytes were read: `UTF-8`, `UTF-16LE`, `UTF-16BE` or `windows-1252`.
    pub encoding: &'static str,
}

impl fmt::Display for Recognised {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = self.used.iter().map(|(column, field)| {
            if column == field { field.clone() } else { format!("{field} from {column:?}") }
        });
        write!(formatter, "using {}", used.collect::<Vec<_>>().join(", "))?;
        if !self.ignored.is_empty() {
            let ignored: Vec<String> =
                self.ignored.iter().map(|column| format!("{column:?}")).collect();
            write!(formatter, "; ignoring {}", ignored.join(", "))?;
        }
        if let Some(truth) = &self.truth {
            write!(formatter, "; truth from {truth:?}")?;
        }
        if self.day_first {
            formatter.write_str("; birth dates are day-first")?;
        }
        if !self.encoding.is_empty() && self.encoding != "UTF-8" {
            write!(formatter, "; read as {}", self.encoding)?;
        }
        Ok(())
    }
}

/// Decides what each column of a file is. The columns file outranks names; a canonical name outranks
/// other names of the same field; of equals the first column is used.
pub(crate) fn lay_out(
    file: &Path,
    headers: &[String],
    map: &ColumnMap,
    truth_column: Option<&str>,
    is_truth_file: bool,
) -> Result<(Layout, Recognised), FormatError> {
    let mut chosen: Vec<Option<Target>> = vec![None; headers.len()];
    let truth = match truth_column {
        Some(name) => Some(find(file, headers, name, "the truth option")?),
        None => None,
    };
    let mut is_closed = vec![false; headers.len()];
    close(&mut is_closed, truth);
    for name in &map.ignore {
        close(&mut is_closed, Some(find(file, headers, name, "the columns file")?));
    }
    for (name, target) in &map.columns {
        let column = find(file, headers, name, "the columns file")?;
        if Some(column) != truth {
            set(&mut chosen, column, target.clone());
        }
        close(&mut is_closed, Some(column));
    }
    recognise_rest(headers, &mut chosen, &is_closed);

    let mut layout = Layout { truth, ..Layout::default() };
    let mut recognised = Recognised {
        truth: truth.and_then(|column| headers.get(column).cloned()),
        ..Recognised::default()
    };
    for (column, (header, target)) in headers.iter().zip(&chosen).enumerate() {
        match target {
            Some(target) => {
                layout.add(column, target);
                recognised.used.push((header.clone(), target.name()));
            }
            None if Some(column) == truth => {}
            None => recognised.ignored.push(header.clone()),
        }
    }
    for (field, value) in &map.constants {
        layout.has_lists |= value.contains(SEPARATOR);
        if let Some(constant) = layout.constants.get_mut(*field as usize) {
            *constant = Some(value.clone());
        }
    }
    let is_usable =
        chosen.iter().flatten().any(|it| is_truth_file || it.field().is_about_patient());
    if !is_usable {
        let (file, column_count) = (shown(file), headers.len());
        return Err(FormatError::NoKnownColumn { file, column_count });
    }
    Ok((layout, recognised))
}

fn close(is_closed: &mut [bool], column: Option<usize>) {
    if let Some(slot) = column.and_then(|column| is_closed.get_mut(column)) {
        *slot = true;
    }
}

fn set(chosen: &mut [Option<Target>], column: usize, target: Target) {
    if let Some(slot) = chosen.get_mut(column) {
        *slot = Some(target);
    }
}

/// How many columns would be recognised by name alone: tells delimiters apart.
pub(crate) fn recognised_count(headers: &[String]) -> usize {
    headers.iter().filter(|header| recognise(header) != Recognition::Unknown).count()
}

/// Recognises by name what is still open; canonical names go first.
fn recognise_rest(headers: &[String], chosen: &mut [Option<Target>], is_closed: &[bool]) {
    for only_canonical in [true, false] {
        for (column, header) in headers.iter().enumerate() {
            let is_open = !is_closed.get(column).copied().unwrap_or(true)
                && chosen.get(column).is_some_and(Option::is_none);
            if !is_open {
                continue;
            }
            let target = match recognise(header) {
                Recognition::Field(field) => Target::Field(field),
                Recognition::IdentifierOf(authority) => Target::IdentifierOf(authority),
                Recognition::Truth | Recognition::Unknown => continue,
            };
            let is_canonical = header_key(target.field().name()) == header_key(header);
            let is_taken = !target.field().is_list()
                && chosen.iter().flatten().any(|other| other.field() == target.field());
            if (is_canonical || !only_canonical) && !is_taken {
                set(chosen, column, target);
            }
        }
    }
}

/// A column by its exact name, else by its name but for case and separators.
fn find(
    file: &Path,
    headers: &[String],
    name: &str,
    wanted_by: &'static str,
) -> Result<usize, FormatError> {
    let key = header_key(name);
    headers
        .iter()
        .position(|header| header == name.trim())
        .or_else(|| headers.iter().position(|header| !key.is_empty() && header_key(header) == key))
        .ok_or_else(|| FormatError::MissingColumn {
            file: shown(file),
            column: name.to_owned(),
            wanted_by,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognised(headers: &[&str], map: &str, truth: Option<&str>) -> String {
        let headers: Vec<String> = headers.iter().map(|it| (*it).to_owned()).collect();
        let map = ColumnMap::parse(map).unwrap();
        match lay_out(Path::new("f.csv"), &headers, &map, truth, false) {
            Ok((_, recognised)) => recognised.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn columns_are_recognised_and_the_rest_is_said() {
        assert_eq!(
            recognised(&["rec_id", "Surname", "notes", "person_id"], "", None),
            "using record_id from \"rec_id\", family_name from \"Surname\"; \
             ignoring \"notes\", \"person_id\""
        );
        assert_eq!(
            recognised(&["fname", "given_name", "home_phone", "cell"], "", None),
            "using given_name, phone from \"home_phone\", phone from \"cell\"; ignoring \"fname\""
        );
        assert_eq!(
            recognised(&["surname", "person_id"], "", Some("Person ID")),
            "using family_name from \"surname\"; truth from \"person_id\""
        );
    }

    #[test]
    fn truth_and_other_indexes_are_never_data() {
        for name in ["person_id", "true_match_id", "cluster_id", "entity_id", "enterprise_id"] {
            assert!(recognised(&["surname", name], "", None).contains("ignoring"), "{name}");
        }
        assert_eq!(
            recognised(&["surname", "id"], "", Some("id")),
            "using family_name from \"surname\"; truth from \"id\""
        );
    }

    #[test]
    fn the_columns_file_outranks_names() {
        assert_eq!(
            recognised(
                &["surname", "x", "dob"],
                "ignore=['dob']\n[columns]\nx='family_name'",
                None
            ),
            "using family_name from \"x\"; ignoring \"surname\", \"dob\""
        );
        assert_eq!(
            recognised(&["surname"], "[columns]\nx='ssn'", None),
            "f.csv: there is no column \"x\", which the columns file names"
        );
        assert!(recognised(&["a", "b"], "", None).contains("none of its 2 columns is known"));
        assert!(recognised(&["id", "source"], "", None).contains("none of its 2 columns"));
    }
}
