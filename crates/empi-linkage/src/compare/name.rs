//! Names: given and family name compared as one group, so that what goes together (a nickname beside
//! an equal family name, a swap of the two fields, half of a hyphenated name) is one level and not two
//! pieces of evidence that would be added up as if they were independent.

use super::Comparison;
use crate::lexicon::{NameValue, Values};
use crate::row::{CompareRow, NameId, NameIds, Several};
use crate::similarity::{jaro_winkler, within_one_edit};

/// Levels of the name group, best first.
pub(super) const LEVELS: &[&str] = &[
    "exact",
    "nickname",
    "swapped",
    "one_close",
    "family_part",
    "both_close",
    "sound",
    "initial",
    "family_alone",
    "given_alone",
    "given_only",
    "family_only",
    "different",
];

/// Levels of the middle name, best first.
pub(super) const MIDDLE_LEVELS: &[&str] = &["exact", "initial", "close", "different"];

/// Levels of the mother's maiden name, best first.
pub(super) const MOTHER_LEVELS: &[&str] = &["exact", "close", "different"];

pub(crate) const MOTHER_CLOSE: u8 = 1;

/// The levels by number, in the order of [`LEVELS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum NameLevel {
    /// Both names equal.
    Exact = 0,
    /// Family name equal, given name a nickname or one of several.
    Nickname,
    /// The two names stand in each other's field.
    Swapped,
    /// One name equal, the other mistyped.
    OneClose,
    /// Given name equal, family name shares a part: hyphenated, maiden, one of two.
    FamilyPart,
    /// Both names mistyped.
    BothClose,
    /// Both names at least sound alike.
    Sound,
    /// Family name equal or close, given name only an initial that fits.
    Initial,
    /// Family name equal, given name missing on a side.
    FamilyAlone,
    /// Given name equal, family name missing on a side.
    GivenAlone,
    /// Given name equal or close, family name another one.
    GivenOnly,
    /// Family name equal or close, in either field, given name another one.
    FamilyOnly,
    /// Neither.
    Different,
}

impl NameLevel {
    /// Whether at most a family name agrees.
    pub(crate) const fn is_family_alone(self) -> bool {
        matches!(self, Self::FamilyAlone | Self::FamilyOnly | Self::Different)
    }

    /// The level of a vector, where names were compared.
    pub(crate) fn of(vector: &super::ComparisonVector) -> Option<Self> {
        Self::at(usize::from(vector.level(Comparison::Name)?))
    }

    /// The level by its number.
    pub(crate) fn at(place: usize) -> Option<Self> {
        const ALL: [NameLevel; 13] = [
            NameLevel::Exact,
            NameLevel::Nickname,
            NameLevel::Swapped,
            NameLevel::OneClose,
            NameLevel::FamilyPart,
            NameLevel::BothClose,
            NameLevel::Sound,
            NameLevel::Initial,
            NameLevel::FamilyAlone,
            NameLevel::GivenAlone,
            NameLevel::GivenOnly,
            NameLevel::FamilyOnly,
            NameLevel::Different,
        ];
        ALL.get(place).copied()
    }
}

/// The names on which two records agree. Rare ones weigh more than common ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AgreedNames {
    /// The given name, where it is equal.
    pub given: Option<NameId>,
    /// The family name, where it is equal.
    pub family: Option<NameId>,
    /// The given names, where they are one name mistyped.
    pub given_close: Option<(NameId, NameId)>,
    /// The family names, where they are one name mistyped.
    pub family_close: Option<(NameId, NameId)>,
}

/// Two names that sound alike and are written less alike than this are two names.
const SOUND_SIMILARITY_MIN: f64 = 0.75;

/// Whether the current given names are two names and not two spellings of one: both stand in the
/// table of given names, are no variants of each other and do not sound alike (`JAYDEN`, `KAYDEN`).
pub(crate) fn are_distinct_given(values: &impl Values, left: NameId, right: NameId) -> bool {
    let agreement = compare_given(values, left, right);
    let (left, right) = (values.name(left), values.name(right));
    let listed = left.shares.given > 0.0 && right.shares.given > 0.0;
    match agreement {
        Agreement::Different => true,
        Agreement::Close | Agreement::Part => listed && !left.sound.is_like(right.sound),
        // The sound of a short name is little more than its consonants: `ANNA` and `JONI`.
        Agreement::Sound => {
            listed || jaro_winkler(left.compact(), right.compact()) < SOUND_SIMILARITY_MIN
        }
        _ => false,
    }
}

/// Whether two given names have nothing in common that would make them one name in two spellings.
pub(crate) fn are_unlike_given(values: &impl Values, left: NameId, right: NameId) -> bool {
    match compare_given(values, left, right) {
        Agreement::Different => true,
        Agreement::Sound => {
            let (left, right) = (values.name(left), values.name(right));
            jaro_winkler(left.compact(), right.compact()) < SOUND_SIMILARITY_MIN
        }
        _ => false,
    }
}

/// Whether two given names may be those of two people: one is missing, or both stand in the table of
/// given names and are not the same one. Then even a nickname may be a twin's (`JEFF`, `JEFFERSON`).
pub(crate) fn are_two_given(values: &impl Values, left: NameId, right: NameId) -> bool {
    let listed = |id: NameId| values.name(id).shares.given > 0.0;
    let missing = !left.is_some() || !right.is_some();
    missing || (left != right && listed(left) && listed(right))
}

/// The best level over all pairs of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ComparedNames {
    pub(super) level: Option<u8>,
    pub(super) agreed: AgreedNames,
    /// Whether a middle name was needed for it, which then is no evidence of its own.
    pub(super) by_middle: bool,
}

/// Compares every name of one record with every name of the other; the best level wins.
pub(super) fn compare_names(
    values: &impl Values,
    left: &CompareRow,
    right: &CompareRow,
) -> ComparedNames {
    let best = if left.have_one_each(right, Several::Names) {
        compare_pair(values, left.name, right.name)
    } else {
        let pairs = left.names().flat_map(|name| right.names().map(move |other| (name, other)));
        let compared = pairs.filter_map(|(name, other)| compare_pair(values, name, other));
        compared.min_by_key(|(level, ..)| *level)
    };
    best.map_or(
        ComparedNames { level: None, agreed: AgreedNames::default(), by_middle: false },
        |(level, agreed, by_middle)| ComparedNames { level: Some(level as u8), agreed, by_middle },
    )
}

/// Whether one person goes by the middle name: it is the other's given name, and what is left of the
/// two names does not contradict. `None` where no middle name is the other's given name; of two that
/// are, the better agreement counts.
fn compare_by_middle(values: &impl Values, left: NameIds, right: NameIds) -> Option<Agreement> {
    let compared = |one: NameId, other: NameId| {
        let agreement = compare_given(values, one, other);
        (agreement != Agreement::Different).then(|| (agreement, values.name(one).is_initial()))
    };
    let crossed = [compared(left.given, right.middle)?, compared(left.middle, right.given)?];
    let agrees_by = |way: Agreement| {
        crossed.into_iter().any(|it| match it {
            (Agreement::Exact | Agreement::Variant, false) => way == Agreement::Variant,
            (Agreement::Close, _) => way == Agreement::Close,
            _ => false,
        })
    };
    [Agreement::Variant, Agreement::Close].into_iter().find(|way| agrees_by(*way))
}

/// Whether a given name is the other's middle name.
pub(crate) fn goes_by_middle(values: &impl Values, left: NameIds, right: NameIds) -> bool {
    compare_by_middle(values, left, right) == Some(Agreement::Variant)
}

/// How two single names agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agreement {
    Missing,
    Exact,
    /// A nickname, a prefix, or one of several given names.
    Variant,
    /// One token of several is shared.
    Part,
    Close,
    Sound,
    Initial,
    Different,
}

fn compare_pair(
    values: &impl Values,
    left: NameIds,
    right: NameIds,
) -> Option<(NameLevel, AgreedNames, bool)> {
    use Agreement::{Close, Different, Exact, Initial, Missing, Part, Sound, Variant};
    let mut given = compare_given(values, left.given, right.given);
    let family = compare_family(values, left.family, right.family);
    let by_middle = matches!(given, Initial | Different)
        .then(|| compare_by_middle(values, left, right))
        .flatten();
    given = by_middle.unwrap_or(given);
    let agreed = AgreedNames {
        given: (given == Exact).then_some(left.given),
        family: (family == Exact).then_some(left.family),
        given_close: (given == Close && by_middle.is_none()).then_some((left.given, right.given)),
        family_close: (family == Close).then_some((left.family, right.family)),
    };
    let level = match (given, family) {
        (Exact, Exact) => NameLevel::Exact,
        (Variant, Exact) => NameLevel::Nickname,
        _ if is_swapped(values, left, right) => NameLevel::Swapped,
        (Missing, Exact | Part) => NameLevel::FamilyAlone,
        (Exact | Variant, Missing) => NameLevel::GivenAlone,
        (Missing, Close | Sound | Missing) | (Close | Sound | Initial, Missing) => return None,
        (Exact | Variant, Close) | (Close, Exact) => NameLevel::OneClose,
        (Exact | Variant, Part) => NameLevel::FamilyPart,
        (Close, Close | Part) => NameLevel::BothClose,
        (Exact | Variant | Close | Sound, Sound) | (Sound, Exact | Close | Part) => {
            NameLevel::Sound
        }
        (Initial, Exact | Close | Part) => NameLevel::Initial,
        (Exact | Variant | Close, _) => NameLevel::GivenOnly,
        (Different | Part, Exact | Part | Close) => NameLevel::FamilyOnly,
        _ if shares_family_across(values, left, right) => NameLevel::FamilyOnly,
        _ => NameLevel::Different,
    };
    Some((level, agreed, by_middle.is_some()))
}

/// Given and family name in each other's field, allowing one typing error in one of the two.
fn is_swapped(values: &impl Values, left: NameIds, right: NameIds) -> bool {
    let all_known =
        [left.given, left.family, right.given, right.family].into_iter().all(NameId::is_some);
    if !all_known {
        return false;
    }
    let crossed = [(left.given, right.family), (left.family, right.given)]
        .map(|(one, other)| (values.name(one), values.name(other)));
    let is_one = crossed.map(|(one, other)| one.compact_hash == other.compact_hash);
    match is_one {
        [true, true] => true,
        [false, false] => false,
        _ => crossed.iter().zip(is_one).all(|((one, other), same)| same || is_close(one, other)),
    }
}

/// A family name that stands in the other record's given-name field.
fn shares_family_across(values: &impl Values, left: NameIds, right: NameIds) -> bool {
    let same = |one: NameId, other: NameId| {
        let both = one.is_some() && other.is_some();
        both && values.name(one).compact_hash == values.name(other).compact_hash
    };
    same(left.family, right.given) || same(left.given, right.family)
}

fn compare_given(values: &impl Values, left: NameId, right: NameId) -> Agreement {
    if !left.is_some() || !right.is_some() {
        return Agreement::Missing;
    }
    if left == right {
        return Agreement::Exact;
    }
    let (left, right) = (values.name(left), values.name(right));
    if left.compact_hash == right.compact_hash {
        Agreement::Exact
    } else if left.is_initial() || right.is_initial() {
        if left.initial() == right.initial() { Agreement::Initial } else { Agreement::Different }
    } else if are_two_double_names(values, left, right) {
        Agreement::Different
    } else if left.formal.iter().any(|name| right.formal.contains(name))
        || shares_part(values, left, right)
        || is_shortened(left, right)
        || is_one_spelling(left, right)
    {
        Agreement::Variant
    } else if is_close(left, right) {
        Agreement::Close
    } else if left.sound.is_like(right.sound) {
        Agreement::Sound
    } else {
        Agreement::Different
    }
}

fn compare_family(values: &impl Values, left: NameId, right: NameId) -> Agreement {
    if !left.is_some() || !right.is_some() {
        return Agreement::Missing;
    }
    if left == right {
        return Agreement::Exact;
    }
    let (left, right) = (values.name(left), values.name(right));
    if left.compact_hash == right.compact_hash {
        Agreement::Exact
    } else if shares_part(values, left, right) {
        Agreement::Part
    } else if is_one_spelling(left, right) || is_close(left, right) {
        Agreement::Close
    } else if left.sound.is_like(right.sound) {
        Agreement::Sound
    } else {
        Agreement::Different
    }
}

/// Whether two given names of several tokens begin alike and end in different names, as sisters' do:
/// `MARIA ELENA`, `MARIA TERESA`.
fn are_two_double_names(values: &impl Values, left: &NameValue, right: &NameValue) -> bool {
    if !left.letters.is_several() || !right.letters.is_several() {
        return false;
    }
    let ends = |name: &NameValue| Some((*name.words().first()?, *name.words().last()?));
    let (Some((left_first, left_last)), Some((right_first, right_last))) =
        (ends(left), ends(right))
    else {
        return false;
    };
    let other = matches!(
        compare_given(values, left_last, right_last),
        Agreement::Different | Agreement::Sound
    );
    left_first == right_first && other
}

/// Whether two names are one in two transliterations or spellings (`YURII`, `JURIJ`).
fn is_one_spelling(left: &NameValue, right: &NameValue) -> bool {
    left.spelling != 0 && left.spelling == right.spelling
}

/// Whether one name is the beginning of the other, at least three letters long: `DAN`, `DANIEL`; but
/// not `DANIEL`, `DANIELA`, which a brother and a sister may be called.
fn is_shortened(left: &NameValue, right: &NameValue) -> bool {
    if left.letters.rule_out_beginning(right.letters) {
        return false;
    }
    let (short, long) = (left.compact(), right.compact());
    let (short, long) = if short.len() <= long.len() { (short, long) } else { (long, short) };
    let feminine = long.len() == short.len() + 1 && long.ends_with('A');
    short.len() >= 3 && long.starts_with(short) && !feminine
}

/// Whether all telling tokens of the name with fewer of them stand in the other, one of which has
/// several. Two names that share one token and differ in another are two names: sisters are called
/// `MARIA ELENA` and `MARIA TERESA`. Particles (`DE`, `VAN`) tell nothing.
fn shares_part(values: &impl Values, left: &NameValue, right: &NameValue) -> bool {
    let telling = |id: &NameId| {
        let text = values.name(*id).text();
        text.len() >= 3 && !PARTICLES.contains(&text)
    };
    let holds = |name: &NameValue, hash: u64| {
        let mut parts = name.words().iter().filter(|part| telling(part));
        parts.any(|part| values.name(*part).compact_hash == hash)
    };
    match (!left.letters.is_several(), !right.letters.is_several()) {
        (true, true) => false,
        (false, true) => holds(left, right.compact_hash),
        (true, false) => holds(right, left.compact_hash),
        (false, false) => {
            let count = |name: &NameValue| name.words().iter().filter(|part| telling(part)).count();
            let (short, long) =
                if count(left) <= count(right) { (left, right) } else { (right, left) };
            let mut parts = short.words().iter().filter(|part| telling(part)).peekable();
            parts.peek().is_some() && parts.all(|part| holds(long, values.name(*part).compact_hash))
        }
    }
}

/// Words in names that many unrelated people share, of three letters or more; shorter ones never count.
const PARTICLES: [&str; 16] = [
    "VAN", "VON", "DER", "DEN", "DEL", "DOS", "DAS", "LOS", "LAS", "DELLA", "SAN", "SANTA", "TER",
    "BIN", "BINTI", "ABU",
];

/// Jaro-Winkler similarity from which two names count as one mistyped name. Winkler's own studies
/// and Splink's name comparisons put the line between 0.88 and 0.92.
const CLOSE_SIMILARITY: f64 = 0.9;

fn is_close(left: &NameValue, right: &NameValue) -> bool {
    if left.letters.rule_out(right.letters, CLOSE_SIMILARITY) {
        return false;
    }
    let (left, right) = (left.compact(), right.compact());
    let shorter = left.len().min(right.len());
    let longer = left.len().max(right.len());
    // A name more than half as long again reaches 0.9 only with an equal beginning, which is the
    // business of `is_shortened`.
    if shorter < 3 || longer * 2 > shorter * 3 + 2 {
        return false;
    }
    within_one_edit(left.as_bytes(), right.as_bytes())
        || jaro_winkler(left, right) >= CLOSE_SIMILARITY
}

/// Compares middle names or initials.
pub(super) fn compare_middle(values: &impl Values, left: NameId, right: NameId) -> Option<u8> {
    const EXACT: u8 = 0;
    const INITIAL: u8 = 1;
    const CLOSE: u8 = 2;
    const DIFFERENT: u8 = 3;
    Some(match compare_given(values, left, right) {
        Agreement::Missing => return None,
        Agreement::Exact if values.name(left).is_initial() => INITIAL,
        Agreement::Exact => EXACT,
        Agreement::Initial => INITIAL,
        Agreement::Variant | Agreement::Part | Agreement::Close => CLOSE,
        Agreement::Sound | Agreement::Different => DIFFERENT,
    })
}

/// Compares mothers' maiden names.
pub(super) fn compare_mother(values: &impl Values, left: NameId, right: NameId) -> Option<u8> {
    Some(match compare_family(values, left, right) {
        Agreement::Missing => return None,
        Agreement::Exact => 0,
        Agreement::Part | Agreement::Close | Agreement::Variant => MOTHER_CLOSE,
        Agreement::Sound | Agreement::Initial | Agreement::Different => 2,
    })
}
