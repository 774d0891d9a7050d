//! A model file as a person would write it: a line per level, and beside it what the level weighs and
//! what that rests on.

use std::fmt::Write as _;

use super::file::{ComparisonPart, LevelPart, LinkageModelFile, ModelError};

const HEADER: &str = "\
# A linkage model. m = P(level | same person), u = P(level | different persons); a level weighs
# log2(m/u) bits, shown behind it. In each comparison the m add up to 1, and so do the u.
# m_pairs: matching pairs (expected, so with decimals) on the level that m was estimated from.
# u_pairs: random pairs that the estimate of u is worth.
# m_kept: why training kept the m of the model it started from.
";

/// The file as TOML.
pub(super) fn to_toml(file: &LinkageModelFile) -> Result<String, ModelError> {
    let mut head = file.clone();
    head.comparison.clear();
    let head = toml::to_string(&head)?;
    let mut text = String::from(HEADER);
    // An empty list of comparisons stands above the tables; the real ones follow at the end.
    for line in head.lines().filter(|line| *line != "comparison = []") {
        text.push('\n');
        text.push_str(line);
    }
    text.push('\n');
    for part in &file.comparison {
        text.push('\n');
        push_comparison(&mut text, part)?;
    }
    Ok(text)
}

fn push_comparison(text: &mut String, part: &ComparisonPart) -> Result<(), ModelError> {
    text.push_str("[[comparison]]\n");
    push_line(text, "name", &part.name)?;
    if let Some(reason) = &part.m_kept {
        push_line(text, "m_kept", reason)?;
    }
    text.push_str("levels = [\n");
    let longest = part.levels.iter().map(|level| level.level.len()).max().unwrap_or_default();
    for level in &part.levels {
        push_level(text, level, longest)?;
    }
    text.push_str("]\n");
    Ok(())
}

fn push_level(text: &mut String, level: &LevelPart, longest: usize) -> Result<(), ModelError> {
    let LevelPart { level: name, m, u, m_pairs, u_pairs } = level;
    let name = inline(&quoted(name)?, longest + 3);
    let mut line = format!("    {{ level = {name}m = {m:?}, u = {u:?}");
    for (field, pairs) in [("m_pairs", m_pairs), ("u_pairs", u_pairs)] {
        if let Some(pairs) = pairs {
            // Writing to a text does not fail.
            let _ = write!(line, ", {field} = {pairs:?}");
        }
    }
    let bits = (m / u).log2();
    let _ = writeln!(line, " }}, # {bits:+.1} bits");
    text.push_str(&line);
    Ok(())
}

/// A value with its comma, padded so that what follows stands in a column.
fn inline(value: &str, width: usize) -> String {
    let value = format!("{value},");
    format!("{value:width$} ")
}

fn push_line(text: &mut String, field: &str, value: &str) -> Result<(), ModelError> {
    let value = quoted(value)?;
    text.push_str(&format!("{field} = {value}\n"));
    Ok(())
}

/// A text as TOML writes it.
fn quoted(text: &str) -> Result<String, ModelError> {
    let mut value = String::new();
    serde::Serialize::serialize(text, toml::ser::ValueSerializer::new(&mut value))?;
    Ok(value)
}
