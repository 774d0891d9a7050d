//! Rules for one Rust file: it says what it is for, it is short, and nothing in it is put off.

use super::Failure;
use super::checkout::Text;

/// Beyond this a file is two files.
const FILE_LINES_MAX: usize = 500;
/// Beyond this a function does not fit on a screen.
const FUNCTION_LINES_MAX: usize = 70;
/// Fewer words than this say nothing about a file.
const HEADER_WORDS_MIN: usize = 3;

/// What must not stand in a source file, and what to do instead. Each is split in two, or this table
/// would report itself.
const BANNED: [(&str, &str); 7] = [
    (
        concat!("#[", "ignore"),
        "make the test fast or remove it: a test that never runs proves nothing",
    ),
    (concat!("#[", "should_panic"), "return an error and check it"),
    (concat!("dbg", "!("), "remove it"),
    (concat!("todo", "!("), "write the code"),
    (concat!("unimplemented", "!("), "write the code, or leave the function out"),
    (concat!("// ", "TODO"), "do it now, or write a decision into DECISIONS.md"),
    (concat!("// ", "FIXME"), "do it now, or write a decision into DECISIONS.md"),
];

pub(super) fn failures(source: Text<'_>) -> Vec<Failure> {
    let mut failures = Vec::new();
    failures.extend(header_failure(source));
    failures.extend(length_failure(source));
    failures.extend(function_failures(source));
    failures.extend(banned_failures(source));
    failures
}

fn header_failure(source: Text<'_>) -> Option<Failure> {
    let first = source.text.lines().next().unwrap_or_default();
    let header = first.strip_prefix("//!").or_else(|| first.strip_prefix("/*!"));
    // A block comment may begin its text on the second line.
    let header = match header.map(str::trim) {
        Some("") => source.text.lines().nth(1),
        other => other,
    };
    let words = header.map_or(0, |header| header.split_whitespace().count());
    (words < HEADER_WORDS_MIN)
        .then(|| Failure::at(source.path, 1, "begin the file with `//!` and what it is for"))
}

fn length_failure(source: Text<'_>) -> Option<Failure> {
    let lines = source.text.lines().count();
    (lines > FILE_LINES_MAX).then(|| {
        let advice = format!("{lines} lines, at most {FILE_LINES_MAX}: split it by what it knows");
        Failure::of(source.path, advice)
    })
}

/// Counts from the line of `fn` to the brace that closes it.
///
/// No parser: in code that rustfmt has laid out, the signature ends on the first line that is indented
/// like the `fn` and ends with `{`, `}` or `;`, and the body ends on the first line that is a closing
/// brace with that indentation. A text literal that holds such a line shortens the count.
fn function_failures(source: Text<'_>) -> Vec<Failure> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut failures = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = indentation(line);
        let rest = lines.get(start..).unwrap_or_default();
        let signature_end = rest
            .iter()
            .position(|line| indentation(line) == indent && line.ends_with(['{', '}', ';']));
        let has_open_body =
            signature_end.and_then(|end| rest.get(end)).is_some_and(|line| line.ends_with('{'));
        let length = rest
            .iter()
            .position(|line| indentation(line) == indent && line.trim() == "}")
            .map_or(0, |end| end + 1);
        if has_open_body && length > FUNCTION_LINES_MAX {
            let advice = format!(
                "`{name}` has {length} lines, at most {FUNCTION_LINES_MAX}: move a step into a \
                 function of its own"
            );
            failures.push(Failure::at(source.path, start + 1, advice));
        }
    }
    failures
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The name of the function that a line declares: words such as `pub(crate) const`, then `fn NAME`.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line
        .trim_start()
        .strip_prefix("fn ")
        .map_or_else(|| line.trim_start().split_once(" fn "), |after| Some(("", after)))?;
    let is_qualifier = |word: &str| {
        matches!(word, "const" | "async" | "unsafe" | "extern" | "\"C\"") || word.starts_with("pub")
    };
    if !before.split_whitespace().all(is_qualifier) {
        return None;
    }
    let end = after.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    after.get(..end).filter(|name| !name.is_empty())
}

fn banned_failures(source: Text<'_>) -> Vec<Failure> {
    let mut failures = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        for (banned, advice) in BANNED {
            if line.contains(banned) {
                let advice = format!("`{banned}` is not allowed: {advice}");
                failures.push(Failure::at(source.path, index + 1, advice));
            }
        }
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(failures: &[Failure]) -> Vec<Option<usize>> {
        failures.iter().map(|failure| failure.line).collect()
    }

    #[test]
    fn every_file_says_what_it_is_for() {
        for (text, good) in [
            ("//! Weights in bits.\n", true),
            ("/*!\nWeights in bits.\n*/\n", true),
            ("/*! Weights in bits. */\n", true),
            ("//! .\n", false),
            ("//!\n//! Weights in bits.\n", true),
            ("// Weights in bits.\n", false),
            ("use std::fmt;\n//! Weights in bits.\n", false),
            ("", false),
        ] {
            assert_eq!(header_failure(Text { path: "a.rs", text }).is_none(), good, "{text:?}");
        }
    }

    #[test]
    fn files_have_at_most_500_lines() {
        for (lines, good) in [(1, true), (500, true), (501, false)] {
            let text = "//! x\n".repeat(lines);
            let failure = length_failure(Text { path: "a.rs", text: &text });
            assert_eq!(failure.is_none(), good, "{lines}");
        }
    }

    #[test]
    fn functions_have_at_most_70_lines() {
        let body = |lines: usize, indent: &str| format!("{indent}    x();\n").repeat(lines);
        let whole = |head: &str, lines: usize| format!("{head}\n{}}}\n", body(lines, ""));
        let inner = |lines: usize| {
            format!("impl A {{\n    pub(crate) fn f(&self) {{\n{}    }}\n}}\n", body(lines, "    "))
        };
        let declared = "trait A {\n    fn f(\n        &self,\n    ) -> u8;\n    fn g();\n}\n";
        for (text, expected) in [
            (whole("fn f() {", 68), vec![]),
            (whole("fn f() {", 69), vec![Some(1)]),
            (whole("pub async fn f(\n    a: u8,\n) -> u8\nwhere\n    u8: Copy,\n{", 63), vec![]),
            (
                whole("pub async fn f(\n    a: u8,\n) -> u8\nwhere\n    u8: Copy,\n{", 64),
                vec![Some(1)],
            ),
            (inner(68), vec![]),
            (inner(69), vec![Some(2)]),
            (format!("{declared}{}", body(100, "")), vec![]),
            (format!("fn one() {{}}\n{}}}\n", body(100, "")), vec![]),
            (whole("fn f() {", 1) + &whole("const fn g() {", 80), vec![Some(4)]),
        ] {
            let failures = function_failures(Text { path: "a.rs", text: &text });
            assert_eq!(lines_of(&failures), expected, "{text}");
        }
    }

    #[test]
    fn functions_are_recognised_by_their_declaration() {
        for (line, name) in [
            ("fn run(root: &Path) {", Some("run")),
            ("    pub(crate) const unsafe fn at<T>(x: T) {", Some("at")),
            ("    pub(in crate::a) async fn go() {", None),
            ("    run: fn(&Path) -> u8,", None),
            ("// the fn that follows", None),
            ("let f = |x: fn () -> u8| x;", None),
        ] {
            assert_eq!(function_name(line), name, "{line}");
        }
    }

    #[test]
    fn nothing_is_put_off() {
        for (banned, _) in BANNED {
            let text = format!("//! A file.\n    {banned}\n");
            let failures = banned_failures(Text { path: "a.rs", text: &text });
            assert_eq!(lines_of(&failures), [Some(2)], "{banned}");
        }
        let text = "//! A file.\nlet ignored = todo_list();\n";
        assert!(banned_failures(Text { path: "a.rs", text }).is_empty());
    }
}
