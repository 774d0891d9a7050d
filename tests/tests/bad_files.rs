//! Bad files: each a sentence that says what to do, the right exit code, and nothing half written.

use std::process::Command;

use empi_tests::{Folder, Patient, Table, empi_in, nth_patient};

use crate::registration::{alice, robert};

/// Good rows around bad ones, and the lines of the bad ones.
fn broken(folder: &Folder) -> (String, Vec<u64>) {
    let good = Patient::csv([("a", "1", &robert()), ("a", "2", &alice())]);
    let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
    lines.insert(2, "a,bad-1,too,few".to_owned());
    let too_many = format!("{},and,more,fields", lines[1].replace("a,1,", "a,bad-2,"));
    lines.push(too_many);
    // A key that stood before: one record cannot be two rows.
    lines.push(lines[1].clone());
    let mut bytes = lines.join("\n").into_bytes();
    bytes.push(b'\n');
    (folder.write("broken.csv", bytes), vec![3, 5, 6])
}

#[test]
fn bad_rows_are_set_aside_by_file_and_line_and_stop_nothing() {
    let folder = Folder::new();
    let (file, bad_lines) = broken(&folder);
    let outputs = ["--out", "clusters.csv", "--summary", "summary.json"];
    let run = empi_in(folder.root(), &[&["link", &file], &outputs[..]].concat()).succeeded();
    assert!(run.stderr.contains("3 bad rows"), "{}", run.stderr);
    assert!(run.stderr.contains("clusters.rejects.csv"), "{}", run.stderr);
    let rejects = Table::read(&folder.path("clusters.rejects.csv"));
    let mut lines: Vec<u64> =
        rejects.column("line").map(|line| line.parse().expect("a line is a number")).collect();
    lines.sort_unstable();
    assert_eq!(lines, bad_lines);
    assert!(rejects.column("file").all(|named| named.ends_with("broken.csv")));
    assert!(rejects.column("reason").all(|reason| !reason.is_empty()));
    let summary: serde_json::Value =
        serde_json::from_str(&folder.read("summary.json")).expect("the summary is JSON");
    assert_eq!((&summary["records"], &summary["rejected"]), (&2.into(), &3.into()));
    assert_eq!(Table::read(&folder.path("clusters.csv")).rows.len(), 2);
}

#[test]
fn strict_reading_stops_at_the_first_bad_row_and_writes_nothing() {
    let folder = Folder::new();
    let (file, _) = broken(&folder);
    let run = empi_in(folder.root(), &["link", &file, "--strict", "--out", "clusters.csv"]);
    run.failed(1, &["broken.csv:3", "strict"]);
    assert!(!folder.has("clusters.csv"));
}

/// What is given, what is said, and with which exit code.
struct Case {
    what: &'static str,
    /// The name of the input file, or nothing, and its content.
    file: (&'static str, &'static str),
    arguments: &'static [&'static str],
    code: i32,
    says: &'static [&'static str],
}

const RECORDS: &str = "record_id,given_name,family_name,birth_date\n1,Ann,Lee,1980-02-29\n";

const CASES: [Case; 14] = [
    Case {
        what: "an empty file",
        file: ("in.csv", ""),
        arguments: &["--out", "clusters.csv"],
        code: 1,
        says: &["in.csv", "no records"],
    },
    Case {
        what: "a header and nothing else",
        file: ("in.csv", "given_name,family_name,birth_date\n"),
        arguments: &["--out", "clusters.csv"],
        code: 1,
        says: &["in.csv", "no records"],
    },
    Case {
        what: "a file without a header",
        file: ("in.csv", "1,Ann,Lee,1980-02-29\n2,Bo,Ray,1981-01-31\n"),
        arguments: &["--out", "clusters.csv"],
        code: 1,
        says: &["in.csv", "--columns"],
    },
    Case {
        what: "a file that is not there",
        file: ("other.csv", RECORDS),
        arguments: &["--out", "clusters.csv", "in.csv"],
        code: 1,
        says: &["in.csv", "cannot be read"],
    },
    Case {
        what: "a format that nobody knows",
        file: ("in.xlsx", RECORDS),
        arguments: &["--out", "clusters.csv"],
        code: 1,
        says: &["in.xlsx", ".csv", ".parquet"],
    },
    Case {
        what: "a .parquet that is none",
        file: ("in.parquet", RECORDS),
        arguments: &["--out", "clusters.csv"],
        code: 1,
        says: &["in.parquet"],
    },
    Case {
        what: "a columns file that is not there",
        file: ("in.csv", RECORDS),
        arguments: &["--out", "clusters.csv", "--columns", "none.toml"],
        code: 1,
        says: &["none.toml", "cannot be read"],
    },
    Case {
        what: "a columns file that maps a column that is not there",
        file: ("in.csv", RECORDS),
        arguments: &["--out", "clusters.csv", "--columns", "wrong-column.toml"],
        code: 1,
        says: &["in.csv", "no column", "patient no"],
    },
    Case {
        what: "a columns file that maps to a field that does not exist",
        file: ("in.csv", RECORDS),
        arguments: &["--out", "clusters.csv", "--columns", "wrong-field.toml"],
        code: 1,
        says: &["wrong-field.toml", "shoe_size", "given_name"],
    },
    Case {
        what: "a truth column that is not there",
        file: ("in.csv", RECORDS),
        arguments: &["--out", "clusters.csv", "--truth", "who"],
        code: 1,
        says: &["in.csv", "no column", "who", "truth"],
    },
    Case {
        what: "a model file that is no model",
        file: ("in.csv", RECORDS),
        arguments: &["--out", "clusters.csv", "--model", "no-model.toml"],
        code: 1,
        says: &["no-model.toml"],
    },
    Case {
        what: "a folder that cannot be written to",
        file: ("in.csv", RECORDS),
        arguments: &["--out", "no-such-folder/clusters.csv"],
        code: 1,
        says: &["no-such-folder", "cannot be written"],
    },
    Case {
        what: "no output named",
        file: ("in.csv", RECORDS),
        arguments: &[],
        code: 2,
        says: &["--out"],
    },
    Case {
        what: "an option that does not exist",
        file: ("in.csv", RECORDS),
        arguments: &["--out", "clusters.csv", "--colums", "x"],
        code: 2,
        says: &["--colums"],
    },
];

#[test]
fn every_bad_input_has_its_sentence_and_its_exit_code() {
    for Case { what, file: (name, content), arguments, code, says } in CASES {
        let folder = Folder::new();
        let _ = folder.write(name, content);
        let _ = folder.write("wrong-column.toml", "[columns]\n'patient no' = 'ssn'\n");
        let _ = folder.write("wrong-field.toml", "[columns]\ngiven_name = 'shoe_size'\n");
        let _ = folder.write("no-model.toml", "format = 1\nname = 'x'\nversion = 1\n");
        let named = if arguments.contains(&"in.csv") { &[][..] } else { &[name][..] };
        let run = empi_in(folder.root(), &[&["link"], named, arguments].concat());
        eprintln!("{what}: {}", run.stderr.trim_end());
        run.failed(code, says);
        assert!(!folder.has("clusters.csv"), "{what}: nothing half written");
    }
}

#[test]
fn a_compressed_file_that_was_cut_off_is_not_taken_for_a_whole_one() {
    let folder = Folder::new();
    let patients: Vec<Patient> = (0..2_000).map(nth_patient).collect();
    let ids: Vec<String> = (0..2_000).map(|number: u32| number.to_string()).collect();
    let rows = ids.iter().zip(&patients).map(|(id, patient)| ("a", id.as_str(), patient));
    let path = folder.write("in.csv", Patient::csv(rows));
    assert!(Command::new("gzip").arg(&path).status().expect("gzip is there").success());
    let whole = std::fs::read(folder.path("in.csv.gz")).expect("gzip wrote it");
    let _ = folder.write("in.csv.gz", &whole[..whole.len() / 2]);
    let run = empi_in(folder.root(), &["link", "in.csv.gz", "--out", "clusters.csv"]);
    run.failed(1, &["in.csv.gz"]);
    assert!(!folder.has("clusters.csv"), "nothing half written");
}
