//! The laboratory: counting and labelling change nothing, a trial foretells what promoting it does, and the way back
//! leads back.

use empi_linkage::LinkageModelFile;
use empi_model::{
    EventKind, EventSequence, MatchWeight, Promotion, Thresholds, Timestamp, Verdict,
};

use super::*;
use crate::{LabView, LinkageModel, PromoteRequest, promoted_model};

fn steward(name: &str) -> Actor {
    Actor { kind: ActorKind::Steward, name: name.to_owned() }
}

fn request(brings_into_line: bool) -> PromoteRequest {
    let (reason, note) = (ReasonCode::Other, "after the review of March".to_owned());
    PromoteRequest { actor: steward("lena"), reason, note, brings_into_line }
}

fn thresholds(review: f64, link: f64) -> Thresholds {
    let bits = MatchWeight::from_bits;
    Thresholds { review: bits(review), link: bits(link) }
}

/// The built-in model under another name, and with another link threshold.
fn strict() -> LinkageModel {
    let mut file = LinkageModelFile::us_default().unwrap();
    (file.name, file.thresholds.link) = ("strict".to_owned(), 500.0);
    LinkageModel::parse(&file.to_toml().unwrap()).unwrap()
}

/// Robert in three sources, Alice in two, and somebody who may be Robert's twin.
fn index() -> Index {
    let index = Index::new();
    index.register("a/1", ROBERT);
    index.register("b/1", BOB);
    index.register("c/1", ROBERT);
    index.register("a/2", ALICE);
    index.register("b/2", MARRIED_ALICE);
    index.register("c/2", SAMUEL);
    index
}

#[track_caller]
fn tried(index: &Index, model: LinkageModel) -> LabView {
    index.registry().replay(model).unwrap();
    let view = index.registry().wait_for_lab();
    assert_eq!((view.failure.as_deref(), view.running), (None, None));
    assert!(view.replay.is_some());
    view
}

#[track_caller]
fn promoted(index: &Index, model: LinkageModel) -> (Promotion, LabView) {
    let replay = tried(index, model).replay.unwrap().number;
    let promotion = index.registry().promote(replay, request(true)).unwrap();
    let view = index.registry().wait_for_lab();
    assert_eq!(view.failure, None);
    (promotion, view)
}

#[test]
fn the_same_model_on_the_same_data_changes_nothing() {
    let mut index = index();
    let before = index.standing();
    let events = index.registry().stats().events;
    let own = index.registry().model();
    assert_eq!(index.registry().model_with_thresholds(own.thresholds()).unwrap(), own);
    let (_, view) = promoted(&index, own.clone());
    assert_eq!(view.brought.unwrap().changed, 0);
    assert_eq!(index.registry().stats().events, events);
    assert_eq!(index.standing(), before);
    index.check();
    index.reopen();
    assert_eq!(index.registry().model(), own);
}

#[test]
fn a_trial_foretells_what_promoting_does_and_rolling_back_leads_back() {
    let mut index = index();
    let before = (index.state(), index.registry().model());
    let view = tried(&index, strict());
    assert_eq!(index.state(), before.0, "a trial changes nothing");
    let replay = view.replay.unwrap();
    assert_eq!((replay.report.splits, replay.report.merges), (2, 0));
    let promotion = index.registry().promote(replay.number, request(true)).unwrap();
    assert_eq!(index.registry().model_name(), "strict/1", "it decides at once");
    let view = index.registry().wait_for_lab();
    let brought = view.brought.unwrap();
    assert_eq!((brought.changed, brought.left_out, brought.not_reached), (2, 0, 0));
    assert_eq!(index.registry().stats().persons, replay.report.persons_after);
    let last = index.registry().stats().events;
    for event in [last - 1, last] {
        let event = index.registry().event(EventSequence(event)).unwrap().event;
        assert_eq!((event.kind, event.actor.name.as_str()), (EventKind::Relinked, "lena"));
        assert_eq!(event.model, "strict/1");
    }
    // The next decision is its, also after the server was started anew.
    for key in ["d/1", "e/1"] {
        let asked = index.register(key, ROBERT);
        assert_ne!(asked.decision, RegistrationDecision::Link, "{key}");
        index.retire(key, None);
        index.check();
        index.reopen();
        assert_eq!(index.registry().model_name(), "strict/1");
    }
    let log = index.registry().promotions().unwrap();
    assert_eq!(
        (log.len(), log[0].is_in_force, log[0].before_name.as_str()),
        (1, true, "us-default/1")
    );
    assert_eq!(log[0].promotion, promotion);
    let back = index.registry().roll_back(promotion.number, request(true)).unwrap();
    assert_eq!(index.registry().wait_for_lab().failure, None);
    assert!(back.is_rollback);
    assert_eq!(index.registry().model(), before.1);
    let state = index.state();
    let of_before = before.0.lines().filter(|line| !line.contains("->"));
    assert!(of_before.clone().all(|line| state.contains(line)), "{state}");
    let again = index.registry().roll_back(promotion.number, request(false)).unwrap_err();
    assert!(again.to_string().contains("not the last entry"), "{again}");
    index.check();
    index.reopen();
    assert_eq!(index.registry().model(), before.1);
}

#[test]
fn what_stewards_decided_outlasts_every_model() {
    let index = index();
    let link = StewardOperation::LinkRecords { left: key("a/1"), right: key("a/2") };
    index.steward(link);
    let joined = index.enterprise_id("a/1");
    index.steward(StewardOperation::UnlinkRecord { record: key("c/1"), keep_apart: true });
    let apart = index.enterprise_id("c/1");
    for model in [strict(), LinkageModel::us_default().unwrap()] {
        promoted(&index, model);
        assert_eq!(index.enterprise_id("a/1"), joined);
        assert_eq!(index.enterprise_id("a/2"), joined);
        assert_ne!(index.enterprise_id("c/1"), joined);
        index.check();
    }
    assert_eq!(index.enterprise_id("c/1"), apart);
}

#[test]
fn persons_that_changed_since_the_trial_are_left_out() {
    let index = index();
    let replay = tried(&index, strict()).replay.unwrap();
    let (alice, records) = (index.enterprise_id("a/2"), [key("a/2"), key("b/2")]);
    // A steward looks at Alice meanwhile, and says that she is one person.
    index.steward(StewardOperation::UnlinkRecord { record: key("b/2"), keep_apart: false });
    index.steward(StewardOperation::LinkRecords {
        left: records[0].clone(),
        right: records[1].clone(),
    });
    index.registry().promote(replay.number, request(true)).unwrap();
    let brought = index.registry().wait_for_lab().brought.unwrap();
    assert_eq!((brought.changed, brought.left_out), (1, 1));
    assert_eq!((index.enterprise_id("a/2"), index.enterprise_id("b/2")), (alice, alice));
    index.check();
}

#[test]
fn whoever_spoke_last_about_the_model_is_heard() {
    let mut index = index();
    promoted(&index, strict());
    // Started with another model than when it was promoted: the operator has spoken since.
    index.options.model = model_with_limits(400, 2000, 200);
    index.reopen();
    assert_eq!(index.registry().model(), index.options.model);
    assert!(!index.registry().promotions().unwrap()[0].is_in_force);
    index.options.model = LinkageModel::us_default().unwrap();
    index.reopen();
    assert_eq!(index.registry().model_name(), "strict/1");
}

#[test]
fn desks_go_on_while_models_change() {
    let index = index();
    let registry = index.registry();
    let register = |source: &str| {
        for at in 0..45 {
            let record = record(&format!("{source}/{at}"), [ROBERT, BOB, ALICE][at % 3]);
            let request = RegisterRequest { record, actor: system(), request_id: None };
            registry.register(request).unwrap();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| register("p"));
        scope.spawn(|| register("q"));
        for _ in 0..4 {
            promoted(&index, strict());
            promoted(&index, LinkageModel::us_default().unwrap());
        }
    });
    index.check();
    promoted(&index, LinkageModel::us_default().unwrap());
    let again = tried(&index, LinkageModel::us_default().unwrap()).replay.unwrap();
    assert_eq!(again.report.changes(), 0, "every person is as the last model sees it");
    assert_eq!(index.enterprise_id("p/0"), index.enterprise_id("q/1"));
    index.check();
}

#[test]
fn linking_anew_goes_by_the_model_that_was_put_in_force_last() {
    let mut index = index();
    let told = |index: &mut Index| {
        drop(index.registry.take());
        let model = promoted_model(index.place()).unwrap();
        index.reopen();
        model.map(|model| model.name().to_owned())
    };
    assert_eq!(told(&mut index), None);
    let (promotion, _) = promoted(&index, strict());
    assert_eq!(told(&mut index).as_deref(), Some("strict/1"));
    index.registry().roll_back(promotion.number, request(false)).unwrap();
    assert_eq!(told(&mut index).as_deref(), Some("us-default/1"));
}

#[test]
fn senseless_trials_and_promotions_are_refused() {
    let index = index();
    let registry = index.registry();
    assert!(registry.promote(1, request(false)).is_err(), "nothing was tried");
    assert!(registry.roll_back(1, request(false)).is_err(), "nothing was promoted");
    assert!(registry.model_with_thresholds(thresholds(9.0, 2.0)).is_err(), "upside down");
    let other = model_with_limits(400, 2000, 200);
    assert!(registry.replay(other).is_err(), "a name that another model has");
    let moved = registry.model_with_thresholds(thresholds(1.0, 9.0)).unwrap();
    assert_eq!(moved.name(), "us-default/2");
    let replay = tried(&index, moved).replay.unwrap().number;
    let note = "x".repeat(2001);
    assert!(registry.promote(replay, PromoteRequest { note, ..request(false) }).is_err());
    registry.promote(replay, request(false)).unwrap();
    assert_eq!(registry.thresholds(), thresholds(1.0, 9.0));
    let further = registry.model_with_thresholds(thresholds(1.0, 8.0)).unwrap();
    assert_eq!(further.name(), "us-default/3");
}

#[test]
fn counting_finds_every_pair_and_changes_nothing() {
    let (clock, index) = quality::index();
    for (key, line) in [("a/1", ROBERT), ("b/1", BOB), ("a/2", ALICE), ("c/2", SAMUEL)] {
        index.register(key, line);
    }
    let before = index.standing();
    index.registry().count_weights().unwrap();
    let counts = index.registry().wait_for_lab().counts.unwrap();
    assert_eq!((counts.records, counts.model_name.as_str()), (4, "us-default/1"));
    // Robert, Bob and Samuel are compared with one another; Alice shares nothing with them.
    assert_eq!(counts.pairs(), 3);
    assert_eq!((counts.links(MatchWeight::from_bits(7.0)), counts.arrivals_per_day), (1, None));
    assert_eq!(index.standing(), before);
    // Three days later: two records came on one whole day, none on the next, and on the last four.
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    let days = |days: i64| clock.0.store((1000 + days) * DAY_MS + 5, Ordering::Relaxed);
    days(1);
    index.register("d/1", ROBERT);
    index.register("d/2", ALICE);
    days(3);
    (0..4).for_each(|at| drop(index.register(&format!("e/{at}"), BOB)));
    days(4);
    index.registry().count_weights().unwrap();
    let counts = index.registry().wait_for_lab().counts.unwrap();
    assert_eq!(counts.arrivals_per_day, Some(2.0));
    assert!(counts.counted > Timestamp(0));
}

#[test]
fn a_sample_is_labelled_blind_by_two_and_measures_links() {
    let mut index = index();
    index.registry().draw_sample(5, 7, steward("lena")).unwrap();
    let view = index.registry().wait_for_lab();
    assert_eq!(view.failure, None);
    let (standing, events) = (index.standing(), index.registry().stats().events);
    let progress = |index: &Index| index.registry().label_figures(None).unwrap().unwrap().progress;
    let pairs = progress(&index).pairs;
    assert_eq!(pairs, view.counts.unwrap().pairs(), "of so few pairs all are drawn");
    let truth = |one: &StoredRecord, other: &StoredRecord| {
        let is_samuel = |it: &StoredRecord| it.record.key == key("c/2");
        if is_samuel(one) || is_samuel(other) { Verdict::Different } else { Verdict::Same }
    };
    let mut order = Vec::new();
    for name in ["ines", "omar"] {
        let mut seen = Vec::new();
        while let Some(pair) = index.registry().next_pair_to_label(name, false).unwrap() {
            let [one, other] = &pair.records;
            let said =
                if name == "omar" && seen.is_empty() { Verdict::Unsure } else { truth(one, other) };
            let at = (pair.sample, pair.place);
            index.registry().label_pair(at, said, &steward(name), false).unwrap();
            let twice = index.registry().label_pair(at, said, &steward(name), false);
            assert!(twice.is_err(), "nobody labels a pair twice");
            seen.push((one.index, other.index));
        }
        order.push(seen);
        index.reopen();
    }
    assert_eq!(order[0], order[1], "the order is the sample's");
    assert_eq!((progress(&index).torn, progress(&index).settled), (1, pairs - 1));
    // A third has the last word, and it has to be a lead steward.
    assert!(index.registry().next_pair_to_label("dana", false).unwrap().is_none());
    let torn = index.registry().next_pair_to_label("lena", true).unwrap().unwrap();
    let [one, other] = &torn.records;
    let (at, said) = ((torn.sample, torn.place), truth(one, other));
    index.registry().label_pair(at, said, &steward("lena"), true).unwrap();
    index.registry().take_back_label(at, "lena").unwrap();
    assert!(index.registry().take_back_label(at, "ines").is_err(), "omar has spoken since");
    index.registry().label_pair(at, said, &steward("lena"), true).unwrap();
    let figures = index.registry().label_figures(None).unwrap().unwrap();
    assert_eq!(figures.progress.settled, pairs);
    assert_eq!((figures.unsure, figures.agreement.same_different), (1, 0));
    assert!(figures.holds);
    let (precision, recall) = (figures.precision.unwrap(), figures.recall.unwrap());
    assert_eq!((precision.value, recall.value), (1.0, 1.0), "{figures:?}");
    assert_eq!(precision.interval.low, 1.0, "every pair was looked at");
    let all = index.registry().label_figures(Some(MatchWeight::from_bits(500.0))).unwrap().unwrap();
    assert_eq!((all.precision, all.recall.unwrap().value), (None, 0.0), "nothing would be linked");
    assert_eq!(index.registry().quality_now().labelled, Some(figures));
    // It measures, and changes nothing.
    assert_eq!((index.standing(), index.registry().stats().events), (standing, events));
    index.check();
    // Another model weighs otherwise: what was learnt does not hold for it. Other thresholds do not matter.
    let moved = index.registry().model_with_thresholds(thresholds(1.0, 9.0)).unwrap();
    promoted(&index, moved);
    assert!(index.registry().label_figures(None).unwrap().unwrap().holds);
    let mut file = LinkageModelFile::us_default().unwrap();
    (file.name, file.household.bits_max) = ("other".to_owned(), 3.0);
    promoted(&index, LinkageModel::parse(&file.to_toml().unwrap()).unwrap());
    assert!(!index.registry().label_figures(None).unwrap().unwrap().holds);
    // Another sample takes its place.
    index.registry().draw_sample(1, 8, steward("lena")).unwrap();
    index.registry().wait_for_lab();
    assert_eq!((progress(&index).number, progress(&index).settled), (2, 0));
    let late = index.registry().label_pair(at, said, &steward("dana"), true);
    assert!(late.unwrap_err().to_string().contains("another sample"));
    assert!(index.registry().draw_sample(0, 1, steward("lena")).is_err());
    index.check();
}
