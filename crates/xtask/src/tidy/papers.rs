//! Rules for the papers: what they point at exists, and the map shows every crate.

use super::Failure;
use super::checkout::{Checkout, Text};

const MAP: &str = "ARCHITECTURE.md";

/// A text in backticks that begins like this is a path of the checkout.
const PATH_STARTS: [&str; 6] = [".ci/", "benches/", "crates/", "datasets/", "proto/", "tests/"];

pub(super) fn failures(checkout: &Checkout) -> Vec<Failure> {
    let mut failures = Vec::new();
    for paper in checkout.texts("md") {
        failures.extend(link_failures(checkout, paper));
    }
    match checkout.text(MAP) {
        Some(map) => failures.extend(map_failures(checkout, map)),
        None => failures.push(Failure::of(MAP, "is missing: write the map of the code")),
    }
    failures
}

/// The map names only what exists, and every crate has its place on it.
fn map_failures(checkout: &Checkout, map: Text<'_>) -> Vec<Failure> {
    let mut failures = Vec::new();
    for (line, path) in backticked(map.text) {
        let is_path = PATH_STARTS.iter().any(|start| path.starts_with(start))
            && !path.contains(|c: char| c.is_whitespace() || "*<{".contains(c));
        if is_path && !checkout.contains(path) {
            failures.push(Failure::at(
                map.path,
                line,
                format!("`{path}` does not exist: correct it"),
            ));
        }
    }
    for (path, _) in checkout.files() {
        let crate_folder =
            path.strip_suffix("/Cargo.toml").filter(|folder| folder.starts_with("crates/"));
        let Some(folder) = crate_folder else { continue };
        if !backticked(map.text).any(|(_, named)| named.trim_end_matches('/') == folder) {
            failures
                .push(Failure::of(map.path, format!("describe `{folder}`, which it leaves out")));
        }
    }
    failures
}

/// Each text between backticks on one line outside a code fence, with its line from 1.
fn backticked(text: &str) -> impl Iterator<Item = (usize, &str)> {
    prose(text).flat_map(|(line, text)| {
        text.split('`').skip(1).step_by(2).map(move |inside| (line, inside))
    })
}

/// Relative links lead to files and folders of the checkout.
fn link_failures(checkout: &Checkout, paper: Text<'_>) -> Vec<Failure> {
    let mut failures = Vec::new();
    for (line, text) in prose(paper.text) {
        // Links do not work inside backticks, so those parts are left out.
        for part in text.split('`').step_by(2) {
            for target in link_targets(part) {
                let path = target.split('#').next().unwrap_or_default();
                let resolved = resolve(paper.path, path);
                if !path.is_empty() && !resolved.is_some_and(|path| checkout.contains(&path)) {
                    let advice = format!("the link to {target} leads nowhere: correct it");
                    failures.push(Failure::at(paper.path, line, advice));
                }
            }
        }
    }
    failures
}

/// The lines outside code fences, with their numbers from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        (!fenced && !is_fence).then_some((index + 1, line))
    })
}

/// The relative targets of `[text](target)` on one line.
fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split([')', ' ']).next()?;
        let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
        (!is_elsewhere).then_some(target)
    })
}

/// A path from the root for a link in the paper at `from`; `None` when it leaves the checkout.
fn resolve(from: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> =
        if link.starts_with('/') { Vec::new() } else { from.split('/').collect() };
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(files: &[(&str, &str)]) -> Vec<String> {
        failures(&Checkout::of(files)).iter().map(Failure::to_string).collect()
    }

    #[test]
    fn the_map_names_only_what_exists() {
        for (text, good) in [
            ("`crates/a` and `crates/a/`", true),
            ("`crates/a`: `crates/a/Cargo.toml`, `crates/a/*.rs`, `proto`, `a/b`", true),
            ("`crates/a`, `crates/b`", false),
            ("`crates/a`, `.ci/run`", false),
            ("`crates/a`\n```\n`crates/b`\n```\n", true),
            ("crates/a without backticks", false),
        ] {
            let files = [(MAP, text), ("crates/a/Cargo.toml", "")];
            assert_eq!(places(&files).is_empty(), good, "{text}");
        }
    }

    #[test]
    fn a_missing_map_is_reported() {
        assert_eq!(places(&[("README.md", "")]).len(), 1);
    }

    #[test]
    fn links_lead_somewhere() {
        for (paper, text, good) in [
            ("README.md", "[map](ARCHITECTURE.md) [a](ARCHITECTURE.md#the-map) [b](#here)", true),
            ("README.md", "[out](https://example.org/x) [mail](mailto:a@example.org)", true),
            ("README.md", "[map](MAP.md)", false),
            ("README.md", "[map](ARCHITECTURE.md \"title\"), [gone](docs/)", false),
            ("README.md", "`[map](MAP.md)` is only an example", true),
            ("README.md", "```\n[map](MAP.md)\n```", true),
            ("datasets/README.md", "[map](../ARCHITECTURE.md) [up](..) [here](README.md)", true),
            ("datasets/README.md", "[map](ARCHITECTURE.md)", false),
            ("datasets/README.md", "[map](/ARCHITECTURE.md)", true),
            ("datasets/README.md", "[out](../../outside.md)", false),
        ] {
            let files = [(MAP, "The map."), (paper, text)];
            assert_eq!(places(&files).is_empty(), good, "{paper}: {text}");
        }
    }

    #[test]
    fn a_failure_names_file_and_line() {
        let files = [(MAP, "The map.\n\nSee [it](gone.md)."), ("README.md", "")];
        assert_eq!(
            places(&files),
            ["ARCHITECTURE.md:3: the link to gone.md leads nowhere: correct it"]
        );
    }
}
