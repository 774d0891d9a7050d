//! The same file linked in bulk and registered record by record: online and bulk cannot drift apart.
//!
//! They share every step but one. In bulk all records are known before anybody is joined; online each
//! record is placed among those that came before, and what exists is never merged by scoring. Where
//! the partitions differ for that reason, a steward is asked, so every difference has a task.

use std::collections::{BTreeMap, HashMap, HashSet};

use empi_tests::{Folder, Partition, Server, Steward, Table, dataset, empi};

use crate::link::{clusters, linked};
use crate::load_then_serve::served;

/// How right each of them must be where it joins.
const PRECISION_MIN: f64 = 0.99;

#[tokio::test(flavor = "multi_thread")]
async fn bulk_and_online_agree() {
    assert_agree("realistic-2k/records.csv", 0.99).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_and_online_agree_on_hard_records_too() {
    assert_agree("hard-2k/records.csv", 0.96).await;
}

/// Links a set both ways. `agreement_min` is the least pairwise F1 of one partition against the other.
async fn assert_agree(set: &str, agreement_min: f64) {
    let folder = Folder::new();
    let file = dataset(set).expect("generated sets are committed");
    let summary = linked(&folder, &[&file], &[]);
    let bulk = clusters(&folder);

    // One record after the other, so that the order of arrival is that of the file, every time.
    let config = folder.write("server.toml", "[grpc]\nbulk_in_flight_max = 1\n");
    let server = Server::start_with(&folder.path("data"), &["--config", &config], &[]);
    let answers = server.empi(&["register", "--file", &file, "--json"]).succeeded().json_lines();
    let table = Table::read(&file);
    assert_eq!(answers.len(), table.rows.len(), "one answer per row");
    let answered = answers.iter().map(|answer| answer["record_id"].as_str().unwrap_or_default());
    assert!(answered.eq(table.column("record_id")), "in the order of the rows");
    let online = served(&mut server.desk().await, &file).await;

    let agreement = bulk.compared_with(&online);
    let truth = Partition::new(table.by_key("person_id", ""));
    let (bulk_right, online_right) = (bulk.compared_with(&truth), online.compared_with(&truth));
    let asked = asked_online(&mut server.steward().await).await;
    let causes = causes(&bulk, &online, &asked, &reviewed_in_bulk(&folder, &bulk));
    let lines: Vec<String> =
        causes.iter().map(|(cause, count)| format!("{count:>6}  {cause}")).collect();
    eprintln!(
        "{set}: {agreement:?}, F1 {:.4}\n\
         bulk: precision {:.4}, recall {:.4}, {} reviews\n\
         online: precision {:.4}, recall {:.4}, {} reviews\n{}",
        agreement.f1(),
        bulk_right.precision(),
        bulk_right.recall(),
        summary["reviews"],
        online_right.precision(),
        online_right.recall(),
        asked.len(),
        lines.join("\n"),
    );
    assert!(agreement.f1() >= agreement_min, "F1 {}", agreement.f1());
    assert!(bulk_right.precision() >= PRECISION_MIN, "bulk: {bulk_right:?}");
    assert!(online_right.precision() >= PRECISION_MIN, "online: {online_right:?}");
    let silent = causes.iter().filter(|(cause, _)| cause.contains(SILENT)).map(|(_, count)| count);
    assert_eq!(silent.sum::<u64>(), 0, "where they differ, a steward is asked: {causes:?}");
    assert_eq!(server.stop().code, Some(0));
    let _ = empi(&["verify", "--data", &folder.path("data")]).succeeded();
}

/// Marks a difference about which nobody is asked.
const SILENT: &str = "nobody is asked";

type Pair = (String, String);

fn pair(one: &str, other: &str) -> Pair {
    let (one, other) = (one.to_owned(), other.to_owned());
    if one < other { (one, other) } else { (other, one) }
}

/// For each pair of persons that a steward is asked about: what held the link back.
async fn asked_online(steward: &mut Steward) -> HashMap<Pair, String> {
    let mut asked = HashMap::new();
    for task in steward.open_tasks().await {
        let guards: Vec<&str> = task.guards().map(|guard| guard.as_str_name()).collect();
        let held_by = if guards.is_empty() { "weight".to_owned() } else { guards.join(", ") };
        let view = steward.task(task.task_id).await;
        let incoming = view.incoming.unwrap().enterprise_id;
        asked.insert(pair(&incoming, &view.candidate.unwrap().enterprise_id), held_by);
    }
    asked
}

/// The pairs of persons about whom linking in bulk leaves a question.
fn reviewed_in_bulk(folder: &Folder, bulk: &Partition) -> HashSet<Pair> {
    let table = Table::read(&folder.path("pairs.csv"));
    let person = |source: &str, record_id: &str| bulk.person(&format!("{source}/{record_id}"));
    let rows = table.rows.iter().filter(|row| row[6] == "review");
    rows.map(|row| pair(person(&row[0], &row[1]), person(&row[2], &row[3]))).collect()
}

/// For each person that is asked about, a number that all have whom questions connect.
fn groups<'a>(questions: impl Iterator<Item = &'a Pair>) -> HashMap<&'a str, usize> {
    let mut groups: HashMap<&str, usize> = HashMap::new();
    for (number, (one, other)) in questions.enumerate() {
        let joined = [one, other].map(|person| groups.get(person.as_str()).copied());
        for group in groups.values_mut() {
            if joined.contains(&Some(*group)) {
                *group = number;
            }
        }
        groups.extend([(one.as_str(), number), (other.as_str(), number)]);
    }
    groups
}

/// The pairs on which the two differ, counted by cause.
fn causes(
    bulk: &Partition,
    online: &Partition,
    asked: &HashMap<Pair, String>,
    reviewed: &HashSet<Pair>,
) -> BTreeMap<String, u64> {
    let groups = groups(asked.keys());
    let mut causes = BTreeMap::new();
    for (left, right) in bulk.pairs() {
        if !online.joins(left, right) {
            let persons = pair(online.person(left), online.person(right));
            let group = |person: &str| groups.get(person);
            let cause = match asked.get(&persons) {
                Some(guards) => format!("asked because of {guards}"),
                None if group(&persons.0).is_some_and(|it| Some(it) == group(&persons.1)) => {
                    "asked over somebody between them".to_owned()
                }
                None => SILENT.to_owned(),
            };
            let cause = format!("together in bulk, apart online: {cause}");
            *causes.entry(cause).or_default() += 1;
        }
    }
    for (left, right) in online.pairs() {
        if !bulk.joins(left, right) {
            let is_asked = reviewed.contains(&pair(bulk.person(left), bulk.person(right)));
            let asked = if is_asked { "asked there" } else { SILENT };
            let cause = format!("together online, apart in bulk: {asked}");
            *causes.entry(cause).or_default() += 1;
        }
    }
    causes
}
