//! Searching as people type.

use empi_model::Identifier;

use super::*;

/// An index of a few people, and one with two names that was merged.
fn index() -> Index {
    let index = Index::new();
    for (key, line) in [("a/1", ROBERT), ("b/1", BOB), ("a/2", SAMUEL), ("a/3", ALICE)] {
        let mut record = record(key, line);
        let value = format!("MRN-77{}{}", key.len(), &key[2..]).into();
        record.identifiers.push(Identifier { authority: "a".to_owned(), value });
        index.try_register(record, None).unwrap();
    }
    index
}

fn found(index: &Index, text: &str) -> Vec<String> {
    let answer = index.registry().search(text, 10).unwrap();
    assert!(!answer.is_cut);
    assert!(answer.hits.iter().all(|hit| hit.score > 0.0 && hit.score <= 1.0));
    assert!(answer.hits.is_sorted_by(|one, other| one.score >= other.score));
    answer
        .hits
        .iter()
        .map(|hit| format!("{}/{}", hit.record.source, hit.record.record_id))
        .collect()
}

#[test]
fn people_are_found_as_stewards_type() {
    let index = index();
    let words = |line: &str| -> (String, String, String) {
        let mut parts = line.split('|');
        let (given, family) = (parts.next().unwrap(), parts.next().unwrap());
        let date = parts.nth(1).unwrap();
        (given.to_owned(), family.to_owned(), date.to_owned())
    };
    let (given, family, date) = words(ALICE);
    for text in [
        format!("{given} {family}"),
        format!("{family}, {given}"),
        format!("{} {}", family.to_lowercase(), given.to_uppercase()),
        format!("{} {}", &given[..3], family),
        format!("{given} {family} {date}"),
        format!("{given} {date}"),
        date,
    ] {
        assert_eq!(found(&index, &text)[0], "a/3", "{text}");
    }
    // A mistyped letter, and a nickname of a person of several records.
    let slip = format!("{}x", &family[..family.len() - 1]);
    assert_eq!(found(&index, &format!("{given} {slip}"))[0], "a/3");
    let (_, family, date) = words(ROBERT);
    assert_eq!(found(&index, &format!("bob {family} {date}")).len(), 2, "{}", index.state());
}

#[test]
fn numbers_lead_to_their_carriers() {
    let index = index();
    assert_eq!(found(&index, "MRN-7733")[..1], ["a/3"]);
    assert_eq!(found(&index, "a:MRN-7732")[..1], ["a/2"]);
    assert_eq!(found(&index, "99999999"), Vec::<String>::new());
}

#[test]
fn retired_enterprise_ids_lead_to_the_survivor() {
    let index = Index::new();
    let robert = index.register("a/1", ROBERT);
    let samuel = index.register("a/2", SAMUEL);
    index.resolve(samuel.tasks[0], ReviewOutcome::Same);
    for id in [robert.enterprise_id, samuel.enterprise_id] {
        let answer = index.registry().search(&format!(" {id} "), 10).unwrap();
        assert_eq!(answer.hits[0].view.person.enterprise_id, robert.enterprise_id);
        assert_eq!(answer.hits[0].view.asked, id);
    }
    let nobody = empi_model::EnterpriseId::mint(77).to_string();
    assert_eq!(index.registry().search(&nobody, 10).unwrap().hits, []);
}

#[test]
fn a_name_that_looks_like_an_enterprise_id_is_a_name() {
    let names = ["Marchbanks", "Stephenssen", "Brandenberg", "Schwarzenba"];
    let endings = |name: &str| {
        let name = name.chars().take(10).collect::<String>();
        ('a'..='z').map(move |ending| format!("{name}{ending}")).collect::<Vec<_>>()
    };
    let names = names.into_iter().flat_map(endings);
    let mut alike = names.filter(|name| name.parse::<empi_model::EnterpriseId>().is_ok());
    let name = alike.next().expect("one name in 32 looks so");
    let index = Index::new();
    index.register("a/1", &ROBERT.replacen("Okafor", &name, 1));
    assert_eq!(found(&index, &name), ["a/1"]);
}

#[test]
fn updates_are_found_by_what_they_say_now() {
    let mut index = Index::new();
    index.register("a/1", ROBERT);
    let married = ROBERT.replacen(ROBERT.split('|').nth(1).unwrap(), "Zwingli", 1);
    index.register("a/1", &married);
    for _ in 0..2 {
        assert_eq!(found(&index, "zwingli"), ["a/1"]);
        let old = ROBERT.split('|').nth(1).unwrap();
        assert_eq!(found(&index, old), Vec::<String>::new(), "{}", index.state());
        index.reopen();
    }
}

#[test]
fn what_cannot_be_searched_for_is_refused_in_words() {
    let index = index();
    for text in ["", "  ", &"x".repeat(301)] {
        assert!(matches!(index.registry().search(text, 10), Err(RegistryError::Invalid(_))));
    }
    for text in ["?", "\u{0}", "<script>alert(1)</script>", "' OR 1=1 --", "..", "0000", "\u{202e}"]
    {
        index.registry().search(text, 10).unwrap();
    }
    assert_eq!(index.registry().search("smith jones 1980", 0).unwrap().hits, []);
}
