//! Samples of pairs, labels and the log of models: kept, read again, and missed when they are damaged.

use empi_model::{LabelSample, PairLabel, Promotion, SampleStratum, SampledPair, Verdict};
use rocksdb::WriteBatch;

use super::*;
use crate::codec::{PromotionRow, Row as _, SampledRow};
use crate::layout::{self, Family};
use crate::store::synced;

fn lena() -> Actor {
    Actor { kind: ActorKind::Steward, name: "lena".to_owned() }
}

fn sample(number: u32, drawn: u32) -> LabelSample {
    let stratum =
        SampleStratum { least: None, below: None, is_held: None, pairs: u64::from(drawn), drawn };
    LabelSample {
        number,
        drawn: Timestamp(7),
        actor: lena(),
        model: 1,
        records: 2,
        bins: Vec::new(),
        strata: vec![stratum],
    }
}

fn pair(sample: u32, said: &[(&str, Verdict)]) -> SampledPair {
    let label = |(steward, verdict): &(&str, Verdict)| PairLabel {
        steward: (*steward).to_owned(),
        verdict: *verdict,
        time: Timestamp(8),
    };
    SampledPair {
        sample,
        place: 0,
        records: [RecordIndex(1), RecordIndex(0)],
        weight: MatchWeight::from_bits(3.5),
        is_held: false,
        stratum: 0,
        labels: said.iter().map(label).collect(),
    }
}

fn promotion(number: u32, model: u32) -> Promotion {
    Promotion {
        number,
        time: Timestamp(9),
        actor: lena(),
        reason: ReasonCode::Other,
        note: String::new(),
        model,
        before: 1,
        configured: 1,
        is_rollback: false,
    }
}

/// A sound store with two samples of one pair each, and a log of two entries.
fn filled(dir: &TempDir) -> Store {
    let store = open(dir);
    store.commit(&told()).unwrap();
    store.keep_model("us-default/1", "a model").unwrap();
    for number in [1, 2] {
        store.put_sample(&sample(number, 1), &[pair(number, &[])]).unwrap();
        store.put_promotion(&promotion(number, 1)).unwrap();
    }
    assert_eq!(store.verify(&keys_of).unwrap().problems, Vec::<String>::new());
    store
}

#[test]
fn what_was_labelled_is_there_when_the_store_is_opened_again() {
    let dir = TempDir::new().unwrap();
    let store = filled(&dir);
    let labelled = pair(2, &[("ines", Verdict::Same), ("omar", Verdict::Unsure)]);
    store.put_sampled_pair(&labelled).unwrap();
    drop(store);
    let store = open(&dir);
    let snapshot = store.snapshot();
    let samples: Vec<LabelSample> = snapshot.samples().map(Result::unwrap).collect();
    assert_eq!(samples, [sample(1, 1), sample(2, 1)]);
    assert_eq!(snapshot.sampled_pairs(1).unwrap(), [pair(1, &[])]);
    assert_eq!(snapshot.sampled_pairs(2).unwrap(), [labelled]);
    assert_eq!(snapshot.sampled_pairs(3).unwrap(), []);
    let log: Vec<Promotion> = snapshot.promotions().map(Result::unwrap).collect();
    assert_eq!(log, [promotion(1, 1), promotion(2, 1)]);
    assert_eq!(store.verify(&keys_of).unwrap().problem_count, 0);
}

#[test]
fn damage_to_samples_and_to_the_log_of_models_is_found() {
    use Verdict::{Different, Same};
    let [first, last] = [1, 2].map(layout::promotion_key);
    let at = layout::sampled_key(1, 0);
    let twice = [("ines", Same), ("ines", Same)];
    let third = [("ines", Same), ("omar", Same), ("lena", Different)];
    let own = SampledPair { records: [RecordIndex(1), RecordIndex(1)], ..pair(1, &[]) };
    let gone = SampledPair { records: [RecordIndex(1), RecordIndex(9)], ..pair(1, &[]) };
    for (expected, key, value) in [
        ("sample 1 of pairs is missing", layout::sample_key(1), None),
        ("sample 2 of pairs is missing or damaged", layout::sample_key(2), Some(vec![0xFF])),
        ("sample 1 has 0 pairs of 1", at.clone(), None),
        ("a pair of a sample is damaged", at.clone(), Some(SampledRow::encoded(&pair(2, &[])))),
        ("a pair of a sample is damaged", at.clone(), Some(SampledRow::encoded(&pair(1, &twice)))),
        ("a pair of a sample is damaged", at.clone(), Some(SampledRow::encoded(&pair(1, &third)))),
        ("a pair of a sample is damaged", at.clone(), Some(SampledRow::encoded(&own))),
        ("a pair of a sample is damaged", at, Some(SampledRow::encoded(&gone))),
        ("entry 1 of the log of models", first, None),
        ("entry 2 of the log", last.clone(), Some(PromotionRow::encoded(&promotion(3, 1)))),
        ("entry 2 of the log", last, Some(PromotionRow::encoded(&promotion(2, 9)))),
    ] {
        let dir = TempDir::new().unwrap();
        let store = filled(&dir);
        let mut batch = WriteBatch::default();
        let meta = store.family(Family::Meta).unwrap();
        match value {
            Some(value) => batch.put_cf(&meta, key, value),
            None => batch.delete_cf(&meta, key),
        }
        store.write(batch, &synced()).unwrap();
        let told = store.verify(&keys_of).unwrap().problems;
        assert!(told.iter().any(|it| it.contains(expected)), "{expected}: {told:?}");
    }
}
