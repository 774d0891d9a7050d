//! Rules for every text: it names no place that only one machine, or one network, has.

use super::Failure;
use super::checkout::Text;

/// Folders of one machine or one person. Each is split in two, or this table would report itself.
const FOLDERS: [&str; 3] = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/wo", "rk/")];

/// Hosts that package clients know by themselves.
const HOSTS: [&str; 6] = [
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("pypi", ".org"),
    concat!("files.", "pythonhosted.org"),
    concat!("registry.", "npmjs.org"),
    concat!("deb.", "debian.org"),
];

/// Values and checksums that programs write are no texts in this sense.
const EXEMPT: [&str; 2] = ["csv", "lock"];

pub(super) fn failures(source: Text<'_>) -> Vec<Failure> {
    if source.path.rsplit_once('.').is_some_and(|(_, extension)| EXEMPT.contains(&extension)) {
        return Vec::new();
    }
    let mut failures = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        for folder in FOLDERS {
            if begins_a_path(line, folder) {
                let advice =
                    format!("`{folder}` is a folder of one machine: take the path from the caller");
                failures.push(Failure::at(source.path, index + 1, advice));
            }
        }
        for host in HOSTS {
            if line.contains(host) {
                let advice = format!("`{host}` is named: let the package client find its registry");
                failures.push(Failure::at(source.path, index + 1, advice));
            }
        }
    }
    failures
}

/// Whether an absolute path begins with the folder somewhere in the line; `target/x/` is none.
fn begins_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|letter| letter.is_alphanumeric() || "._-}$/*~".contains(letter))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(path: &str, text: &str) -> Vec<Option<usize>> {
        failures(Text { path, text }).iter().map(|failure| failure.line).collect()
    }

    #[test]
    fn no_file_knows_one_machine() {
        for folder in FOLDERS {
            for (text, found) in [
                (format!("x\nread \"{folder}data\""), vec![Some(2)]),
                (format!("{folder}data"), vec![Some(1)]),
                (format!("target{folder}data ${{cache}}{folder}"), vec![]),
            ] {
                assert_eq!(lines_of("README.md", &text), found, "{text}");
                assert_eq!(lines_of("datasets/a.csv", &text), [], "{text}");
            }
        }
    }

    #[test]
    fn no_file_names_a_registry() {
        for host in HOSTS {
            assert_eq!(lines_of(".ci/setup", &format!("fetch https://{host}/x")), [Some(1)]);
            assert_eq!(lines_of("Cargo.lock", host), []);
        }
        assert_eq!(lines_of("README.md", "install Rust with rustup (https://rustup.rs)"), []);
    }
}
