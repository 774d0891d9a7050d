//! Small partitions worked out by hand, and comparison with listing all pairs.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::contingency::ratio;
use super::*;

/// One case: clusters written as one letter per record, `.` for a record without truth.
struct Case {
    name: &'static str,
    predicted: &'static str,
    truth: &'static str,
    /// true positive, predicted, truth
    pairs: [u64; 3],
    pairwise: [Option<f64>; 3],
    exact_cluster: [Option<f64>; 3],
    b_cubed: [Option<f64>; 3],
}

const CASES: &[Case] = &[
    Case {
        name: "empty",
        predicted: "",
        truth: "",
        pairs: [0, 0, 0],
        pairwise: [None, None, None],
        exact_cluster: [None, None, None],
        b_cubed: [None, None, None],
    },
    Case {
        name: "single",
        predicted: "a",
        truth: "x",
        pairs: [0, 0, 0],
        pairwise: [None, None, None],
        exact_cluster: [Some(1.0), Some(1.0), Some(1.0)],
        b_cubed: [Some(1.0), Some(1.0), Some(1.0)],
    },
    Case {
        name: "no truth pairs, one wrong link",
        predicted: "aab",
        truth: "xyz",
        pairs: [0, 1, 0],
        pairwise: [Some(0.0), None, Some(0.0)],
        exact_cluster: [Some(0.5), Some(1.0 / 3.0), Some(0.4)],
        b_cubed: [Some(2.0 / 3.0), Some(1.0), Some(0.8)],
    },
    Case {
        name: "nothing linked",
        predicted: "abc",
        truth: "xxy",
        pairs: [0, 0, 1],
        pairwise: [None, Some(0.0), Some(0.0)],
        exact_cluster: [Some(1.0 / 3.0), Some(0.5), Some(0.4)],
        b_cubed: [Some(1.0), Some(2.0 / 3.0), Some(0.8)],
    },
    Case {
        name: "records without truth are left out",
        predicted: "aaab",
        truth: "xx.y",
        pairs: [1, 1, 1],
        pairwise: [Some(1.0), Some(1.0), Some(1.0)],
        exact_cluster: [Some(1.0), Some(1.0), Some(1.0)],
        b_cubed: [Some(1.0), Some(1.0), Some(1.0)],
    },
    Case {
        name: "one of three lost, one stranger gained",
        predicted: "aaba",
        truth: "xxxy",
        pairs: [1, 3, 3],
        pairwise: [Some(1.0 / 3.0), Some(1.0 / 3.0), Some(1.0 / 3.0)],
        exact_cluster: [Some(0.0), Some(0.0), Some(0.0)],
        b_cubed: [Some(2.0 / 3.0), Some(2.0 / 3.0), Some(2.0 / 3.0)],
    },
];

fn partitions(predicted: &str, truth: &str) -> (Vec<u32>, Vec<Option<u32>>) {
    let truth = truth.chars().map(|letter| (letter != '.').then_some(letter as u32));
    (predicted.chars().map(u32::from).collect(), truth.collect())
}

fn close(left: Option<f64>, right: Option<f64>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => (left - right).abs() < 1e-9,
        (left, right) => left == right,
    }
}

fn check_scores(name: &str, found: Scores, expected: [Option<f64>; 3]) {
    for (found, expected) in [found.precision, found.recall, found.f1].into_iter().zip(expected) {
        assert!(close(found, expected), "{name}: {found:?} is not {expected:?}");
    }
}

#[test]
fn quality_of_small_partitions() {
    for case in CASES {
        let (predicted, truth) = partitions(case.predicted, case.truth);
        let found = evaluate(&predicted, &truth);
        let pairs = [found.true_positive_pairs, found.predicted_pairs, found.truth_pairs];
        assert_eq!(pairs, case.pairs, "{}", case.name);
        check_scores(case.name, found.pairwise, case.pairwise);
        check_scores(case.name, found.exact_cluster, case.exact_cluster);
        check_scores(case.name, found.b_cubed, case.b_cubed);
        assert_eq!(found.records + found.records_without_truth, predicted.len() as u64);
    }
}

#[test]
fn a_shorter_truth_leaves_records_out() {
    let found = evaluate(&[1, 1, 1], &[Some(7), Some(7)]);
    assert_eq!((found.records, found.records_without_truth, found.truth_pairs), (2, 1, 1));
}

#[test]
fn a_cluster_of_a_million_is_counted_without_listing_its_pairs() {
    let predicted = vec![1; 1_000_000];
    let truth: Vec<_> = (0..1_000_000).map(|record| Some(record / 2)).collect();
    let found = evaluate(&predicted, &truth);
    assert_eq!(found.predicted_pairs, 499_999_500_000);
    assert_eq!(found.true_positive_pairs, 500_000);

    let apart: Vec<u32> = (0..1_000_000).collect();
    let one = vec![Some(1); 1_000_000];
    let split = split_missed_pairs(&apart, &one, &[], 1000, |_, _| false, |_, _, _| ());
    assert_eq!((split.missed, split.examined), (499_999_500_000, 1000));
    assert!(split.is_sampled());
}

#[test]
fn missed_pairs_have_one_reason_each() {
    // Truth x: records 0 to 4, predicted as {0,1} {2} {3} {4}.
    let (predicted, truth) = partitions("aabcde", "xxxxxy");
    // A steward will join 1 with 2, and 2 with 5 is answered "different".
    let review = [(2, 1), (2, 5), (9, 0)];
    let candidates = BTreeSet::from([(0, 3), (1, 3), (2, 3), (1, 2)]);
    let was_candidate = |a, b| candidates.contains(&(a, b));
    let mut told = Vec::new();
    let split =
        split_missed_pairs(&predicted, &truth, &review, 100, was_candidate, |a, b, reason| {
            told.push((a, b, reason));
        });
    assert_eq!(
        split,
        MissedPairs {
            missed: 9,
            examined: 9,
            missed_by_blocking: 4,
            missed_by_scoring: 3,
            sent_to_review: 2,
            recall_with_review: Some(0.3),
        }
    );
    assert_eq!(told.len(), 9);
    assert!(told.contains(&(1, 2, MissedReason::Review)));
    assert!(told.contains(&(2, 3, MissedReason::Scoring)));
    assert!(told.contains(&(3, 4, MissedReason::Blocking)));
    let nothing = split_missed_pairs(&[], &[], &[], 1, |_, _| true, |_, _, _| ());
    assert_eq!(nothing, MissedPairs::default());
}

/// Predicted and truth clusters of up to 40 records, few enough clusters for many collisions.
fn labels() -> impl Strategy<Value = (Vec<u32>, Vec<Option<u32>>)> {
    vec((0..12_u32, prop::option::weighted(0.9, 0..8_u32)), 0..40)
        .prop_map(|records| records.into_iter().unzip())
}

/// All pairs of records with truth: (left, right, shares predicted cluster, shares truth).
fn all_pairs(predicted: &[u32], truth: &[Option<u32>]) -> Vec<(u32, u32, bool, bool)> {
    let known: Vec<_> = (0..predicted.len()).filter(|&index| truth[index].is_some()).collect();
    let pairs = known.iter().flat_map(|&a| known.iter().map(move |&b| (a, b)));
    pairs
        .filter(|(a, b)| a < b)
        .map(|(a, b)| (a as u32, b as u32, predicted[a] == predicted[b], truth[a] == truth[b]))
        .collect()
}

fn members<L: PartialEq>(labels: &[L], label: &L, known: &[usize]) -> BTreeSet<usize> {
    known.iter().copied().filter(|&index| labels[index] == *label).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn counts_agree_with_listing_all_pairs((predicted, truth) in labels()) {
        let found = evaluate(&predicted, &truth);
        let pairs = all_pairs(&predicted, &truth);
        let count = |test: fn(bool, bool) -> bool| {
            pairs.iter().filter(|pair| test(pair.2, pair.3)).count() as u64
        };
        prop_assert_eq!(found.true_positive_pairs, count(|linked, same| linked && same));
        prop_assert_eq!(found.predicted_pairs, count(|linked, _| linked));
        prop_assert_eq!(found.truth_pairs, count(|_, same| same));

        let known: Vec<_> =
            (0..predicted.len()).filter(|&index| truth[index].is_some()).collect();
        let (mut precision, mut recall) = (0.0, 0.0);
        let mut exact = BTreeSet::new();
        for &index in &known {
            let linked = members(&predicted, &predicted[index], &known);
            let same = members(&truth, &truth[index], &known);
            let common = linked.intersection(&same).count() as f64;
            precision += common / linked.len() as f64;
            recall += common / same.len() as f64;
            if linked == same {
                exact.insert(linked);
            }
        }
        let mean = |sum: f64| (!known.is_empty()).then_some(sum / known.len() as f64);
        prop_assert!(close(found.b_cubed.precision, mean(precision)));
        prop_assert!(close(found.b_cubed.recall, mean(recall)));
        prop_assert_eq!(found.exact_clusters, exact.len() as u64);
    }

    #[test]
    fn order_and_numbering_change_nothing((predicted, truth) in labels()) {
        let renumbered: Vec<_> = predicted.iter().rev().map(|number| 1000 - number).collect();
        let turned: Vec<_> = truth.iter().rev().map(|number| number.map(|n| n ^ 5)).collect();
        prop_assert_eq!(evaluate(&predicted, &truth), evaluate(&renumbered, &turned));
    }

    #[test]
    fn missed_pairs_agree_with_listing_them(
        (predicted, truth) in labels(),
        review in vec((0..40_u32, 0..40_u32), 0..10),
        examined_max in 1..30_u64,
    ) {
        let was_candidate = |a: u32, b: u32| (a * 7 + b * 13).is_multiple_of(3);
        let split = split_missed_pairs(&predicted, &truth, &review, u64::MAX, was_candidate, |_, _, _| ());
        let pairs = all_pairs(&predicted, &truth);
        let missed: Vec<_> = pairs.iter().filter(|pair| pair.3 && !pair.2).collect();
        prop_assert_eq!(split.missed, missed.len() as u64);
        prop_assert_eq!(split.examined, split.missed);

        // Records of one person are joined by prediction and by review, until nothing changes.
        let mut joined: Vec<usize> = (0..predicted.len()).collect();
        loop {
            let before = joined.clone();
            for &(a, b, linked, same) in &pairs {
                let asked = review.contains(&(a, b)) || review.contains(&(b, a));
                if same && (linked || asked) {
                    let low = joined[a as usize].min(joined[b as usize]);
                    joined[a as usize] = low;
                    joined[b as usize] = low;
                }
            }
            if before == joined {
                break;
            }
        }
        let reviewed = |a: u32, b: u32| joined[a as usize] == joined[b as usize];
        let expected = |in_review: bool, candidate: bool| {
            let matches = |pair: &&&(u32, u32, bool, bool)| {
                reviewed(pair.0, pair.1) == in_review
                    && (in_review || was_candidate(pair.0, pair.1) == candidate)
            };
            missed.iter().filter(matches).count() as u64
        };
        prop_assert_eq!(split.sent_to_review, expected(true, true));
        prop_assert_eq!(split.missed_by_scoring, expected(false, true));
        prop_assert_eq!(split.missed_by_blocking, expected(false, false));
        let truth_pairs = pairs.iter().filter(|pair| pair.3);
        let recalled = truth_pairs.clone().filter(|pair| reviewed(pair.0, pair.1)).count();
        prop_assert_eq!(
            split.recall_with_review,
            ratio(recalled as u64, truth_pairs.count() as u64)
        );

        let sample =
            split_missed_pairs(&predicted, &truth, &review, examined_max, was_candidate, |_, _, _| ());
        prop_assert!(sample.examined <= examined_max);
        prop_assert!(sample.examined >= split.missed.min(examined_max.div_ceil(2)));
        prop_assert_eq!(sample.recall_with_review, split.recall_with_review);
    }

    #[test]
    fn subgroups_add_up_to_the_whole(
        (predicted, truth) in labels(),
        groups in vec(0..4_usize, 40),
    ) {
        let quality = evaluate(&predicted, &truth);
        let overlap = Overlap::new(&predicted, &truth);
        prop_assert_eq!(overlap.truth_pairs(), quality.truth_pairs);
        prop_assert_eq!(overlap.record_count(), quality.records);
        let of = |record: u32| groups[record as usize];
        let by_group = overlap.by_group(of, 4, |record| record % 3 == 0);
        let within_and_across = overlap.within_and_across(|record| of(record) as u32);
        for subgroups in [by_group.as_slice(), &within_and_across] {
            let sum = |value: fn(&Subgroup) -> f64| subgroups.iter().map(value).sum::<f64>();
            prop_assert_eq!(sum(|it| it.truth_pairs), quality.truth_pairs as f64);
            prop_assert_eq!(sum(|it| it.predicted_pairs), quality.predicted_pairs as f64);
            prop_assert_eq!(sum(|it| it.true_positive_pairs), quality.true_positive_pairs as f64);
        }
        let records: u64 = by_group.iter().filter_map(|group| group.records).sum();
        prop_assert_eq!(records, quality.records);

        let pairs = all_pairs(&predicted, &truth);
        let same = |pair: &&(u32, u32, bool, bool)| of(pair.0) == of(pair.1);
        let within = pairs.iter().filter(same).filter(|pair| pair.2 && pair.3).count();
        prop_assert_eq!(within_and_across[0].true_positive_pairs, within as f64);
    }

    #[test]
    fn true_pairs_are_listed_once_each((predicted, truth) in labels(), pairs_max in 1..30_u64) {
        let overlap = Overlap::new(&predicted, &truth);
        let expected: BTreeSet<_> = all_pairs(&predicted, &truth)
            .into_iter()
            .filter(|pair| pair.3)
            .map(|pair| (pair.0, pair.1))
            .collect();
        let listed = overlap.true_pairs(u64::MAX);
        prop_assert_eq!(listed.len(), expected.len());
        prop_assert_eq!(&listed.into_iter().collect::<BTreeSet<_>>(), &expected);
        let sample = overlap.true_pairs(pairs_max);
        prop_assert!(sample.len() as u64 <= pairs_max);
        prop_assert!(sample.iter().all(|pair| expected.contains(pair)));
    }
}
