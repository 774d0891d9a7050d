//! The columns file: what the user says about columns whose names do not tell.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::FormatError;
use crate::error::shown;
use crate::field::{CANONICAL_HEADER, Field};

/// What a mapped column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A field.
    Field(Field),
    /// A number of one authority.
    IdentifierOf(String),
}

impl Target {
    pub(crate) fn field(&self) -> Field {
        match self {
            Self::Field(field) => *field,
            Self::IdentifierOf(_) => Field::Identifier,
        }
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Field(field) => field.name().to_owned(),
            Self::IdentifierOf(authority) => format!("identifier:{authority}"),
        }
    }
}

/// Which column of a file is which field, where the names alone do not tell.
///
/// ```toml
/// ignore = ["comments"]            # columns never to be used
///
/// [columns]                        # "column of the file" = "canonical column"
/// "pat nm 1" = "given_name"
/// "plan no"  = "identifier:PLAN"   # numbers of one authority
///
/// [constants]                      # for every record whose column is missing or blank
/// source = "hospital-a"
/// ```
#[derive(Clone, Debug, Default)]
pub struct ColumnMap {
    pub(crate) columns: Vec<(String, Target)>,
    pub(crate) ignore: Vec<String>,
    pub(crate) constants: Vec<(Field, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnMapFile {
    #[serde(default)]
    columns: BTreeMap<String, String>,
    #[serde(default)]
    ignore: Vec<String>,
    #[serde(default)]
    constants: BTreeMap<String, String>,
}

impl ColumnMap {
    /// Reads a columns file.
    ///
    /// # Errors
    /// [`FormatError::Io`] when it cannot be read, [`FormatError::ColumnMap`] when it is no TOML or
    /// names an unknown field.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, FormatError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| FormatError::read(path, error))?;
        Self::parse(&text).map_err(|problem| FormatError::ColumnMap { file: shown(path), problem })
    }

    /// Reads the text of a columns file.
    ///
    /// # Errors
    /// One sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: ColumnMapFile = toml::from_str(text)
            .map_err(|error| format!("not a columns file: {}", error.message()))?;
        let mut map = Self { ignore: file.ignore, ..Self::default() };
        for (column, target) in file.columns {
            let target = parse_target(&target)?;
            let twice = map.columns.iter().any(|(_, other)| *other == target);
            if twice && !target.field().is_list() {
                return Err(format!("two columns are mapped to {}: keep one", target.name()));
            }
            if map.ignore.contains(&column) {
                return Err(format!("column {column:?} is both mapped and ignored"));
            }
            map.columns.push((column, target));
        }
        for (name, value) in file.constants {
            match parse_target(&name)? {
                Target::Field(Field::RecordId) => {
                    return Err("record_id cannot be a constant: it tells records apart".to_owned());
                }
                Target::Field(field) if !value.trim().is_empty() => {
                    map.constants.push((field, value.trim().to_owned()));
                }
                Target::Field(field) => {
                    return Err(format!("the constant {} is blank", field.name()));
                }
                Target::IdentifierOf(_) => {
                    return Err("an identifier cannot be a constant".to_owned());
                }
            }
        }
        Ok(map)
    }
}

fn parse_target(name: &str) -> Result<Target, String> {
    if let Some(authority) = name.strip_prefix("identifier:") {
        return match authority.trim() {
            "" => Err("identifier: must name its authority, as in identifier:PLAN".to_owned()),
            authority => Ok(Target::IdentifierOf(authority.to_owned())),
        };
    }
    Field::from_name(name).map(Target::Field).ok_or_else(|| {
        format!("there is no field {name:?}: the fields are {}", CANONICAL_HEADER.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_read() {
        let map = ColumnMap::parse(
            "ignore = ['x']\n[columns]\n'a b' = 'Given Name'\nplan = 'identifier:PLAN'\n\
             [constants]\nsource = ' h '\n",
        )
        .unwrap();
        assert_eq!(
            map.columns,
            [
                ("a b".to_owned(), Target::Field(Field::GivenName)),
                ("plan".to_owned(), Target::IdentifierOf("PLAN".to_owned())),
            ]
        );
        assert_eq!(map.constants, [(Field::Source, "h".to_owned())]);
        assert_eq!(map.ignore, ["x"]);
    }

    #[test]
    fn what_cannot_be_followed_is_said() {
        for (text, expected) in [
            ("[columns]\na = 'shoe_size'", "there is no field \"shoe_size\""),
            ("[columns]\na = 'ssn'\nb = 'ssn'", "two columns are mapped to ssn"),
            ("ignore = ['a']\n[columns]\na = 'ssn'", "both mapped and ignored"),
            ("[columns]\na = 'identifier:'", "must name its authority"),
            ("[constants]\nrecord_id = '1'", "record_id cannot be a constant"),
            ("[constants]\nsource = ' '", "the constant source is blank"),
            ("colums = 1", "not a columns file"),
            ("= =", "not a columns file"),
        ] {
            let problem = ColumnMap::parse(text).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
        let error = ColumnMap::read("/nowhere/columns.toml").unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/columns.toml: cannot be read"));
    }
}
