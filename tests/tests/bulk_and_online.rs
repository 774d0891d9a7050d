//! The same file linked in bulk and registered record by record: online and bulk cannot drift apart.
//!
//! They share every step but one. In bulk all records are known before anybody is joined; online each
//! record is placed among those that came before, and what exists is never merged by scoring. Where
//! the partitions differ for that reason, a steward is asked, so every difference has a task.

use std::collections::{BTreeMap, HashMap, HashSet};

use empi_tests::{Folder, Partition, Server, Steward, Table, dataset, empi};

use crate::link::{clusters, linked};
use crate::load_then_serve::served;

/// How far the two partitions must agree, as pairwise F1 of one against the other.
const AGREEMENT_MIN: f64 = 0.97;
/// How right each of them must be where it joins.
const PRECISION_MIN: f64 = 0.99;

#[tokio::test(flavor = "multi_thread")]
async fn bulk_and_online_agree() {
    let folder = Folder::new();
    let file = dataset("realistic-2k/records.csv").unwrap_or_else(|| generated(&folder, 2_000, 11));
    let summary = linked(&folder, &[&file], &[]);
    let bulk = clusters(&folder);

    let server = Server::start(&folder.path("data"));
    let answers = server.empi(&["register", "--file", &file, "--json"]).succeeded().json_lines();
    let table = Table::read(&file);
    assert_eq!(answers.len(), table.rows.len(), "one answer per row");
    let answered = answers.iter().map(|answer| answer["record_id"].as_str().unwrap_or_default());
    assert!(answered.eq(table.column("record_id")), "in the order of the rows");
    let online = served(&mut server.desk().await, &file).await;

    let agreement = bulk.compared_with(&online);
    let truth = Partition::new(table.by_key("person_id", ""));
    let (bulk_right, online_right) = (bulk.compared_with(&truth), online.compared_with(&truth));
    eprintln!(
        "{set}: bulk against online: {agreement:?}, F1 {:.4}\nbulk: precision {:.4}, recall {:.4}, {} \
         reviews\nonline: precision {:.4}, recall {:.4}, {} reviews",
        agreement.f1(),
        bulk_right.precision(),
        bulk_right.recall(),
        summary["reviews"],
        online_right.precision(),
        online_right.recall(),
        server.stats().await.open_tasks,
    );
    let asked = asked_online(&mut server.steward().await).await;
    let causes = causes(&bulk, &online, &asked, &reviewed_in_bulk(&folder, &bulk));
    for (cause, count) in &causes {
        eprintln!("{count:>6}  {cause}");
    }
    assert!(agreement.f1() >= AGREEMENT_MIN, "F1 {}", agreement.f1());
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

/// The pairs on which the two differ, counted by cause.
fn causes(
    bulk: &Partition,
    online: &Partition,
    asked: &HashMap<Pair, String>,
    reviewed: &HashSet<Pair>,
) -> BTreeMap<String, u64> {
    let mut causes = BTreeMap::new();
    for (left, right) in bulk.pairs() {
        if !online.joins(left, right) {
            let persons = pair(online.person(left), online.person(right));
            let cause = asked.get(&persons).map_or_else(
                || format!("together in bulk, apart online: {SILENT}"),
                |guards| format!("together in bulk, apart online: asked because of {guards}"),
            );
            *causes.entry(cause).or_default() += 1;
        }
    }
    for (left, right) in online.pairs() {
        if !bulk.joins(left, right) {
            let waits =
                if reviewed.contains(&pair(left, right)) { "waits" } else { "does not wait" };
            let cause =
                format!("together online, apart in bulk: the pair {waits} for review there");
            *causes.entry(cause).or_default() += 1;
        }
    }
    causes
}
