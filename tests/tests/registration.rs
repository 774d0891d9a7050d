//! From a registration call to an enterprise ID, and back.

use empi_proto::v1::{self, RegistrationDecision};
use empi_tests::{Desk, Folder, Patient, Server};
use tonic::Code;

/// A patient with enough of everything to be recognised without asking anybody.
pub(crate) fn robert() -> Patient {
    Patient::new(&[
        ("given_name", "Robert"),
        ("family_name", "Okafor"),
        ("birth_date", "1980-03-12"),
        ("sex", "M"),
        ("ssn", "457-12-9983"),
        ("street", "12 Elm Street"),
        ("city", "Boston"),
        ("state", "MA"),
        ("postal_code", "02139"),
        ("phone", "617-555-8123"),
    ])
}

/// Somebody else altogether.
pub(crate) fn alice() -> Patient {
    Patient::new(&[
        ("given_name", "Alice"),
        ("family_name", "Vandermeer"),
        ("birth_date", "1951-11-30"),
        ("sex", "F"),
        ("ssn", "611-20-1177"),
        ("street", "9 Hill Road"),
        ("city", "Austin"),
        ("state", "TX"),
        ("postal_code", "73301"),
        ("phone", "512-555-0177"),
    ])
}

/// One of twins: everything the same but the given name and the order of birth.
fn twin(given: &str, order: &str) -> Patient {
    robert()
        .with("given_name", given)
        .with("birth_date", "2019-05-06")
        .with("birth_order", order)
        .without("ssn")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_registration_again_changes_nothing() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let mut desk = server.desk().await;
    let first = desk.register(robert().record("hospital-a", "17")).await;
    assert_eq!(first.decision(), RegistrationDecision::New);
    assert_eq!(first.event, Some(1));
    let before = server.stats().await;

    let again = desk.register(robert().record("hospital-a", "17")).await;
    assert_eq!(again.decision(), RegistrationDecision::Unchanged);
    assert_eq!(again.enterprise_id, first.enterprise_id);
    assert_eq!(again.event, None);
    assert!(server.stats().await == before, "a repeat changes nothing");

    let held = desk.record("hospital-a", "17").await;
    assert!(held.record == Some(robert().record("hospital-a", "17")), "values are kept as sent");
    assert_eq!((held.enterprise_id, held.version), (first.enterprise_id, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_names_one_request_for_ever() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let mut desk = server.desk().await;
    let record = || robert().record("hospital-a", "17");
    let first = desk.try_register(record(), "request-1").await.unwrap();
    let moved = robert().with("street", "7 Oak Avenue").record("hospital-a", "17");
    let update = desk.try_register(moved, "request-2").await.unwrap();
    assert_eq!(update.enterprise_id, first.enterprise_id);

    // The record has changed since, and still the first request gets the first answer.
    let again = desk.try_register(record(), "request-1").await.unwrap();
    assert!(again == first, "the same request has the same answer");
    assert_eq!(desk.record("hospital-a", "17").await.version, 2);

    for other in [alice().record("hospital-a", "17"), robert().record("hospital-a", "18")] {
        let refused = desk.try_register(other, "request-1").await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains("request"), "{}", refused.message());
    }
    let missing = desk.try_record("hospital-a", "18").await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    assert_eq!(server.stats().await.records, 1);

    // Nor does a restart forget.
    assert_eq!(server.stop().code, Some(0));
    let server = Server::start(&folder.path("data"));
    let again = server.desk().await.try_register(record(), "request-1").await.unwrap();
    assert!(again == first, "the same request has the same answer after a restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_human_elsewhere_is_linked_under_nickname_capitals_and_slips_of_the_pen() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let mut desk = server.desk().await;
    let first = desk.register(robert().record("hospital-a", "17")).await;
    for (record_id, patient) in [
        ("nickname", robert().with("given_name", "Bob").with("street", "12 Elm St")),
        ("capitals", robert().in_capitals()),
        ("us-date", robert().with("birth_date", "03/12/1980")),
        ("day-month", robert().with("birth_date", "1980-12-03")),
        ("swapped", robert().with("given_name", "Okafor").with("family_name", "Robert")),
        ("typo", robert().with("family_name", "Okafro").with("ssn", "457-12-9938")),
        ("moved", robert().with("street", "7 Oak Avenue").with("postal_code", "60601")),
        ("no-ssn", robert().without("ssn")),
        ("placeholder", robert().with("ssn", "999-99-9999")),
    ] {
        let answer = desk.register(patient.record("clinic-b", record_id)).await;
        assert_eq!(answer.decision(), RegistrationDecision::Link, "{record_id}");
        assert_eq!(answer.enterprise_id, first.enterprise_id, "{record_id}");
        assert!(answer.match_weight.unwrap() >= 10.0, "{record_id}");
    }
    let stranger = desk.register(alice().record("clinic-b", "alice")).await;
    assert_eq!(stranger.decision(), RegistrationDecision::New);
    assert_ne!(stranger.enterprise_id, first.enterprise_id);
    let person = desk.person(&first.enterprise_id).await;
    assert_eq!(person.records.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_certain_is_asked_and_never_linked() {
    let senior = || robert().with("suffix", "Sr").without("ssn");
    let born = |date: &str| robert().with("birth_date", date).without("ssn");
    for (what, first, second, guard) in [
        ("twins", twin("Anna", "1"), twin("Bella", "2"), v1::Guard::PossibleTwins),
        ("twins of one name", twin("Anna", "1"), twin("Anna", "2"), v1::Guard::PossibleTwins),
        ("father and son", senior(), senior().with("suffix", "Jr"), v1::Guard::SuffixConflict),
        ("a generation", born("1950-01-02"), born("1978-01-02"), v1::Guard::GenerationGap),
        ("a newborn", twin("Anna", ""), twin("Baby Girl", ""), v1::Guard::NewbornName),
    ] {
        let folder = Folder::new();
        let server = Server::start(&folder.path("data"));
        let mut desk = server.desk().await;
        let one = desk.register(first.record("hospital-a", "1")).await;
        let other = desk.register(second.record("hospital-a", "2")).await;
        assert_eq!(other.decision(), RegistrationDecision::Review, "{what}");
        assert_ne!(other.enterprise_id, one.enterprise_id, "{what}");
        assert_eq!(other.tasks.len(), 1, "{what}");

        let view = server.steward().await.task(other.tasks[0]).await;
        let task = view.task.unwrap();
        assert_eq!(task.kind(), v1::ReviewKind::SameSourceDuplicate, "{what}");
        assert!(task.guards().any(|held| held == guard), "{what}: {:?}", task.guards);
        assert!(task.resolution.is_none(), "{what}");
        let records = [view.incoming.unwrap(), view.candidate.unwrap()];
        let persons = records.map(|record| record.enterprise_id);
        assert_eq!(persons, [other.enterprise_id, one.enterprise_id], "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn name_and_birth_date_alone_are_never_enough() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let mut desk = server.desk().await;
    let sparse = Patient::new(&[
        ("given_name", "Robert"),
        ("family_name", "Okafor"),
        ("birth_date", "1980-03-12"),
        ("sex", "M"),
    ]);
    let first = desk.register(robert().record("hospital-a", "17")).await;
    let second = desk.register(sparse.record("clinic-b", "4")).await;
    assert_eq!(second.decision(), RegistrationDecision::Review);
    assert_ne!(second.enterprise_id, first.enterprise_id);
    let view = server.steward().await.task(second.tasks[0]).await;
    assert!(view.task.unwrap().guards().any(|held| held == v1::Guard::EvidenceFloor));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_survivor_answers_for_both_after_same() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let (mut desk, mut steward) = (server.desk().await, server.steward().await);
    let older = desk.register(twin("Anna", "1").record("hospital-a", "1")).await.enterprise_id;
    let newer = desk.register(twin("Bella", "2").record("hospital-a", "2")).await;
    let task = newer.tasks[0];

    let view = steward.resolve(task, v1::ReviewOutcome::Same).await;
    assert_eq!(view.incoming.unwrap().enterprise_id, older);
    let resolution = view.task.unwrap().resolution.unwrap();
    assert_eq!(resolution.outcome(), v1::ReviewOutcome::Same);
    assert!(resolution.event.is_some());
    for asked in [&older, &newer.enterprise_id] {
        let person = desk.person(asked).await;
        assert_eq!((&person.enterprise_id, person.records.len()), (&older, 2));
    }
    let links = desk.person(&older).await.records;
    assert!(
        links
            .iter()
            .all(|record| { record.link.as_ref().unwrap().source() == v1::LinkSource::Manual })
    );
    let stats = server.stats().await;
    assert_eq!((stats.persons, stats.redirects, stats.open_tasks), (1, 1, 0));

    // The same answer again changes nothing; the other one contradicts it.
    let again = steward.resolve(task, v1::ReviewOutcome::Same).await;
    assert!(again.task.unwrap().resolution == Some(resolution));
    assert!(server.stats().await == stats);
    let refused = steward.try_resolve(task, v1::ReviewOutcome::Different).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);

    // What is registered for either afterwards belongs to the survivor, also after a restart.
    assert_eq!(server.stop().code, Some(0));
    let server = Server::start(&folder.path("data"));
    let mut desk = server.desk().await;
    let repeat = desk.register(twin("Bella", "2").record("hospital-a", "2")).await;
    assert_eq!(repeat.decision(), RegistrationDecision::Unchanged);
    assert_eq!(repeat.enterprise_id, older);
    assert_eq!(desk.person(&newer.enterprise_id).await.enterprise_id, older);
}

#[tokio::test(flavor = "multi_thread")]
async fn matching_writes_nothing_and_explains_itself() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let mut desk = server.desk().await;
    let robert_id = desk.register(robert().record("hospital-a", "17")).await.enterprise_id;
    let _ = desk.register(alice().record("hospital-a", "18")).await;
    let before = server.stats().await;

    let candidates = desk.candidates(robert().with("given_name", "Bob").record("", "")).await;
    let best = &candidates[0];
    assert_eq!(best.enterprise_id, robert_id);
    assert_eq!(best.grade(), v1::MatchGrade::Certain);
    assert_adds_up(best.explanation.as_ref().unwrap());
    assert!(candidates.iter().skip(1).all(|other| other.enterprise_id != robert_id));
    assert!(server.stats().await == before, "a match writes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_changes_no_answer() {
    let folder = Folder::new();
    let file = crate::link::generated(&folder, 400, 31);
    let server = Server::start(&folder.path("data"));
    let _ = server.empi(&["register", "--file", &file, "--json"]).succeeded();
    let questions = ["match", "--file", &file, "--json"];
    let before = (server.empi(&questions).succeeded().stdout, server.stats().await);
    assert_eq!(server.stop().code, Some(0));
    let server = Server::start(&folder.path("data"));
    let after = (server.empi(&questions).succeeded().stdout, server.stats().await);
    assert!(before.0 == after.0, "the same candidates with the same weights");
    assert!(before.1 == after.1, "the same counts");
}

/// The rows of an explanation add up to its total, and the total to its probability.
pub(crate) fn assert_adds_up(explanation: &v1::ScoreExplanation) {
    let sum: f64 = explanation.rows.iter().map(|row| row.match_weight).sum();
    assert!((sum - explanation.total).abs() < 1e-6, "{sum} is not {}", explanation.total);
    let odds = explanation.total.exp2();
    let probability = if odds.is_finite() { odds / (1.0 + odds) } else { 1.0 };
    assert!((probability - explanation.match_probability).abs() < 1e-9);
    assert_eq!(explanation.rows[0].label, "prior");
    for row in &explanation.rows {
        if let (Some(m), Some(u)) = (row.m, row.u) {
            assert!(((m / u).log2() - row.match_weight).abs() < 1e-6, "{}", row.label);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identifier_leads_to_its_persons() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let mut desk = server.desk().await;
    let insured = robert().with("identifier", "PLAN-A:55-1234");
    let robert_id = desk.register(insured.record("hospital-a", "17")).await.enterprise_id;
    let _ = desk.register(alice().with("identifier", "PLAN-B:55-1234").record("b", "1")).await;
    let persons = desk.persons_with("PLAN-A", "55-1234").await;
    let found: Vec<&str> = persons.iter().map(|person| person.enterprise_id.as_str()).collect();
    assert_eq!(found, [robert_id]);
    assert!(desk.persons_with("PLAN-C", "55-1234").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_answers_each_request_in_order_and_outlives_refusals() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let nameless = v1::SourceRecord::default();
    let records = [
        robert().record("hospital-a", "1"),
        nameless,
        robert().with("given_name", "Bob").record("hospital-a", "2"),
        alice().record("hospital-a", "3"),
        robert().record("hospital-a", "1"),
    ];
    let requests: Vec<_> = records
        .into_iter()
        .map(|record| v1::BulkRegisterRequest { registration: Some(Desk::request(record, "")) })
        .collect();
    let mut client = server.registry().await;
    let answers = client.bulk_register(tokio_stream::iter(requests)).await.unwrap();
    let mut answers = answers.into_inner();
    let (mut outcomes, mut persons) = (Vec::new(), Vec::new());
    while let Some(answer) = answers.message().await.unwrap() {
        assert_eq!(answer.position, outcomes.len() as u64);
        match answer.outcome.unwrap() {
            v1::bulk_register_response::Outcome::Registered(answer) => {
                outcomes.push(answer.decision().as_str_name());
                persons.push(answer.enterprise_id);
            }
            v1::bulk_register_response::Outcome::Error(error) => {
                assert_eq!(error.code, Code::InvalidArgument as i32);
                outcomes.push("refused");
            }
        }
    }
    assert_eq!(outcomes[1], "refused");
    assert_eq!(outcomes[3], "REGISTRATION_DECISION_NEW");
    assert_eq!(outcomes[4], "REGISTRATION_DECISION_UNCHANGED");
    // The first and third run at the same time: one of them mints the person, the other joins it.
    let mut pair = [outcomes[0], outcomes[2]];
    pair.sort_unstable();
    assert_eq!(pair, ["REGISTRATION_DECISION_LINK", "REGISTRATION_DECISION_NEW"]);
    assert_eq!(persons[0], persons[1]);
    assert_eq!(persons[0], persons[3]);
    assert_ne!(persons[0], persons[2]);
}
