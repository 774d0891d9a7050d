//! The report of a linkage: one file that can be opened anywhere, and that keeps patients' secrets.

use std::collections::HashSet;

use empi_tests::{Folder, Table, empi, empi_in};
use serde_json::Value;

use crate::link::generated;

/// Elements that HTML never closes.
const VOID: [&str; 3] = ["meta", "br", "link"];

/// Checks that every element is closed in order, attributes are quoted, and nothing stray is in the
/// text: a parser as strict as XML, for a page that a program wrote.
#[track_caller]
fn assert_well_formed(page: &str) {
    let body = page.strip_prefix("<!DOCTYPE html>\n").expect("the page names its kind");
    let (style_start, style_end) = (body.find("<style>").unwrap(), body.find("</style>").unwrap());
    let markup = [&body[..style_start + "<style>".len()], &body[style_end..]].concat();
    let (mut open, mut rest) = (Vec::new(), markup.as_str());
    while let Some((text, after)) = rest.split_once('<') {
        assert!(!text.contains('>'), "a stray `>` in: {text}");
        for entity in text.split('&').skip(1) {
            let (name, _) = entity.split_once(';').expect("an `&` begins an entity");
            assert!(["amp", "lt", "gt", "quot", "#39"].contains(&name), "&{name};");
        }
        let (tag, after) = after.split_once('>').expect("every tag ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name.to_owned()), "closed by </{name}>");
            continue;
        }
        assert!(tag.matches('"').count().is_multiple_of(2), "attributes are quoted: <{tag}>");
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert_eq!(open, Vec::<String>::new(), "every element is closed");
    let anchors: Vec<&str> =
        page.split(" id=\"").skip(1).filter_map(|it| it.split('"').next()).collect();
    assert_eq!(anchors.iter().collect::<HashSet<_>>().len(), anchors.len(), "{anchors:?}");
}

/// Nothing is fetched, and nothing runs.
#[track_caller]
fn assert_self_contained(page: &str) {
    for forbidden in
        ["http:", "https:", "//", "<script", "<link", "<img", "<iframe", "@import", "url(h", "src="]
    {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    for reference in page.split("href=\"").skip(1) {
        let target = reference.strip_prefix('#').expect("links stay on the page");
        let anchor = target.split('"').next().unwrap_or_default();
        assert!(page.contains(&format!("id=\"{anchor}\"")), "{anchor}");
    }
}

/// Values of patients in the file that could not be in a report by chance: those in capitals, and those
/// with figures. A name as `Wilson` is a word of the report's own language.
fn values(file: &str) -> HashSet<String> {
    let table = Table::read(file);
    let columns = ["family_name", "given_name", "birth_date", "ssn", "street", "phone", "email"];
    let values = columns.iter().flat_map(|column| table.column(column).map(str::to_owned));
    let is_telling = |value: &String| {
        let is_shouted = value.chars().all(|letter| !letter.is_lowercase());
        value.len() >= 6 && (is_shouted || value.contains('@'))
    };
    values.filter(is_telling).collect()
}

/// What a reader sees or may find in the page.
fn after_style(page: &str) -> &str {
    page.split_once("</style>").expect("the style comes first").1
}

#[test]
fn the_report_is_one_whole_page_and_shows_no_patient() {
    let folder = Folder::new();
    let file = generated(&folder, 2_000, 3);
    let outputs = ["--out", "clusters.csv", "--pairs", "pairs.csv", "--summary", "summary.json"];
    let report = ["--truth", "person_id", "--report", "report.html"];
    let arguments = [&["link", &file], &outputs[..], &report].concat();
    let _ = empi_in(folder.root(), &arguments).succeeded();
    let page = folder.read("report.html");
    assert_well_formed(&page);
    assert_self_contained(&page);
    for section in [
        "quality",
        "thresholds",
        "weights",
        "errors",
        "blocking",
        "reliability",
        "groups",
        "persons",
        "examples",
        "model",
    ] {
        assert!(page.contains(&format!("<section id=\"{section}\">")), "{section}");
    }
    let values = values(&file);
    assert!(values.len() > 2_000, "the file has values");
    for text in [after_style(&page), &folder.read("summary.json")] {
        let is_part = |letter: char| letter.is_alphanumeric() || "-@.".contains(letter);
        let words: HashSet<&str> = text.split(|letter| !is_part(letter)).collect();
        for value in &values {
            let is_there = words.contains(value.as_str())
                || (value.contains(' ') && text.contains(value.as_str()));
            assert!(!is_there, "a patient's value is in it");
        }
    }

    let arguments = [&arguments[..], &["--report-values"]].concat();
    let _ = empi_in(folder.root(), &arguments).succeeded();
    let page = folder.read("report.html");
    assert_well_formed(&page);
    assert_self_contained(&page.replace("//", "/"));
    let shown = after_style(&page);
    assert!(values.iter().any(|value| shown.contains(value.as_str())), "values were asked for");
}

#[test]
fn the_summary_measures_from_every_side_and_its_parts_agree() {
    let folder = Folder::new();
    let file = generated(&folder, 2_000, 3);
    let plain = crate::link::linked(&folder, &[&file], &[]);
    let binned = |summary: &Value| {
        let histogram = &summary["weight_histogram"];
        let bins = histogram["bins"].as_array().expect("a list").iter();
        bins.filter_map(|bin| bin["pairs"].as_u64()).sum::<u64>()
            + histogram["below_review_not_weighed"].as_u64().expect("a count")
    };
    assert_eq!(plain["candidate_pairs"], binned(&plain));
    assert!(plain.get("blocking").is_none() && plain.get("clusters").is_none());

    let more = ["--truth", "person_id", "--subgroup", "birth_order"];
    let summary = crate::link::linked(&folder, &[&file], &more);
    let quality = &summary["quality"];
    let curve = quality["curve"].as_array().expect("a curve");
    let at_link = curve.iter().find(|point| point["threshold"] == summary["thresholds"]["link"]);
    let at_link = at_link.expect("the model's threshold is on the curve");
    let pairs = Table::read(&folder.path("pairs.csv"));
    assert_eq!(at_link["links"], summary["links"]);
    assert_eq!(
        at_link["reviews"].as_u64().unwrap() + at_link["links"].as_u64().unwrap(),
        pairs.rows.len() as u64
    );
    for name in ["precision", "recall", "f1"] {
        let interval = &quality["intervals"][name];
        let bound = |name: &str| interval[name].as_f64().expect("a bound");
        let share = quality[name].as_f64().expect("a share");
        assert!(
            bound("low") <= share + 0.01 && share <= bound("high") + 0.01,
            "{name}: {interval}"
        );
    }
    let subgroups = quality["subgroups"].as_array().expect("subgroups");
    assert!(subgroups.iter().any(|by| by["by"] == "birth_order"), "the column that was named");
    for by in subgroups {
        let groups = by["groups"].as_array().expect("groups").iter();
        let sum: f64 = groups.filter_map(|group| group["truth_pairs"].as_f64()).sum();
        assert_eq!(Some(sum), quality["truth_pairs"].as_f64(), "by {}", by["by"]);
    }
    let blocking = &summary["blocking"];
    let completeness = blocking["completeness"].as_f64().expect("a share");
    let missed = &quality["missed"];
    let never = missed["by_blocking"].as_u64().unwrap() as f64;
    let whole = quality["truth_pairs"].as_f64().unwrap();
    assert!(1.0 - completeness >= never / whole - 1e-6, "review may join what was never compared");
    let sizes = summary["clusters"]["sizes"].as_array().expect("sizes");
    let records: u64 = sizes
        .iter()
        .filter_map(|size| Some(size["records"].as_u64()? * size["clusters"].as_u64()?))
        .sum();
    assert_eq!(summary["records"], records);
}

#[test]
fn files_alone_give_a_report_too() {
    let folder = Folder::new();
    let file = generated(&folder, 1_000, 3);
    let _ = crate::link::linked(&folder, &[&file], &[]);
    let (clusters, pairs) = (folder.path("clusters.csv"), folder.path("pairs.csv"));
    let report = folder.path("report.html");
    let arguments = ["evaluate", "--clusters", &clusters, "--truth", &file, "--report", &report];
    for arguments in [&arguments[..], &[&arguments[..], &["--pairs", &pairs]].concat()] {
        let _ = empi(arguments).succeeded();
        let page = folder.read("report.html");
        assert_well_formed(&page);
        assert_self_contained(&page);
        assert!(page.contains("id=\"quality\""));
    }
}

#[test]
fn a_column_of_patients_values_names_no_groups() {
    let folder = Folder::new();
    let file = generated(&folder, 1_000, 3);
    let link = ["link", &file, "--out", "clusters.csv", "--truth", "person_id", "--subgroup"];
    let run = empi_in(folder.root(), &[&link[..], &["family_name"]].concat());
    run.failed(2, &["family_name", "--subgroup", "groups"]);
    let run = empi_in(folder.root(), &[&link[..], &["nothing"]].concat());
    run.failed(1, &["nothing", "--subgroup"]);
}
