//! `empi link` and `empi evaluate`: what they write is a contract with other programs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::process::Command;

use empi_tests::{Folder, Partition, Patient, Table, empi, nth_patient};
use serde_json::Value;

/// Writes a generated set and gives its path. The truth is in its last column.
pub(crate) fn generated(folder: &Folder, records: u32, seed: u32) -> String {
    let path = folder.path(&format!("generated-{records}-{seed}.csv"));
    let (records, seed) = (records.to_string(), seed.to_string());
    let arguments = ["generate", "--records", &records, "--seed", &seed, "--out", &path];
    let _ = empi(&arguments).succeeded();
    path
}

/// Links files in a folder, with every output, and gives the summary.
pub(crate) fn linked(folder: &Folder, files: &[&str], more: &[&str]) -> Value {
    let outputs = ["--out", "clusters.csv", "--pairs", "pairs.csv", "--summary", "summary.json"];
    let arguments = [&["link"], files, &outputs, more].concat();
    let run = empi_tests::empi_in(folder.root(), &arguments).succeeded();
    assert_eq!(run.stdout, "", "figures go to people on stderr, and to programs in the summary");
    assert!(!run.stderr.contains('\u{1b}') && !run.stderr.contains('\r'), "quiet in a pipe");
    serde_json::from_str(&folder.read("summary.json")).expect("the summary is JSON")
}

/// The persons that were written.
pub(crate) fn clusters(folder: &Folder) -> Partition {
    Partition::new(Table::read(&folder.path("clusters.csv")).by_key("enterprise_id", ""))
}

#[test]
fn every_record_stands_once_in_the_clusters_under_an_id_that_can_be_read_aloud() {
    let folder = Folder::new();
    let file = generated(&folder, 1_000, 3);
    let summary = linked(&folder, &[&file], &[]);
    let table = Table::read(&folder.path("clusters.csv"));
    assert_eq!(table.header, ["source", "record_id", "enterprise_id"]);
    let persons = clusters(&folder);
    let input = Table::read(&file).by_key("person_id", "");
    assert_eq!(persons.record_count(), input.len());
    assert!(input.keys().all(|record| !persons.person(record).is_empty()));
    assert_eq!(summary["records"], 1_000);
    assert_eq!(summary["rejected"], 0);
    assert_eq!(summary["persons"], persons.person_count());
    for id in table.column("enterprise_id") {
        let groups: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(groups, [4, 4, 3], "{id}");
    }
    assert!(!folder.has("clusters.rejects.csv"), "nothing was set aside");
}

#[test]
fn every_pair_has_its_weight_its_probability_and_its_decision() {
    let folder = Folder::new();
    let file = generated(&folder, 1_000, 3);
    let summary = linked(&folder, &[&file], &[]);
    let table = Table::read(&folder.path("pairs.csv"));
    let header = "left_source,left_record_id,right_source,right_record_id,match_weight,\
                  match_probability,decision";
    assert_eq!(table.header.join(","), header);
    let persons = clusters(&folder);
    let threshold = |name: &str| summary["thresholds"][name].as_f64().expect("in bits");
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut pairs, mut questions) = (HashSet::new(), HashSet::new());
    for row in &table.rows {
        let [left_source, left_id, right_source, right_id, weight, probability, decision] =
            row.as_slice()
        else {
            unreachable!("the header has seven columns")
        };
        let (left, right) =
            (format!("{left_source}/{left_id}"), format!("{right_source}/{right_id}"));
        assert!(!persons.person(&left).is_empty() && !persons.person(&right).is_empty());
        assert_ne!(left, right);
        let weight: f64 = weight.parse().expect("a weight is a number");
        let probability: f64 = probability.parse().expect("a probability is a number");
        let expected = 1.0 / (1.0 + (-weight).exp2());
        assert!((probability - expected).abs() < 1e-4, "{weight} bits are {probability}");
        let least = if decision == "link" { threshold("link") } else { threshold("review") };
        // The file rounds weights.
        assert!(weight >= least - 0.01, "{decision} at {weight} bits");
        *counts.entry(decision).or_default() += 1;
        let (one, other) = (persons.person(&left), persons.person(&right));
        if one != other {
            assert_eq!(decision, "review", "what links two records joins their persons");
            questions.insert(if one < other { (one, other) } else { (other, one) });
        }
        assert!(pairs.insert(if left < right { (left, right) } else { (right, left) }), "once");
    }
    assert_eq!(summary["reviews"], questions.len(), "one question for two persons");
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), ["link", "review"]);
    assert_eq!(summary["links"], counts["link"]);
    let candidates = summary["candidate_pairs"].as_u64().expect("a count");
    assert!(candidates >= counts.values().sum());
}

#[test]
fn the_summary_has_every_figure_and_the_quality_is_what_the_clusters_show() {
    let folder = Folder::new();
    let file = generated(&folder, 1_000, 3);
    let without_truth = linked(&folder, &[&file], &[]);
    assert!(without_truth.get("quality").is_none(), "no truth was named");
    let summary = linked(&folder, &[&file], &["--truth", "person_id"]);
    for name in ["records", "rejected", "candidate_pairs", "links", "reviews", "persons"] {
        assert!(summary[name].is_u64(), "{name}");
    }
    assert!(summary["peak_rss_bytes"].as_u64().is_some_and(|bytes| bytes > 1_000_000));
    assert!(summary["model"].as_str().is_some_and(|name| !name.is_empty()));
    let stages = summary["stages"].as_object().expect("seconds by stage");
    let seconds: Vec<f64> = stages.values().filter_map(Value::as_f64).collect();
    assert_eq!(seconds.len(), stages.len());
    for name in ["read", "block", "score", "cluster"] {
        assert!(stages.contains_key(name), "{name}");
    }
    let total = summary["total_seconds"].as_f64().expect("seconds");
    assert!(seconds.iter().sum::<f64>() <= total * 1.001 + 0.001, "stages are parts of the whole");

    let truth = Partition::new(Table::read(&file).by_key("person_id", ""));
    let agreement = clusters(&folder).compared_with(&truth);
    let figure = |name: &str| summary["quality"][name].as_f64().expect("a share");
    for (name, counted) in [
        ("precision", agreement.precision()),
        ("recall", agreement.recall()),
        ("f1", agreement.f1()),
    ] {
        assert!((figure(name) - counted).abs() < 1e-9, "{name}: {} and {counted}", figure(name));
    }
}

#[test]
fn evaluating_the_files_gives_what_the_linking_said() {
    let folder = Folder::new();
    let file = generated(&folder, 1_000, 3);
    let summary = linked(&folder, &[&file], &["--truth", "person_id"]);
    let (clusters, pairs) = (folder.path("clusters.csv"), folder.path("pairs.csv"));
    let mut arguments = vec!["evaluate", "--clusters", &clusters, "--truth", &file, "--json"];
    let measured = empi(&arguments).succeeded().json();
    for name in ["precision", "recall", "f1", "cluster_f1", "b_cubed_f1"] {
        assert_eq!(measured[name], summary["quality"][name], "{name}");
    }
    arguments.extend(["--pairs", &pairs]);
    let split = empi(&arguments).succeeded().json();
    let missed = |name: &str| split["missed"][name].as_u64().expect("a count");
    assert_eq!(missed("pairs"), summary["quality"]["missed"]["pairs"].as_u64().expect("a count"));
    assert!(missed("by_blocking") + missed("by_scoring") <= missed("pairs"));
}

#[test]
fn the_same_input_gives_the_same_bytes_for_any_threads_and_any_order() {
    let folder = Folder::new();
    let file = generated(&folder, 2_000, 11);
    let table = Table::read(&file);
    let reference = linked(&folder, &[&file], &["--threads", "1"]);
    let (clusters, pairs) = (folder.read("clusters.csv"), folder.read("pairs.csv"));
    let mut variants = vec![(file.clone(), "2"), (file, "8")];
    for seed in 1..=20 {
        let name = format!("shuffled-{seed}.csv");
        variants.push((folder.write(&name, table.shuffled(seed)), "2"));
    }
    for (file, threads) in variants {
        let summary = linked(&folder, &[&file], &["--threads", threads]);
        assert!(folder.read("clusters.csv") == clusters, "clusters of {file}, {threads} threads");
        assert!(folder.read("pairs.csv") == pairs, "pairs of {file}, {threads} threads");
        for name in ["candidate_pairs", "links", "reviews", "persons"] {
            assert_eq!(summary[name], reference[name], "{name} of {file}, {threads} threads");
        }
    }
}

#[test]
fn files_are_linked_across_and_compressed_files_are_read() {
    let folder = Folder::new();
    let rows: Vec<Patient> = (0..50).map(nth_patient).collect();
    let nicknamed: Vec<Patient> = rows.iter().cloned().map(Patient::under_nickname).collect();
    let csv = |patients: &[Patient]| {
        let text = Patient::csv(patients.iter().map(|patient| ("", "", patient)));
        // Neither source nor record ID: the file's stem and the row's number stand for them.
        let lines = text.lines().map(|line| line.strip_prefix(",,").unwrap_or(line));
        lines.collect::<Vec<_>>().join("\n").replacen("source,record_id,", "", 1)
    };
    let _ = folder.write("hospital.csv", csv(&rows));
    let _ = folder.write("clinic.csv", csv(&nicknamed));
    let status = Command::new("gzip").arg(folder.path("clinic.csv")).status();
    assert!(status.expect("gzip is there").success());

    let summary = linked(&folder, &["hospital.csv", "clinic.csv.gz"], &[]);
    assert_eq!((&summary["records"], &summary["persons"]), (&100.into(), &50.into()));
    let persons = clusters(&folder);
    for row in 1..=50 {
        assert!(persons.joins(&format!("hospital/{row}"), &format!("clinic/{row}")), "row {row}");
    }
}

#[test]
fn columns_of_any_name_are_mapped() {
    let folder = Folder::new();
    let file = folder.write(
        "export.csv",
        "no,pat nm 1,pat nm 2,when,plan no,tel,remark\n\
         7,Robert,Okafor,1980-03-12,55-1234,617-555-8123,x\n\
         8,Bob,Okafor,1980-03-12,55-1234,617-555-8123,y\n",
    );
    let columns = folder.write(
        "columns.toml",
        "ignore = ['remark']\n[columns]\nno = 'record_id'\n'pat nm 1' = 'given_name'\n\
         'pat nm 2' = 'family_name'\nwhen = 'birth_date'\n'plan no' = 'identifier:PLAN'\n\
         [constants]\nsource = 'hospital-a'\n",
    );
    let outputs = ["--columns", &columns, "--out", "clusters.csv"];
    let arguments = [&["link", &file], &outputs[..]].concat();
    let run = empi_tests::empi_in(folder.root(), &arguments).succeeded();
    for recognised in ["pat nm 1", "given_name", "plan no", "tel", "phone", "remark"] {
        assert!(run.stderr.contains(recognised), "{recognised} is not in:\n{}", run.stderr);
    }
    assert!(clusters(&folder).joins("hospital-a/7", "hospital-a/8"));
}

#[test]
fn a_trained_model_links_about_as_well_as_the_built_in_one() {
    let folder = Folder::new();
    let file = generated(&folder, 3_000, 5);
    let model = folder.path("model.toml");
    let _ = empi(&["train", &file, "--out", &model]).succeeded();
    let built_in = linked(&folder, &[&file], &["--truth", "person_id"]);
    let trained = linked(&folder, &[&file], &["--truth", "person_id", "--model", &model]);
    let quality = |summary: &Value, name: &str| summary["quality"][name].as_f64().expect("a share");
    eprintln!("built in: {}\ntrained: {}", built_in["quality"], trained["quality"]);
    // Training sees no truth, so it may gain or lose a little on one file; it must not break a model.
    assert!(quality(&trained, "precision") >= 0.995, "{}", trained["quality"]);
    assert!(quality(&trained, "f1") >= quality(&built_in, "f1") - 0.002, "{}", trained["quality"]);
    assert_ne!(trained["model"], built_in["model"], "a trained model has a name of its own");
}

#[test]
fn training_takes_decisions_and_a_target_for_false_links() {
    let folder = Folder::new();
    let file = generated(&folder, 3_000, 5);
    let text = std::fs::read_to_string(&file).expect("a generated file is there");
    let key = |line: usize| {
        let row = text.lines().nth(line).unwrap_or_default();
        row.split(',').take(2).collect::<Vec<_>>().join(",")
    };
    let labels = folder.write(
        "labels.csv",
        format!(
            "left_source,left_record_id,right_source,right_record_id,decision\n\
             {},{},different\nnowhere,1,nowhere,2,same\n",
            key(1),
            key(2)
        ),
    );
    let model = folder.path("model.toml");
    let told = ["--labels", &labels, "--target-false-link-rate", "0.001"];
    let run = empi(&[&["train", &file, "--out", &model], &told[..]].concat()).succeeded();
    for expected in
        ["1 labels name a record that is not in the input", "link threshold", "m before"]
    {
        assert!(run.stderr.contains(expected), "{expected} is not in:\n{}", run.stderr);
    }
    let model = std::fs::read_to_string(&model).expect("the model was written");
    for expected in ["labelled_pairs = 1\n", "[calibration]\ntarget_false_link_rate = 0.001\n"] {
        assert!(model.contains(expected), "{expected} is not in:\n{model}");
    }
    let clusters = folder.path("clusters.csv");
    empi(&[&["link", &file, "--out", &clusters], &told[..]].concat()).failed(1, &["need --train"]);
}

#[test]
fn generated_sets_are_the_same_bytes_for_the_same_seed() {
    let (one, other) = (Folder::new(), Folder::new());
    let read = |path: &str| std::fs::read(path).expect("a generated file is there");
    let first = read(&generated(&one, 500, 9));
    assert!(first == read(&generated(&other, 500, 9)));
    assert!(first != read(&generated(&other, 500, 10)));
    let text = String::from_utf8(first).expect("a generated file is UTF-8");
    let header = text.lines().next().unwrap_or_default();
    assert!(header.starts_with("source,record_id,"), "{header}");
    assert!(header.ends_with(",person_id"), "{header}");
    assert_eq!(text.lines().count(), 501);
    let sources: HashMap<_, _> = Table::read(&generated(&one, 500, 9)).by_key("source", "");
    assert!(sources.values().collect::<HashSet<_>>().len() > 1, "several sources");
}
