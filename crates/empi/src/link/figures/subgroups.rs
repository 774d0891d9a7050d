//! Groups of records that a linkage should serve equally well: by sex, age, source, or a column of the
//! file.

use std::collections::{BTreeMap, HashMap};

use empi_linkage::{CompareRow, Overlap, RecordKeys, Subgroup};
use empi_model::Sex;

use super::{GroupFigures, IntervalFigures, SubgroupFigures, rounded};

/// Ages at which bands end, and their names; the last has no end.
const AGE_BANDS: [(u32, &str); 7] = [
    (2, "0 to 1"),
    (18, "2 to 17"),
    (35, "18 to 34"),
    (50, "35 to 49"),
    (65, "50 to 64"),
    (80, "65 to 79"),
    (u32::MAX, "80 and over"),
];

/// The reference year has at least one so-many-th of the births of a mean year: a slip of the pen has
/// not.
const REFERENCE_SHARE: u64 = 5;

/// Sources shown one by one; the smaller ones are one group.
const SOURCES_MAX: usize = 12;

/// Values of a column that names groups. A column of more is no column of groups but of patient data.
pub(crate) const COLUMN_GROUPS_MAX: usize = 60;

/// Each record's group.
#[derive(Debug)]
pub(crate) struct Grouping {
    /// What the groups are by.
    pub(crate) by: String,
    /// The groups' names, by their numbers.
    pub(crate) names: Vec<String>,
    /// Each record's group number, in the order of keys.
    pub(crate) group_of: Vec<u8>,
}

/// A column of the input that names groups, by place.
#[derive(Debug)]
pub(crate) struct Attribute {
    /// The column.
    pub(crate) column: String,
    /// Each record's value; `None` when blank.
    pub(crate) values: Vec<Option<String>>,
}

impl Grouping {
    /// Every grouping that the rows and keys give.
    pub(crate) fn all(
        rows: &[&CompareRow],
        keys: &RecordKeys,
        attribute: Option<&Attribute>,
    ) -> Vec<Self> {
        let mut groupings = Vec::new();
        if !rows.is_empty() {
            groupings.extend([by_sex(rows), by_age(rows)]);
        }
        groupings.push(by_source(keys));
        groupings.extend(attribute.map(by_attribute));
        groupings.retain(|grouping| grouping.names.len() > 1);
        groupings
    }

    /// The figures of each group that holds records.
    pub(super) fn figures(
        &self,
        overlap: &Overlap,
        is_in_review: impl Fn(u32) -> bool,
    ) -> SubgroupFigures {
        let group_of = |record: u32| {
            self.group_of.get(record as usize).map_or(usize::MAX, |group| usize::from(*group))
        };
        let groups = overlap.by_group(group_of, self.names.len(), is_in_review);
        let named = self.names.iter().zip(&groups);
        let given = named.filter(|(_, group)| group.records.is_some_and(|records| records > 0));
        SubgroupFigures {
            by: self.by.clone(),
            groups: given.map(|(name, group)| group_figures(name, group)).collect(),
        }
    }
}

fn by_sex(rows: &[&CompareRow]) -> Grouping {
    let group = |row: &&CompareRow| match row.sex {
        Some(Sex::Female) => 0,
        Some(Sex::Male) => 1,
        Some(Sex::Other) => 2,
        None => 3,
    };
    Grouping {
        by: "sex".to_owned(),
        names: ["female", "male", "other", "not stated"].map(str::to_owned).to_vec(),
        group_of: rows.iter().map(group).collect(),
    }
}

/// Ages in the year of the latest birth, so that the same file gives the same bands for ever.
fn by_age(rows: &[&CompareRow]) -> Grouping {
    let birth_year = |row: &&CompareRow| row.birth_date / 10_000;
    let mut births: BTreeMap<u32, u64> = BTreeMap::new();
    for year in rows.iter().map(birth_year).filter(|year| *year > 0) {
        *births.entry(year).or_default() += 1;
    }
    let (years, all) = (births.len() as u64, births.values().sum::<u64>());
    let mut latest_first = births.iter().rev();
    let usual = latest_first.find(|(_, count)| **count * years * REFERENCE_SHARE >= all);
    let reference = usual.map_or(0, |(year, _)| *year);
    let group = |row: &&CompareRow| match birth_year(row) {
        0 => AGE_BANDS.len(),
        year => {
            let age = reference.checked_sub(year);
            let band = age.and_then(|age| AGE_BANDS.iter().position(|(end, _)| age < *end));
            band.unwrap_or(AGE_BANDS.len())
        }
    };
    let names = AGE_BANDS.iter().map(|(_, name)| *name).chain(["not stated, or born later"]);
    Grouping {
        by: format!("age in {reference}"),
        names: names.map(str::to_owned).collect(),
        group_of: rows.iter().map(|row| u8::try_from(group(row)).unwrap_or(u8::MAX)).collect(),
    }
}

fn by_source(keys: &RecordKeys) -> Grouping {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    // Keys come by source, so that looking one up again is rare.
    for (source, records) in keys.sources() {
        *counts.entry(source).or_default() += records as u64;
    }
    let mut sources: Vec<(&str, u64)> = counts.into_iter().collect();
    sources.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let shown = sources.len().min(SOURCES_MAX);
    let mut names: Vec<String> =
        sources.iter().take(shown).map(|(source, _)| (*source).to_owned()).collect();
    if sources.len() > shown {
        names.push(format!("{} smaller sources", sources.len() - shown));
    }
    let numbers: HashMap<&str, usize> =
        sources.iter().enumerate().map(|(at, (source, _))| (*source, at.min(shown))).collect();
    let number = |source: &str| numbers.get(source).copied().unwrap_or(shown);
    let mut group_of = Vec::with_capacity(keys.len());
    for (source, records) in keys.sources() {
        let group = u8::try_from(number(source)).unwrap_or(u8::MAX);
        group_of.extend(std::iter::repeat_n(group, records));
    }
    Grouping { by: "source".to_owned(), names, group_of }
}

fn by_attribute(attribute: &Attribute) -> Grouping {
    let values: std::collections::BTreeSet<&str> =
        attribute.values.iter().flatten().map(String::as_str).collect();
    let names: Vec<&str> = values.into_iter().collect();
    let blank = u8::try_from(names.len()).unwrap_or(u8::MAX);
    let group = |value: &Option<String>| {
        let at = value.as_ref().and_then(|value| names.binary_search(&value.as_str()).ok());
        at.and_then(|at| u8::try_from(at).ok()).unwrap_or(blank)
    };
    let group_of = attribute.values.iter().map(group).collect();
    let names = names.into_iter().chain(["not stated"]).map(str::to_owned).collect();
    Grouping { by: attribute.column.clone(), names, group_of }
}

/// Pairs of records of one source, and pairs across sources.
pub(super) fn by_source_pair(overlap: &Overlap, keys: &RecordKeys) -> Option<SubgroupFigures> {
    let mut parts = Vec::with_capacity(keys.len());
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    for (source, records) in keys.sources() {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        let number = *numbers.entry(source).or_insert(next);
        parts.extend(std::iter::repeat_n(number, records));
    }
    if numbers.len() < 2 {
        return None;
    }
    let part_of = |record: u32| parts.get(record as usize).copied().unwrap_or_default();
    let [within, across] = overlap.within_and_across(part_of);
    Some(SubgroupFigures {
        by: "pair of sources".to_owned(),
        groups: vec![
            group_figures("both of one source", &within),
            group_figures("of two sources", &across),
        ],
    })
}

fn group_figures(name: &str, group: &Subgroup) -> GroupFigures {
    let interval = |interval: Option<empi_linkage::Interval>| interval.map(IntervalFigures::from);
    GroupFigures {
        group: name.to_owned(),
        records: group.records,
        truth_pairs: group.truth_pairs,
        predicted_pairs: group.predicted_pairs,
        precision: group.pairwise.precision.map(rounded),
        precision_interval: interval(group.precision_interval),
        recall: group.pairwise.recall.map(rounded),
        recall_interval: interval(group.recall_interval),
        f1: group.pairwise.f1.map(rounded),
        review_share: group.review_share.map(rounded),
        review_interval: interval(group.review_interval),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn born(year: u32, sex: Option<Sex>) -> CompareRow {
        let mut row = CompareRow::default();
        (row.birth_date, row.sex) = (year * 10_000 + 101, sex);
        row
    }

    #[test]
    fn ages_are_counted_from_the_latest_birth() {
        let rows = [
            born(2020, None),
            born(2019, None),
            born(2018, Some(Sex::Female)),
            born(1955, Some(Sex::Male)),
            born(1900, Some(Sex::Other)),
            CompareRow::default(),
        ];
        let ages = by_age(&rows.each_ref());
        assert_eq!(ages.by, "age in 2020");
        assert_eq!(ages.group_of, [0, 0, 1, 5, 6, 7]);
        assert_eq!(ages.names.len(), 8);
        assert_eq!(by_sex(&rows.each_ref()).group_of, [3, 3, 0, 1, 2, 3]);
        // A slip does not move everybody's age, and is nobody's age itself.
        let mut many: Vec<_> = (0..1_000).map(|at| born(1960 + at % 40, None)).collect();
        many.extend([born(2090, None), born(2071, None)]);
        let ages = by_age(&many.iter().collect::<Vec<_>>());
        assert_eq!(ages.by, "age in 1999");
        assert_eq!((ages.group_of[0], ages.group_of[39], ages.group_of[1_000]), (3, 0, 7));
    }

    #[test]
    fn the_smallest_sources_are_one_group() {
        let mut keys = RecordKeys::default();
        for source in 0..20_u32 {
            (0..=source).for_each(|id| keys.push(&format!("s{source:02}"), &id.to_string()));
        }
        let grouping = by_source(&keys);
        assert_eq!(grouping.names.len(), SOURCES_MAX + 1);
        assert_eq!(grouping.names[0], "s19");
        assert_eq!(grouping.names[SOURCES_MAX], "8 smaller sources");
        assert_eq!(grouping.group_of.len(), keys.len());
        assert_eq!(usize::from(grouping.group_of[0]), SOURCES_MAX);
        assert_eq!(grouping.group_of.last(), Some(&0));
    }

    #[test]
    fn a_column_of_the_file_names_groups() {
        let values = ["b", "a", "", "b"].map(|it| (!it.is_empty()).then(|| it.to_owned()));
        let attribute = Attribute { column: "origin".to_owned(), values: values.to_vec() };
        let grouping = by_attribute(&attribute);
        assert_eq!(grouping.names, ["a", "b", "not stated"]);
        assert_eq!(grouping.group_of, [1, 0, 2, 1]);
    }
}
