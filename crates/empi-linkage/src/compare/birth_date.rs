//! Birth dates: equal, day and month or two digits of the year swapped, one digit off, two parts of three, or only the year.

/// Levels of the birth date, best first.
pub(super) const LEVELS: &[&str] =
    &["exact", "swapped", "one_edit", "partial", "two_parts", "year", "different"];

pub(crate) const EXACT: u8 = 0;
pub(crate) const SWAPPED: u8 = 1;
pub(crate) const ONE_EDIT: u8 = 2;
pub(crate) const PARTIAL: u8 = 3;
pub(crate) const TWO_PARTS: u8 = 4;
const YEAR: u8 = 5;
const DIFFERENT: u8 = 6;

/// The best levels of dates that are equal, have year or day in common, lack a part, or none of it.
pub(crate) const GLANCED: [u8; 4] = [EXACT, SWAPPED, PARTIAL, DIFFERENT];

/// Compares two dates as `YYYYMMDD` with zeros for missing parts; 0 is no date.
pub(super) fn compare(left: u32, right: u32) -> Option<u8> {
    if left == 0 || right == 0 {
        return None;
    }
    let (left_parts, right_parts) = (parts(left), parts(right));
    if left_parts[2] == 0 || right_parts[2] == 0 {
        return Some(compare_partial(left_parts, right_parts));
    }
    let [year, month, day] = left_parts;
    if left == right {
        // The first of January stands for "some day of that year" more often than for itself.
        return Some(if [month, day] == [1, 1] { PARTIAL } else { EXACT });
    }
    let equal = left_parts.iter().zip(&right_parts).filter(|(x, y)| x == y).count();
    if equal == 0 {
        // Neither a swap nor one edit changes all three parts.
        return Some(DIFFERENT);
    }
    let same_day = right_parts[1..] == [month, day];
    if same_day && [month, day] == [1, 1] {
        return Some(TWO_PARTS);
    }
    if right_parts == [year, day, month] || (same_day && right_parts[0] == digits_swapped(year)) {
        return Some(SWAPPED);
    }
    if is_one_edit(left, right) {
        return Some(ONE_EDIT);
    }
    Some(match equal {
        2 => TWO_PARTS,
        _ if year == right_parts[0] => YEAR,
        _ => DIFFERENT,
    })
}

/// A year with its last two digits in each other's place: 1989 for 1998.
const fn digits_swapped(year: u32) -> u32 {
    year / 100 * 100 + year % 10 * 10 + year / 10 % 10
}

/// At least one date lacks its day: what both have must agree.
fn compare_partial(left: [u32; 3], right: [u32; 3]) -> u8 {
    let conflict = left.iter().zip(&right).any(|(x, y)| *x != 0 && *y != 0 && x != y);
    if conflict { DIFFERENT } else { PARTIAL }
}

const fn parts(date: u32) -> [u32; 3] {
    [date / 10_000, date / 100 % 100, date % 100]
}

/// One digit differs, or two neighbouring digits are swapped.
fn is_one_edit(left: u32, right: u32) -> bool {
    let digits =
        |date: u32| -> [u32; 8] { std::array::from_fn(|at| date / 10_u32.pow(7 - at as u32) % 10) };
    let (left, right) = (digits(left), digits(right));
    let mut differing = (0..8).filter(|at| left[*at] != right[*at]);
    match (differing.next(), differing.next(), differing.next()) {
        (Some(_), None, _) => true,
        (Some(first), Some(second), None) => {
            second == first + 1 && left[first] == right[second] && left[second] == right[first]
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        for (left, right, expected) in [
            (0, 19_800_229, None),
            (19_800_229, 19_800_229, Some(EXACT)),
            (19_800_203, 19_800_302, Some(SWAPPED)),
            (19_800_229, 19_800_228, Some(ONE_EDIT)),
            (19_800_229, 19_080_229, Some(SWAPPED)),
            (19_800_213, 19_800_231, Some(ONE_EDIT)),
            (19_800_229, 19_800_714, Some(YEAR)),
            (19_800_229, 19_650_229, Some(TWO_PARTS)),
            (19_800_200, 19_800_229, Some(PARTIAL)),
            (19_800_101, 19_800_101, Some(PARTIAL)),
            (19_800_101, 19_810_101, Some(TWO_PARTS)),
            (19_800_101, 19_800_102, Some(ONE_EDIT)),
            (19_800_000, 19_800_229, Some(PARTIAL)),
            (19_810_000, 19_800_229, Some(DIFFERENT)),
            (19_800_229, 19_650_714, Some(DIFFERENT)),
        ] {
            assert_eq!(compare(left, right), expected, "{left} {right}");
            assert_eq!(compare(right, left), expected, "{right} {left}");
        }
    }
}
