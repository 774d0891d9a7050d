//! CSV files as they come: delimiters, encodings, broken rows, and what becomes of each.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write as _;
use std::path::PathBuf;

use empi_formats::{Chunk, ColumnMap, FormatError, ReaderOptions, open};
use empi_model::{Identifier, SourceRecord};
use tempfile::TempDir;

struct Sample {
    directory: TempDir,
    path: PathBuf,
}

fn sample(name: &str, bytes: &[u8]) -> Sample {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    Sample { directory, path }
}

fn read_with(sample: &Sample, options: &ReaderOptions) -> Result<(Chunk, String), FormatError> {
    let mut reader = open(&sample.path, options)?;
    let recognised = reader.recognised().to_string();
    let mut all = Chunk::default();
    while let Some(chunk) = reader.next_chunk()? {
        all.records.extend(chunk.records);
        all.truth.extend(chunk.truth);
        all.lines.extend(chunk.lines);
        all.rejects.extend(chunk.rejects);
    }
    assert_eq!(reader.bytes_read(), reader.bytes_total());
    assert_eq!(all.lines.len(), all.records.len());
    Ok((all, recognised))
}

fn read(bytes: &[u8]) -> Chunk {
    read_with(&sample("h.csv", bytes), &ReaderOptions::default()).unwrap().0
}

fn error(name: &str, bytes: &[u8]) -> String {
    let sample = sample(name, bytes);
    let error = read_with(&sample, &ReaderOptions::default()).unwrap_err();
    error.to_string().replace(&sample.directory.path().display().to_string(), "")
}

fn family(record: &SourceRecord) -> &str {
    record.names[0].family.as_ref().unwrap().expose()
}

#[test]
fn delimiters_marks_and_line_ends_are_found() {
    for bytes in [
        "given_name,family_name\nAnn,Lee\n".as_bytes(),
        b"\xEF\xBB\xBFgiven_name;family_name\r\nAnn;Lee\r\n",
        b"given_name\tfamily_name\rAnn\tLee\r",
        b"\"given_name\"|\"family_name\"\nAnn|Lee",
        b"sep=;\r\ngiven_name;family_name\r\nAnn;Lee",
        b"\n\nfamily_name , given_name\n\n Lee , \"Ann\" \n,,\n",
        b"\xFF\xFEg\0i\0v\0e\0n\0_\0n\0a\0m\0e\0,\0f\0a\0m\0i\0l\0y\0_\0n\0a\0m\0e\0\n\0A\0n\0n\0,\0L\0e\0e\0",
    ] {
        let chunk = read(bytes);
        assert_eq!(chunk.rejects, [], "{}", String::from_utf8_lossy(bytes));
        assert_eq!(chunk.records.len(), 1);
        assert_eq!(family(&chunk.records[0]), "Lee");
        assert_eq!(chunk.records[0].names[0].given, Some("Ann".into()));
        assert_eq!(chunk.records[0].key.source, "h");
        assert_eq!(chunk.records[0].key.record_id, "1");
    }
}

#[test]
fn packed_files_of_several_members_are_read_whole() {
    let mut packed = Vec::new();
    for part in ["surname\nLee\n", "Kim\n"] {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(part.as_bytes()).unwrap();
        packed.extend(encoder.finish().unwrap());
    }
    let sample = sample("clinic.csv.gz", &packed);
    let (chunk, _) = read_with(&sample, &ReaderOptions::default()).unwrap();
    assert_eq!(chunk.records.iter().map(family).collect::<Vec<_>>(), ["Lee", "Kim"]);
    assert_eq!(chunk.records[1].key.source, "clinic");
    let cut = self::sample("cut.csv.gz", &packed[..packed.len() - 6]);
    let failed = read_with(&cut, &ReaderOptions::default()).unwrap_err();
    assert!(failed.to_string().contains("cannot be read"), "{failed}");
}

#[test]
fn long_files_of_old_encodings_are_read_whole_in_parts() {
    // Letters of one byte there and of two or three here: parts end in the middle of a letter's room.
    for (fill, packed) in [("ö", b"\xF6".as_slice()), ("€", b"\x80")] {
        let mut bytes = b"id,surname,city\n".to_vec();
        let rows = 60_000;
        for row in 0..rows {
            bytes.extend(format!("{row},Lee,K").into_bytes());
            bytes.extend(packed.repeat(20 + row % 7));
            bytes.push(b'\n');
        }
        let sample = sample("old.csv", &bytes);
        let mut reader = open(&sample.path, &ReaderOptions::default()).unwrap();
        let mut count = 0;
        while let Some(part) = reader.next_unparsed().unwrap() {
            let chunk = part.parse().unwrap();
            assert_eq!(chunk.rejects, []);
            for record in &chunk.records {
                let row: usize = record.key.record_id.parse().unwrap();
                let city = record.addresses[0].city.as_ref().unwrap().expose();
                assert_eq!(city, format!("K{}", fill.repeat(20 + row % 7)));
            }
            count += chunk.records.len();
        }
        assert_eq!(count, rows);
    }
}

#[test]
fn old_encodings_are_read_and_said() {
    let sample = sample("old.csv", b"surname,city\nM\xFCller,K\xF6ln\n");
    let (chunk, recognised) = read_with(&sample, &ReaderOptions::default()).unwrap();
    assert_eq!(family(&chunk.records[0]), "Müller");
    assert!(recognised.ends_with("; read as windows-1252"), "{recognised}");
    assert_eq!(family(&read("surname\nMüller\n".as_bytes()).records[0]), "Müller");
}

#[test]
fn a_bad_row_is_set_aside_with_its_line_and_text_and_costs_no_other() {
    let long = "x".repeat((1 << 20) + 5);
    let text = format!(
        "id,surname,city\n1,Lee,Rome\n2,Kim\n3,\"O\"\"Neil\",\"a\nb\"\n4,\"Open,Bern\n\
         5,Roe,Oslo,extra\n6,\"Doe\"x,Bonn\n7,N\0L,Paris\n,Blank,Wien\n8,{long},Linz\n9,Fay,Nice,,\n"
    );
    let chunk = read(text.as_bytes());
    let ids: Vec<&str> = chunk.records.iter().map(|it| it.key.record_id.as_str()).collect();
    assert_eq!(ids, ["1", "3", "9"]);
    assert_eq!(chunk.lines, [2, 4, 12]);
    assert_eq!(family(&chunk.records[1]), "O\"Neil");
    assert_eq!(chunk.records[1].addresses[0].city, Some("a\nb".into()));
    let found: Vec<(u64, &str)> =
        chunk.rejects.iter().map(|it| (it.line, it.reason.as_str())).collect();
    let fields =
        |count: u8| format!("the row has {count} fields, but the first row names 3 columns");
    assert_eq!(found[0], (3, fields(2).as_str()));
    assert_eq!(found[2], (7, fields(4).as_str()));
    for (at, (line, reason)) in [
        (1, (6, "a quote is opened and not closed")),
        (3, (8, "a quoted field goes on")),
        (4, (9, "the row holds a NUL byte")),
        (5, (10, "the record ID is blank")),
        (6, (11, "the row is longer than the limit")),
    ] {
        assert_eq!(found[at].0, line);
        assert!(found[at].1.starts_with(reason), "{}", found[at].1);
    }
    let raw: Vec<&str> = chunk.rejects.iter().map(|it| it.raw.expose()).collect();
    assert_eq!(raw[..4], ["2,Kim", "4,\"Open,Bern", "5,Roe,Oslo,extra", "6,\"Doe\"x,Bonn"]);
    assert_eq!(raw[6].len(), 1 << 20);
    assert!(!format!("{:?}", chunk.rejects).contains("Kim"));
}

#[test]
fn strict_reading_stops_at_the_first_bad_row() {
    let sample = sample("h.csv", b"id,surname\n1,Lee\n2\n");
    let options = ReaderOptions { strict: true, ..ReaderOptions::default() };
    let failed = read_with(&sample, &options).unwrap_err().to_string();
    assert!(
        failed.contains("h.csv:3: the row has 1 fields, but the first row names 2"),
        "{failed}"
    );
}

#[test]
fn what_is_no_file_of_records_is_said_in_a_sentence() {
    for (name, bytes, expected) in [
        ("a.csv", b"".as_slice(), "/a.csv: there are no records in it: the file is empty"),
        ("a.csv", b"\n\n", "/a.csv: there are no records in it: the file is empty"),
        ("a.csv", b"surname,dob\n", "its first row names columns, and no rows follow"),
        ("a.csv", b"x,y\n1,2\n", "none of its 2 columns is known"),
        ("a.csv", b"s\0u\0r\0n\0", "holds NUL bytes"),
        ("a.csv", b"\"surname\n1\n", "its first row cannot be read: a quote is opened"),
        ("a.xlsx", b"PK", "the name tells no known format"),
        ("a.parquet", b"PAR1nonsensePAR1", "/a.parquet: not a readable Parquet file"),
    ] {
        let found = error(name, bytes);
        assert!(found.contains(expected), "{found}");
        assert!(!found.contains('\n'));
    }
    let directory = tempfile::tempdir().unwrap();
    let failed = |path| open(path, &ReaderOptions::default()).err().unwrap().to_string();
    assert!(failed(directory.path().join("no.csv")).contains("cannot be read"));
    assert!(failed(directory.path().to_owned()).contains("not a regular file"));
}

#[test]
fn lists_pair_up() {
    let chunk = read(
        b"source,record_id,given,surname,middle,street_number,address_1,address_2,suburb,home phone,cell,mrn,\
          identifier,national_id,maiden_name\n\
          s,1,Mary|Maria,Smith|Jones,,6,main st,willow,perth|sydney,1|2,3,77,PLAN:9|http://x.org:8|5,N1,\n\
          ,2,Ann,Lee,B,,,,,,,,,,Roe\n",
    );
    let record = &chunk.records[0];
    let names: Vec<_> = record
        .names
        .iter()
        .map(|it| [&it.given, &it.family].map(|it| it.as_ref().unwrap().expose()))
        .collect();
    assert_eq!(names, [["Mary", "Smith"], ["Maria", "Jones"]]);
    assert_eq!(record.addresses[0].street, Some("6 main st".into()));
    assert_eq!(record.addresses[0].unit, Some("willow".into()));
    assert_eq!(record.addresses[1].city, Some("sydney".into()));
    assert_eq!(record.phones, ["1".into(), "2".into(), "3".into()]);
    let identifier = |authority: &str, value: &str| Identifier {
        authority: authority.into(),
        value: value.into(),
    };
    assert_eq!(
        record.identifiers,
        [
            identifier("s", "77"),
            identifier("PLAN", "9"),
            identifier("http://x.org", "8"),
            identifier("s", "5"),
            identifier("national_id", "N1"),
        ]
    );
    let second = &chunk.records[1];
    assert_eq!(second.key.source, "h");
    assert_eq!(second.names[1].given, Some("Ann".into()));
    assert_eq!(second.names[1].family, Some("Roe".into()));
}

#[test]
fn a_part_given_once_holds_for_every_name() {
    let record = &read(b"given,surname\nMary,Smith|Jones\n").records[0];
    assert_eq!(record.names.len(), 2);
    assert_eq!(record.names[1].given, Some("Mary".into()));
    let record = &read(b"given,surname\nMary|Maria,Smith|\n").records[0];
    assert_eq!(record.names[1].family, None);
}

#[test]
fn day_first_dates_become_iso() {
    let dates = |bytes: &[u8]| -> Vec<String> {
        let records = read(bytes).records;
        records.into_iter().map(|it| it.birth_date.unwrap().into_exposed()).collect()
    };
    assert_eq!(dates(b"dob\n03/04/1980\n25/12/1980\n"), ["1980-04-03", "1980-12-25"]);
    assert_eq!(dates(b"dob\n03/04/1980\n12/25/1980\n"), ["03/04/1980", "12/25/1980"]);
    assert_eq!(dates(b"dob\n25/12/1980\n12/25/1980\n"), ["25/12/1980", "12/25/1980"]);
}

#[test]
fn truth_is_returned_when_asked_for_and_never_used() {
    let sample = sample("h.csv", b"person_id,surname\nP1,Lee\n,Kim\n");
    let options =
        ReaderOptions { truth_column: Some("person_id".into()), ..ReaderOptions::default() };
    let (chunk, _) = read_with(&sample, &options).unwrap();
    assert_eq!(chunk.truth, [Some("P1".to_owned()), None]);
    let (chunk, recognised) = read_with(&sample, &ReaderOptions::default()).unwrap();
    assert!(chunk.truth.is_empty());
    assert_eq!(chunk.records[0].key.record_id, "1");
    assert!(recognised.contains("ignoring \"person_id\""));
    let options = ReaderOptions { truth_column: Some("label".into()), ..ReaderOptions::default() };
    let failed = read_with(&sample, &options).unwrap_err().to_string();
    assert!(failed.contains("there is no column \"label\", which the truth option names"));
}

#[test]
fn the_columns_file_and_constants_are_followed() {
    let sample = sample("h.csv", b"a,b,state\n1,Lee,\n2,Kim,TX\n");
    let columns = ColumnMap::parse(
        "[columns]\na='record_id'\nb='family_name'\n[constants]\nsource='clinic'\nstate='MA'",
    );
    let options = ReaderOptions { columns: columns.unwrap(), ..ReaderOptions::default() };
    let (chunk, _) = read_with(&sample, &options).unwrap();
    assert_eq!(chunk.records[0].key.source, "clinic");
    let states: Vec<_> = chunk.records.iter().map(|it| it.addresses[0].state.clone()).collect();
    assert_eq!(states, [Some("MA".into()), Some("TX".into())]);
}

#[test]
fn blank_rows_end_nothing() {
    let sample = sample("h.csv", b"surname,dob\nA,\n,\n\n,\n,\nB,\n,\n");
    let options = ReaderOptions { chunk_rows: 1, ..ReaderOptions::default() };
    let (chunk, _) = read_with(&sample, &options).unwrap();
    assert_eq!(chunk.records.iter().map(family).collect::<Vec<_>>(), ["A", "B"]);
}

#[test]
fn chunks_have_their_size_and_a_record_can_be_set_aside_later() {
    let sample = sample("h.csv", b"surname\nA\nB\nC\n");
    let options = ReaderOptions { chunk_rows: 2, ..ReaderOptions::default() };
    let mut reader = open(&sample.path, &options).unwrap();
    let chunk = reader.next_chunk().unwrap().unwrap();
    assert_eq!(chunk.records.len(), 2);
    let reject = chunk.reject(&sample.path, 1, "came before");
    assert_eq!((reject.line, reject.reason.as_str()), (3, "came before"));
    assert!(reject.raw.expose().starts_with("h,2,,,B,"));
    assert_eq!(reader.next_chunk().unwrap().unwrap().records.len(), 1);
    assert!(reader.next_chunk().unwrap().is_none());
}

/// A file whose beginning raises no question, long enough that its end is another part.
fn long_sample(last: &[u8]) -> Sample {
    let mut bytes = b"id,surname,dob\n".to_vec();
    for number in 0..40_000 {
        bytes.extend_from_slice(format!("r{number},Okafor,1980-03-12\n").as_bytes());
    }
    bytes.extend_from_slice(last);
    sample("long.csv", &bytes)
}

#[test]
fn a_question_that_comes_up_late_is_answered_by_the_whole_file() {
    for (last, family_name, birth_date, finding) in [
        (&b"x,M\xfcller,1980-03-12\n"[..], "M\u{fc}ller", "1980-03-12", "read as windows-1252"),
        (b"w,A,25/12/1980\nx,B,03/04/1980\n", "B", "1980-04-03", "birth dates are day-first"),
        ("x,M\u{fc}ller,03/04/1980\n".as_bytes(), "M\u{fc}ller", "03/04/1980", ""),
    ] {
        let sample = long_sample(last);
        let mut reader = open(&sample.path, &ReaderOptions::default()).unwrap();
        let mut parts = Vec::new();
        while let Some(part) = reader.next_unparsed().unwrap() {
            parts.push(part);
        }
        assert!(parts.len() > 1);
        let chunk = parts.last().unwrap().parse().unwrap();
        let record = chunk.records.last().unwrap();
        assert_eq!(family(record), family_name);
        assert_eq!(record.birth_date.as_ref().unwrap().expose(), birth_date);
        assert_eq!(reader.late_finding().unwrap_or_default(), finding);
        let lines: Vec<u64> = parts.iter().flat_map(|it| it.parse().unwrap().lines).collect();
        let expected: Vec<u64> = (2..2 + lines.len() as u64).collect();
        assert_eq!(lines, expected);
        // Chunk by chunk the same records come.
        let (whole, _) = read_with(&sample, &ReaderOptions::default()).unwrap();
        assert_eq!(family(whole.records.last().unwrap()), family_name);
        assert_eq!(whole.records.len(), lines.len());
    }
}
