//! Data made from known m and u: training must find them again.

use super::*;
use crate::compare::ComparisonVector;

/// Shares of the levels of one comparison, and of pairs in which a side is missing.
struct Shares {
    comparison: Comparison,
    m: Vec<f64>,
    u: Vec<f64>,
    missing: f64,
}

/// Shares by level: those given, and the rest for the last level.
fn levels(comparison: Comparison, given: &[(usize, f64)]) -> Vec<f64> {
    let mut shares = vec![0.0; comparison.levels().len()];
    for (level, share) in given {
        shares[*level] = *share;
    }
    let rest = 1.0 - shares.iter().sum::<f64>();
    *shares.last_mut().unwrap() = rest;
    shares
}

/// Three comparisons that everybody has, and a national number that half of the pairs have.
fn world() -> Vec<Shares> {
    use Comparison::{Address, BirthDate, Name, Sex, Ssn};
    let of = |comparison, m: &[(usize, f64)], u: &[(usize, f64)], missing| Shares {
        comparison,
        m: levels(comparison, m),
        u: levels(comparison, u),
        missing,
    };
    vec![
        of(Name, &[(0, 0.7), (3, 0.2), (11, 0.02)], &[(0, 1e-5), (3, 5e-5), (11, 4e-3)], 0.0),
        of(BirthDate, &[(0, 0.85), (2, 0.1), (5, 0.01)], &[(0, 4e-5), (2, 2e-3), (5, 0.02)], 0.0),
        of(Sex, &[(0, 0.97)], &[(0, 0.52)], 0.0),
        of(Ssn, &[(0, 0.75), (1, 0.12)], &[(0, 1e-8), (1, 1e-6)], 0.5),
        of(Address, &[(0, 0.5), (2, 0.2), (4, 0.1)], &[(0, 1e-4), (2, 2e-4), (4, 0.05)], 0.1),
    ]
}

/// The comparisons that blocking rules left free, by rule: number, name and birth date, and name and
/// address.
fn free(vector: &ComparisonVector) -> Comparisons {
    use Comparison::{Address, BirthDate, Name, Ssn};
    let best = |comparison| vector.level(comparison) == Some(0);
    [
        (best(Ssn), &[Ssn][..]),
        (best(Name) && best(BirthDate), &[Name, BirthDate]),
        (best(Name) && best(Address), &[Name, Address]),
    ]
    .into_iter()
    .filter(|(found, _)| *found)
    .map(|(_, used)| Comparisons::of(used).complement())
    .fold(Comparisons::NONE, Comparisons::union)
}

/// Every vector with how many of `pairs` pairs have it when comparisons are independent.
fn pairs_of(world: &[Shares], pairs: f64, same: bool) -> Vec<(ComparisonVector, f64)> {
    let mut all: Vec<(Vec<(Comparison, u8)>, f64)> = vec![(Vec::new(), pairs)];
    for Shares { comparison, m, u, missing } in world {
        let shares = if same { m } else { u };
        let mut next = Vec::new();
        for (levels, count) in all {
            if *missing > 0.0 {
                next.push((levels.clone(), count * missing));
            }
            for (level, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
                let mut levels = levels.clone();
                levels.push((*comparison, level as u8));
                next.push((levels, count * (1.0 - missing) * share));
            }
        }
        all = next;
    }
    let vector = |levels: Vec<(Comparison, u8)>| {
        ComparisonVector::from_fn(|comparison| {
            levels.iter().find(|(it, _)| *it == comparison).map(|(_, level)| *level)
        })
    };
    all.into_iter().map(|(levels, count)| (vector(levels), count)).collect()
}

/// What blocking and sampling would collect of `matches` matching pairs among those of `records`.
fn evidence(world: &[Shares], matches: f64, records: u64, random: f64) -> TrainingEvidence {
    let mut evidence = TrainingEvidence { records, ..TrainingEvidence::default() };
    let strangers = evidence.record_pairs() - matches;
    let all = pairs_of(world, matches, true).into_iter().chain(pairs_of(world, strangers, false));
    let found = all.map(|(vector, count)| {
        let free = free(&vector);
        (PairEvidence::new(&vector, free, 0.0), if free == Comparisons::NONE { 0.0 } else { count })
    });
    let found: Vec<_> = found.filter(|(_, count)| *count > 0.0).collect();
    evidence.candidate_pairs = found.iter().map(|(_, count)| count).sum::<f64>() as u64;
    evidence.candidates = PairCounts::sum(found);
    evidence.candidate_weight = 1.0;
    let packed = |(vector, count)| (PairEvidence::new(&vector, Comparisons::NONE, 0.0), count);
    evidence.random =
        PairCounts::sum(pairs_of(world, random, false).into_iter().map(packed).collect());
    evidence
}

fn trained(evidence: &TrainingEvidence) -> Trained {
    let base = LinkageModelFile::us_default().unwrap();
    train(&base.validate().unwrap(), &base, evidence)
}

fn part(file: &LinkageModelFile, comparison: Comparison) -> &crate::model::ComparisonPart {
    file.comparison.iter().find(|part| part.name == comparison.as_str()).unwrap()
}

/// m within `error` for levels of more than 1 % of the matches; u within 5 % for levels that random
/// pairs show at least a thousand times.
fn assert_recovered(world: &[Shares], trained: &Trained, error: f64, random: f64) {
    for Shares { comparison, m, u, .. } in world {
        let part = part(&trained.file, *comparison);
        assert_eq!(part.m_kept, None, "{comparison:?}");
        for ((level, m), u) in part.levels.iter().zip(m).zip(u) {
            let name = format!("{comparison:?} {}: {level:?}", level.level);
            assert!(*m < 0.01 || (level.m - m).abs() < error, "m of {name}, not {m}");
            assert!(
                u * random < 1000.0 || (level.u / u - 1.0).abs() < 0.05,
                "u of {name}, not {u}"
            );
        }
    }
}

#[test]
fn training_finds_the_m_and_u_that_made_the_data() {
    let world = world();
    let evidence = evidence(&world, 40_000.0, 100_000, 1e6);
    let trained = trained(&evidence);
    assert!(trained.converged, "{} iterations", trained.iterations);
    assert_recovered(&world, &trained, 0.02, 1e6);
    // No number in common, and not the same name, or neither the same birth date nor the same address.
    let missed_by_rules = (1.0 - 0.5 * 0.75) * (1.0 - 0.7 * (1.0 - 0.15 * (1.0 - 0.9 * 0.5)));
    let found = trained.expected_matches / 40_000.0;
    assert!((found + missed_by_rules - 1.0).abs() < 0.01, "{found}");
    assert_eq!(trained.file.validate().unwrap().name(), "us-default-trained/2");
}

#[test]
fn rare_matches_are_found_among_many_candidates() {
    let world = world();
    // Five matches in a hundred million pairs, and ten candidates by chance for each match.
    let evidence = evidence(&world, 1_000.0, 200_000, 1e6);
    let chance = pairs_of(&world, 1e9, false).into_iter().map(|(vector, count)| {
        (PairEvidence::new(&vector, Comparisons::of(&[Comparison::Ssn]), 0.0), count / 1e5)
    });
    let mut evidence = evidence;
    evidence.candidates = PairCounts::sum(evidence.candidates.iter().chain(chance).collect());
    assert_recovered(&world, &trained(&evidence), 0.05, 1e6);
}

#[test]
fn an_empty_field_and_one_that_every_rule_uses_keep_their_m_and_say_why() {
    let world: Vec<Shares> =
        world().into_iter().filter(|it| it.comparison != Comparison::Ssn).collect();
    let mut evidence = evidence(&world, 10_000.0, 100_000, 1e6);
    let free = Comparisons::of(&[Comparison::Address]).complement();
    let addressed = evidence.candidates.iter().map(|(pair, count)| {
        let vector = ComparisonVector::from_fn(|it| pair.level(it).map(|level| level as u8));
        (PairEvidence::new(&vector, free, 0.0), count)
    });
    evidence.candidates = PairCounts::sum(addressed.collect());
    let (base, trained) = (LinkageModelFile::us_default().unwrap(), trained(&evidence));
    for (comparison, reason) in [
        (Comparison::Ssn, "no matching pair has it on both sides"),
        (Comparison::Email, "no matching pair has it on both sides"),
        (Comparison::Address, "only blocking rules that use it found matching pairs"),
    ] {
        let kept = part(&trained.file, comparison);
        assert_eq!(kept.m_kept.as_deref(), Some(reason), "{comparison:?}");
        let before = part(&base, comparison).levels.iter().map(|level| level.m);
        assert!(before.eq(kept.levels.iter().map(|level| level.m)), "{comparison:?}");
        assert!(kept.levels.iter().all(|level| level.m_pairs.is_none()));
    }
    assert_eq!(part(&trained.file, Comparison::Sex).m_kept, None);
}

#[test]
fn a_tiny_file_and_an_empty_one_keep_the_model() {
    let world = world();
    for evidence in [TrainingEvidence::default(), evidence(&world, 3.0, 10, 45.0)] {
        let (base, trained) = (LinkageModelFile::us_default().unwrap(), trained(&evidence));
        for (before, after) in base.comparison.iter().zip(&trained.file.comparison) {
            assert_eq!(before.levels, after.levels);
            assert_eq!(after.m_kept.as_deref(), Some("the file holds too few matching pairs"));
        }
        assert!((trained.file.prior_match_probability - 1e-6).abs() < 1e-12);
        assert!(trained.file.validate().is_ok());
    }
}

#[test]
fn what_people_decided_pulls_the_estimates() {
    let world = world();
    let mut evidence = evidence(&world, 2_000.0, 50_000, 1e6);
    let before = trained(&evidence);
    // Judged to be one person, although the sex differs: five hundred times.
    let vector = ComparisonVector::from_fn(|comparison| match comparison {
        Comparison::Name | Comparison::Ssn => Some(0),
        Comparison::Sex => Some(1),
        _ => None,
    });
    let pair = PairEvidence::new(&vector, Comparisons::ALL, 0.0);
    evidence.labels = vec![LabelledPair { pair, is_same: true, weight: 500.0 }];
    let after = trained(&evidence);
    let different = |trained: &Trained| part(&trained.file, Comparison::Sex).levels[1].m;
    assert!(different(&before) < 0.05 && different(&after) > 0.15);
    assert!(after.expected_matches > before.expected_matches + 450.0);
    let told = after.file.training.unwrap();
    assert_eq!(told.labelled_pairs, 1);
}

#[test]
fn counts_of_values_tell_u_when_matches_are_taken_off() {
    let world = world();
    let mut evidence = evidence(&world, 40_000.0, 1_000_000, 1e5);
    let all = evidence.record_pairs();
    let (m, u) = (0.85, 6e-5);
    let agreeing = all * u + 40_000.0 * m;
    evidence.coincidences[Comparison::BirthDate as usize] =
        Some(Coincidence { agreeing, compared: all, share: 1.0 });
    let birth_date = part(&trained(&evidence).file, Comparison::BirthDate).clone();
    assert!((birth_date.levels[0].u / u - 1.0).abs() < 0.01, "{:?}", birth_date.levels[0]);
    assert!(birth_date.levels[0].u_pairs.unwrap() > 1e6);
    let sum: f64 = birth_date.levels.iter().map(|level| level.u).sum();
    assert!((sum - 1.0).abs() < 1e-3);
}

#[test]
fn households_do_not_pass_for_one_person() {
    use Comparison::{Address, BirthDate, Name, Phone, Sex, Ssn};
    let mut world = world();
    world.push(Shares {
        comparison: Phone,
        m: levels(Phone, &[(0, 0.6)]),
        u: levels(Phone, &[(0, 1e-6)]),
        missing: 0.2,
    });
    let mut evidence = evidence(&world, 10_000.0, 100_000, 1e6);
    // As many pairs of relatives: one address, one telephone, one family name, two birth dates.
    let relatives = [
        (Name, levels(Name, &[(11, 0.8)])),
        (BirthDate, levels(BirthDate, &[(5, 0.02)])),
        (Sex, levels(Sex, &[(0, 0.5)])),
        (Ssn, levels(Ssn, &[])),
        (Address, levels(Address, &[(0, 0.8)])),
        (Phone, levels(Phone, &[(0, 1.0)])),
    ];
    let household: Vec<Shares> = relatives
        .into_iter()
        .map(|(comparison, m)| Shares { comparison, u: m.clone(), m, missing: 0.0 })
        .collect();
    let rule = Comparisons::of(&[Address, Phone, Comparison::Email]).complement();
    let pairs = pairs_of(&household, 10_000.0, true).into_iter();
    let pairs = pairs.map(|(vector, count)| (PairEvidence::new(&vector, rule, 0.0), count));
    evidence.candidates = PairCounts::sum(evidence.candidates.iter().chain(pairs).collect());
    let trained = trained(&evidence);
    let last = |comparison| part(&trained.file, comparison).levels.last().unwrap().m;
    assert!((last(BirthDate) - 0.04).abs() < 0.01, "{}", last(BirthDate));
    assert!((last(Sex) - 0.03).abs() < 0.01, "{}", last(Sex));
    assert!(part(&trained.file, Name).levels[11].m < 0.04);
}

#[test]
fn a_trained_model_reads_back_and_shows_its_evidence() {
    let world = world();
    let trained = trained(&evidence(&world, 4_000.0, 50_000, 1e6));
    let text = trained.file.to_toml().unwrap();
    assert_eq!(LinkageModelFile::parse(&text).unwrap(), trained.file);
    for expected in [
        "[training]\nbase = \"us-default/1\"\nrecords = 50000\n",
        "m_kept = \"no matching pair has it on both sides\"\n",
        "    { level = \"same\",      m = 0.9",
        "m_pairs = ",
        " bits\n",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
}

#[test]
fn figures_are_rounded_to_four_digits() {
    for (value, expected) in
        [(0.123_456, 0.1235), (1.234_56e-7, 1.235e-7), (0.999_999, 0.999_999), (0.5, 0.5)]
    {
        assert!((rounded(value) / expected - 1.0).abs() < 1e-12, "{value}");
    }
    assert!(rounded(0.0) > 0.0 && rounded(1.0) < 1.0);
}

#[test]
fn what_no_rule_leaves_out_is_learnt_from_levels_that_all_rules_reach() {
    use Comparison::{BirthDate, Name, Sex};
    let of = |comparison, m: &[(usize, f64)], u: &[(usize, f64)]| Shares {
        comparison,
        m: levels(comparison, m),
        u: levels(comparison, u),
        missing: 0.0,
    };
    // Digits of the year are swapped in two dates of five, and names are mistyped.
    let name = [(0, 0.2), (3, 0.4), (5, 0.3), (10, 0.05)];
    let world = vec![
        of(Name, &name, &[(0, 2e-6), (3, 8e-6), (5, 4e-6), (10, 5e-3)]),
        of(BirthDate, &[(0, 0.45), (1, 0.4), (4, 0.1)], &[(0, 4e-5), (1, 5e-5), (4, 3e-3)]),
        of(Sex, &[(0, 0.97)], &[(0, 0.52)]),
    ];
    let is_found = |vector: &ComparisonVector| match (
        vector.level(Name).unwrap_or(u8::MAX),
        vector.level(BirthDate).unwrap_or(u8::MAX),
    ) {
        (0, date) => date < 6,
        (3 | 5, date) => date < 2,
        (10, date) => date == 0,
        _ => false,
    };
    let mut evidence = evidence(&world, 20_000.0, 100_000, 1e6);
    let strangers = evidence.record_pairs() - 20_000.0;
    let all =
        pairs_of(&world, 20_000.0, true).into_iter().chain(pairs_of(&world, strangers, false));
    let free = Comparisons::of(&[Name, BirthDate]).complement();
    let found = all.filter(|(vector, _)| is_found(vector));
    let packed = found.map(|(vector, count)| (PairEvidence::new(&vector, free, 0.0), count));
    evidence.candidates = PairCounts::sum(packed.collect());

    let trained = trained(&evidence);
    assert!(trained.converged, "{} iterations", trained.iterations);
    for Shares { comparison, m, .. } in &world {
        let part = part(&trained.file, *comparison);
        assert_eq!(part.m_kept, None, "{comparison:?}");
        for (level, m) in part.levels.iter().zip(m) {
            let error = (level.m - m).abs();
            assert!(error < 0.05, "m of {comparison:?} {}: {}, not {m}", level.level, level.m);
        }
    }
}
