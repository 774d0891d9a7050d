//! Parquet, FHIR, what linking writes, and files of other people where they are at hand.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, DictionaryArray, Float64Array, Int64Array, LargeStringArray, ListArray,
    RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::{Int32Type, Int64Type};
use empi_formats::{
    Chunk, ClusterRow, ClustersReader, ClustersWriter, PairCells, PairRow, PairsReader,
    PairsWriter, ReaderOptions, Recognised, TruthReader, open, write_atomically, write_rejects,
};
use empi_model::{Identifier, LinkDecision, MatchWeight, PatientText, RecordKey};

fn read(path: &Path, options: &ReaderOptions) -> (Chunk, Recognised) {
    let mut reader = open(path, options).unwrap();
    let recognised = reader.recognised().clone();
    let mut all = Chunk::default();
    while let Some(chunk) = reader.next_chunk().unwrap() {
        all.records.extend(chunk.records);
        all.truth.extend(chunk.truth);
        all.rejects.extend(chunk.rejects);
    }
    assert_eq!(reader.bytes_read(), reader.bytes_total());
    (all, recognised)
}

fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn parquet_columns_of_any_simple_type_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("h.parquet");
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![None::<Vec<Option<i64>>>; 3]);
    write_parquet(
        &path,
        vec![
            ("id", Arc::new(Int64Array::from(vec![Some(7), None, Some(9)]))),
            ("first", Arc::new(StringArray::from(vec!["Ann", "Bob", " "]))),
            ("last", Arc::new(LargeStringArray::from(vec!["Lee", "Kim", "Roe"]))),
            (
                "sex",
                Arc::new(
                    vec![Some("F"), None, Some("M")]
                        .into_iter()
                        .collect::<DictionaryArray<Int32Type>>(),
                ),
            ),
            ("dob", Arc::new(Date32Array::from(vec![Some(0), None, Some(-1)]))),
            ("zip", Arc::new(Float64Array::from(vec![Some(2139.0), None, None]))),
            ("visits", Arc::new(list)),
            ("person_id", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
        ],
    );
    let options = ReaderOptions {
        truth_column: Some("person_id".into()),
        chunk_rows: 2,
        ..ReaderOptions::default()
    };
    let (chunk, recognised) = read(&path, &options);
    assert_eq!(recognised.ignored, ["visits"]);
    assert_eq!(chunk.records.len(), 2);
    assert_eq!((chunk.rejects.len(), chunk.rejects[0].line), (1, 2));
    assert!(chunk.rejects[0].raw.expose().contains("Kim"));
    assert_eq!(chunk.truth, [Some("a".to_owned()), Some("c".to_owned())]);
    let [first, second] = chunk.records.as_slice() else { panic!() };
    assert!(first.key == RecordKey::new("h", "7"));
    assert_eq!(first.birth_date, Some("1970-01-01".into()));
    assert_eq!(second.birth_date, Some("1969-12-31".into()));
    assert_eq!(first.addresses[0].postal_code, Some("2139".into()));
    assert_eq!(first.sex, Some("F".into()));
    assert_eq!(second.names[0].given, None);
    assert_eq!(second.names[0].family, Some("Roe".into()));
}

#[test]
fn parquet_dates_as_text_and_time_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("h.parquet");
    write_parquet(
        &path,
        vec![("dob", Arc::new(StringArray::from(vec!["3/4/1980", "25/12/1980"])))],
    );
    let (chunk, recognised) = read(&path, &ReaderOptions::default());
    assert!(recognised.day_first);
    assert_eq!(chunk.records[0].birth_date, Some("1980-04-03".into()));
    let times = TimestampMillisecondArray::from(vec![86_400_000 + 3_600_000]);
    write_parquet(&path, vec![("dob", Arc::new(times))]);
    let (chunk, _) = read(&path, &ReaderOptions::default());
    assert_eq!(chunk.records[0].birth_date, Some("1970-01-02".into()));
}

#[test]
fn damaged_parquet_is_an_error_wherever_it_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("h.parquet");
    write_parquet(&path, vec![("surname", Arc::new(StringArray::from(vec!["Lee"; 20])))]);
    let whole = std::fs::read(&path).unwrap();
    let mut refused = 0;
    for at in (4..whole.len()).step_by(3) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        std::fs::write(&path, damaged).unwrap();
        let result = open(&path, &ReaderOptions::default()).and_then(|mut it| it.next_chunk());
        refused += usize::from(result.is_err());
    }
    assert!(refused > 0);
}

#[test]
fn fhir_patients_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ward.ndjson");
    let patient = r#"{"resourceType":"Patient","id":"p1","active":true,
        "name":[{"use":"maiden","family":"Roe"},{"use":"official","family":"Lee","given":["Ann","Mary","B"],"suffix":["Jr"]}],
        "birthDate":"1980-01-02","gender":"female","multipleBirthInteger":2,
        "address":[{"use":"old","city":"Rome"},{"line":["1 Main St","Apt 2"],"city":"Bern","postalCode":"3000"}],
        "telecom":[{"system":"phone","value":"555-1"},{"system":"email","value":"a@b.c"},{"system":"url","value":"x"}],
        "identifier":[{"system":"urn:plan","value":"9"},{"system":"http://hl7.org/fhir/sid/us-ssn","value":"123-45-6789"},
          {"type":{"coding":[{"code":"MR"}]},"value":"77"}],
        "extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName","valueString":"Fay"},
          {"url":"http://hl7.org/fhir/StructureDefinition/patient-birthPlace","valueAddress":{"city":"Linz","country":"AT"}}],
        "contact":[{"relationship":[{"coding":[{"code":"GUARD"}]}],"name":{"family":"Lee","given":["Eve"]}}]}"#;
    let lines = [
        patient.replace('\n', " ").as_str(),
        "",
        "{\"resourceType\":\"Observation\",\"id\":\"o\"}",
        "{\"resourceType\":\"Patient\",\"id\":\"SECRET\",\"birthDate\":{}}",
        "{\"resourceType\":\"Patient\"",
        "{\"resourceType\":\"Patient\",\"id\":\" \"}",
    ]
    .join("\r\n");
    std::fs::write(&path, lines).unwrap();
    let (chunk, _) = read(&path, &ReaderOptions::default());
    let [record] = chunk.records.as_slice() else { panic!() };
    assert!(record.key == RecordKey::new("ward", "p1"));
    let name = &record.names[0];
    let given = [&name.given, &name.middle, &name.family, &name.suffix];
    assert_eq!(given.map(|it| it.as_ref().unwrap().expose()), ["Ann", "Mary B", "Lee", "Jr"]);
    assert_eq!(record.names[1].family, Some("Roe".into()));
    assert_eq!(record.addresses[0].street, Some("1 Main St".into()));
    assert_eq!(record.addresses[0].unit, Some("Apt 2".into()));
    assert_eq!(record.addresses[1].city, Some("Rome".into()));
    assert_eq!((record.phones.len(), record.emails.len()), (1, 1));
    assert_eq!(record.ssn, Some("123-45-6789".into()));
    let identifier = |authority: &str, value: &str| Identifier {
        authority: authority.into(),
        value: value.into(),
    };
    assert_eq!(record.identifiers, [identifier("ward", "77"), identifier("urn:plan", "9")]);
    let family = [
        &record.mother_maiden_name,
        &record.birth_place,
        &record.guardian_name,
        &record.birth_order,
    ];
    let family = family.map(|it| it.as_ref().map(PatientText::expose).unwrap());
    assert_eq!(family, ["Fay", "Linz, AT", "Eve Lee", "2"]);
    let reasons: Vec<_> = chunk.rejects.iter().map(|it| (it.line, it.reason.as_str())).collect();
    assert_eq!(reasons[0], (3, "the line is another resource than a Patient"));
    assert!(reasons[1].1.starts_with("the line is not a FHIR R4 Patient") && reasons[1].0 == 4);
    assert!(reasons[2].1.starts_with("the line is not valid JSON"));
    assert!(reasons[3].1.starts_with("the record ID is blank"));
    assert!(!reasons.iter().any(|(_, reason)| reason.contains("SECRET")));
}

#[test]
fn clusters_pairs_and_rejects_are_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let (clusters, pairs) = (directory.path().join("c.csv"), directory.path().join("p.csv"));
    let key = |id: &str| RecordKey::new("s,1", id);
    let cluster = ClusterRow { key: key("a\"b"), enterprise_id: "E1".into() };
    let mut writer = ClustersWriter::create(&clusters).unwrap();
    let rows = [("s,1", "a\"b", "E1".to_owned())];
    writer.append(&ClustersWriter::format(rows.into_iter())).unwrap();
    assert!(!clusters.exists(), "a file appears when it is complete");
    writer.finish().unwrap();
    let rows: Vec<_> = ClustersReader::open(&clusters).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(rows == [cluster]);
    let pair = PairRow {
        left: key("1"),
        right: key("2"),
        weight: MatchWeight::from_bits(-2.25),
        decision: LinkDecision::Review,
    };
    let mut writer = PairsWriter::create(&pairs).unwrap();
    let PairRow { weight, decision, .. } = pair;
    let cells = PairCells { left: ("s,1", "1"), right: ("s,1", "2"), weight, decision };
    writer.append(&PairsWriter::format([cells].into_iter())).unwrap();
    writer.finish().unwrap();
    let text = std::fs::read_to_string(&pairs).unwrap();
    assert!(text.ends_with("\"s,1\",1,\"s,1\",2,-2.2500,0.173706757,review\n"), "{text}");
    let rows: Vec<_> = PairsReader::open(&pairs).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(rows == [pair]);

    drop(ClustersWriter::create(directory.path().join("dropped.csv")).unwrap());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);

    std::fs::write(
        &pairs,
        format!("{}s,1,s,2,x,0.5,link\n", text.lines().next().unwrap().to_owned() + "\n"),
    )
    .unwrap();
    let failed = PairsReader::open(&pairs).unwrap().next().unwrap().unwrap_err().to_string();
    assert!(failed.ends_with("p.csv:2: the match weight is no number"), "{failed}");
    let failed = ClustersReader::open(&pairs).err().unwrap().to_string();
    assert!(failed.contains("there is no column \"source\""), "{failed}");
}

#[test]
fn rejects_and_whole_files_are_written() {
    let directory = tempfile::tempdir().unwrap();
    let (bad, out) = (directory.path().join("bad.csv"), directory.path().join("out.csv"));
    std::fs::write(&bad, "id,surname\n1,\"Lee\n2,Kim\n").unwrap();
    let (chunk, _) = read(&bad, &ReaderOptions::default());
    write_rejects(&out, &chunk.rejects).unwrap();
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.starts_with("file,line,reason,row\n"));
    assert!(text.ends_with(",\"1,\"\"Lee\"\n"), "{text}");
    write_atomically(&out, b"x").unwrap();
    assert_eq!(std::fs::read(&out).unwrap(), b"x");
    let failed = write_atomically(directory.path().join("no/x"), b"").unwrap_err().to_string();
    assert!(failed.contains("cannot be written"), "{failed}");
}

#[test]
fn truth_is_read_from_any_file_with_its_column() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("truth.csv");
    std::fs::write(&path, "source,record_id,person_id\na,1,P\nb,2,\n").unwrap();
    let rows: Vec<_> =
        TruthReader::open(&path, "person_id").unwrap().collect::<Result<_, _>>().unwrap();
    assert!(rows[0].key == RecordKey::new("a", "1"));
    assert_eq!((rows[0].truth.as_deref(), rows[1].truth.as_deref()), (Some("P"), None));
    assert!(TruthReader::open(&path, "nobody").is_err());
}

/// A file of the repository or of the shared data; says so when it is missing.
fn at_hand(path: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let found = [root.join(path), root.join("..").join(path)].into_iter().find(|it| it.exists());
    if found.is_none() {
        eprintln!("skipped: {path} is not here");
    }
    found
}

#[test]
fn known_files_are_recognised() {
    for (path, records, field_count) in [
        ("datasets/febrl/febrl1.csv", 1_000, 11 - 1),
        ("datasets/realistic-2k/records.csv", 2_000, 23),
        ("shared/data/jempi-kenya/synthetic_data_kenya_V000.csv", 5_035, 6),
        ("shared/data/opencr-uganda/uganda_data_v21_20201501.csv", 5_000, 8),
        ("shared/data/foreigners-pl/foreigners.csv", 110_000, 4),
        ("shared/data/synthea/Patient-10.ndjson", 13, 9),
        ("shared/data/synthea/Patient-100.ndjson", 120, 9),
    ] {
        let Some(path) = at_hand(path) else { continue };
        let (chunk, recognised) = read(&path, &ReaderOptions::default());
        eprintln!("{}: {} records, {recognised}", path.display(), chunk.records.len());
        assert_eq!(chunk.rejects.len(), 0, "{}", path.display());
        assert_eq!(chunk.records.len(), records, "{}", path.display());
        assert!(recognised.used.len() >= field_count, "{recognised}");
        let keys: std::collections::HashSet<_> = chunk.records.iter().map(|it| &it.key).collect();
        assert_eq!(keys.len(), chunk.records.len(), "{}", path.display());
    }
}
