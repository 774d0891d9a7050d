//! What the rules look at: the files of the checkout, as they are on disk, committed or not.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// The files of a checkout by path from its root, with `/` between the parts.
#[derive(Debug, Default)]
pub(super) struct Checkout {
    files: BTreeMap<String, File>,
}

/// One file: its size, and its text where it is UTF-8.
#[derive(Debug)]
pub(super) struct File {
    /// Size in bytes.
    pub(super) bytes: usize,
    text: Option<String>,
}

/// A text file of the checkout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    /// The path from the root.
    pub(super) path: &'a str,
    /// The content.
    pub(super) text: &'a str,
}

impl Checkout {
    /// Reads every file under `root` that Git would see: all but `.git` and what `.gitignore` names.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let ignored = Ignored::parse(&fs::read_to_string(root.join(".gitignore"))?)?;
        let mut checkout = Self::default();
        checkout.read_folder(root, "", &ignored)?;
        Ok(checkout)
    }

    /// A made-up checkout for the tests of the rules.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let mut checkout = Self::default();
        for (path, text) in files {
            checkout.insert((*path).to_owned(), text.as_bytes().to_vec());
        }
        checkout
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str, ignored: &Ignored) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let name = entry.file_name().into_string().ok().context("a file name is not UTF-8")?;
            let path = format!("{prefix}{name}");
            if name == ".git" || ignored.covers(&path) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.read_folder(&entry.path(), &format!("{path}/"), ignored)?;
            } else if kind.is_file() {
                let content = fs::read(entry.path()).with_context(|| path.clone())?;
                self.insert(path, content);
            }
        }
        Ok(())
    }

    fn insert(&mut self, path: String, content: Vec<u8>) {
        let bytes = content.len();
        self.files.insert(path, File { bytes, text: String::from_utf8(content).ok() });
    }

    /// Every file, in the order of the paths.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &File)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// Every text file.
    pub(super) fn all_texts(&self) -> impl Iterator<Item = Text<'_>> {
        self.files().filter_map(|(path, file)| Some(Text { path, text: file.text.as_deref()? }))
    }

    /// Every text file whose name ends with `.extension`.
    pub(super) fn texts<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = Text<'a>> {
        self.all_texts().filter(move |text| {
            text.path.strip_suffix(extension).is_some_and(|stem| stem.ends_with('.'))
        })
    }

    /// The text of one file.
    pub(super) fn text(&self, path: &str) -> Option<Text<'_>> {
        let (path, file) = self.files.get_key_value(path)?;
        Some(Text { path, text: file.text.as_deref()? })
    }

    /// Whether a file or a folder of that path exists.
    pub(super) fn contains(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self
                .files
                .range(folder.clone()..)
                .next()
                .is_some_and(|(p, _)| p.starts_with(&folder))
    }
}

/// The two forms of line that `.gitignore` uses: `/path/from/the/root` and `*.ending`.
#[derive(Debug)]
struct Ignored {
    paths: Vec<String>,
    endings: Vec<String>,
}

impl Ignored {
    fn parse(text: &str) -> Result<Self> {
        let mut ignored = Self { paths: Vec::new(), endings: Vec::new() };
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(path) = line.strip_prefix('/') {
                ignored.paths.push(path.trim_end_matches('/').to_owned());
            } else if let Some(ending) = line.strip_prefix('*') {
                ignored.endings.push(ending.to_owned());
            } else {
                bail!(
                    "write `{line}` in .gitignore as /path or *.ending, the forms that tidy reads"
                );
            }
        }
        Ok(ignored)
    }

    fn covers(&self, path: &str) -> bool {
        self.paths.iter().any(|ignored| ignored == path)
            || self.endings.iter().any(|ending| path.ends_with(ending.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignores_what_gitignore_names() {
        let ignored =
            Ignored::parse("# built\n/target\n/datasets/febrl/\n\n*.rejects.csv\n").unwrap();
        for (path, covered) in [
            ("target", true),
            ("crates/target", false),
            ("datasets/febrl", true),
            ("datasets/small", false),
            ("datasets/small/a.rejects.csv", true),
            ("datasets/small/a.csv", false),
        ] {
            assert_eq!(ignored.covers(path), covered, "{path}");
        }
        assert!(Ignored::parse("target/\n").is_err());
    }

    #[test]
    fn finds_files_folders_and_texts() {
        let checkout = Checkout::of(&[("a/b.rs", "//! B."), ("a/c-rs", ""), ("ab/d.md", "")]);
        for (path, exists) in
            [("a", true), ("a/", true), ("a/b.rs", true), ("b", false), ("a/b", false), ("", true)]
        {
            assert_eq!(checkout.contains(path), exists, "{path}");
        }
        let texts: Vec<&str> = checkout.texts("rs").map(|text| text.path).collect();
        assert_eq!(texts, ["a/b.rs"]);
        assert_eq!(checkout.text("a/b.rs").map(|text| text.text), Some("//! B."));
        assert!(checkout.text("a").is_none());
    }
}
