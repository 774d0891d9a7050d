//! What a glance at a record tells, in numbers of 16 bits: enough to see of most pairs that they are two
//! people. Several records lie side by side, so that one is held against all of them at once.
//!
//! A number stands for a value: where two differ, so do the values, but where they are equal the values
//! need not be. 0 is no value.

use empi_model::{MatchWeight, Ssn};

use crate::lexicon::NameValue;
use crate::row::{CompareRow, IdentifierHash, NameId, NameIds, PackedSsn, Several, TextId};

/// Records that lie side by side.
pub(super) const LANES: usize = 8;

/// One number of each of the records that lie side by side.
pub(super) type Lanes = [u16; LANES];

/// In place of a value that is missing on the left: nothing on the right equals it.
pub(super) const NEVER: u16 = u16::MAX;

/// How a text is written: enough to see of most others that they are not the same one mistyped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written<T> {
    /// Which letters stand in it, one bit for each of sixteen kinds.
    pub(super) letters: T,
    /// How much one letter is of it, in 256ths.
    pub(super) letter_share: T,
    /// Its first two letters.
    pub(super) start: T,
    /// 1 where the rest does not say all that may make it like another text.
    pub(super) is_unclear: T,
}

/// What is known of a text other than a name: a city or a postal code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TextGlance {
    written: Written<u16>,
    /// Its last two letters.
    end: u16,
}

/// What is known of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NameGlance<T> {
    /// The halves of its number.
    pub(super) id: [T; 2],
    /// The name without spaces.
    pub(super) compact: T,
    pub(super) sounds: [T; 2],
    pub(super) spelling: T,
    pub(super) formal: [T; FORMAL_MAX],
    /// Unclear is also what has several words.
    pub(super) written: Written<T>,
    /// What agreement on it weighs for its frequency as a given and as a family name, in units.
    pub(super) units: [T; 2],
}

/// A name that may stand for more formal names is unclear.
pub(super) const FORMAL_MAX: usize = 3;

/// What is known of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Glance<T> {
    pub(super) given: NameGlance<T>,
    pub(super) middle: NameGlance<T>,
    pub(super) family: NameGlance<T>,
    pub(super) mother: NameGlance<T>,
    pub(super) sex: T,
    pub(super) suffix: T,
    pub(super) birth_date: T,
    /// The last eight bits of the birth year, and the day.
    pub(super) year_day: T,
    pub(super) ssn_form: T,
    /// The national number but its last six digits, those but the last four, and the last four.
    pub(super) ssn: [T; 3],
    /// Of each telephone number all but its last five digits, and those.
    pub(super) phones: [[T; 2]; PHONES_MAX],
    pub(super) email: T,
    pub(super) identifiers: [T; IDENTIFIERS_MAX],
    pub(super) street: T,
    pub(super) house: T,
    pub(super) city: T,
    pub(super) city_written: Written<T>,
    pub(super) postal_code: T,
    /// The first and the last two letters of the postal code: one wrong letter leaves one of them alone.
    pub(super) postal_ends: [T; 2],
    /// [`Several`] values that do not show here, and [`PARTIAL_DATE`].
    pub(super) flags: T,
}

/// Telephone numbers that show; a record with more has the flag of several.
pub(super) const PHONES_MAX: usize = 2;

/// Identifiers that show; a record with more has the flag of several.
pub(super) const IDENTIFIERS_MAX: usize = 3;

/// That the birth date lacks its day or month.
pub(super) const PARTIAL_DATE: u16 = 1 << 8;

/// The form of a number of which only the last four digits are known.
pub(super) const LAST_FOUR_FORM: u16 = 4;

impl NameGlance<u16> {
    /// A name under its number, with its adjustments for frequency by role.
    pub(super) fn of(
        id: NameId,
        name: &NameValue,
        frequency: [MatchWeight; 2],
        scale: f64,
    ) -> Self {
        if !id.is_some() {
            return Self::default();
        }
        let text = name.compact().as_bytes();
        let mut formal = [0; FORMAL_MAX];
        for (slot, hash) in formal.iter_mut().zip(name.formal.iter()) {
            *slot = short(*hash);
        }
        let mut written = Written::of(text);
        if !name.words().is_empty() || name.formal.len() > FORMAL_MAX {
            written.is_unclear = 1;
        }
        Self {
            id: [id.0 as u16, (id.0 >> 16) as u16],
            compact: short(name.compact_hash).max(1),
            sounds: [short(name.sound.primary), short(name.sound.alternate)],
            spelling: short(name.spelling),
            formal,
            written,
            units: frequency.map(|weight| units_up(weight.bits(), scale) as u16),
        }
    }
}

impl Written<u16> {
    fn of(text: &[u8]) -> Self {
        let is_clear = (1..=CLEAR_LENGTH_MAX).contains(&text.len()) && text.is_ascii();
        Self {
            letters: text.iter().fold(0, |letters, byte| letters | kind_of_letter(*byte)),
            letter_share: 256 / u16::try_from(text.len()).unwrap_or(u16::MAX).max(1),
            start: two_letters(text.iter()),
            is_unclear: u16::from(!is_clear),
        }
    }
}

impl TextGlance {
    /// A text in match form.
    pub(super) fn of(text: &str) -> Self {
        let text = text.as_bytes();
        Self { written: Written::of(text), end: two_letters(text.iter().rev()) }
    }
}

/// The first two of some letters, with zeros where there are none.
fn two_letters<'a>(mut letters: impl Iterator<Item = &'a u8>) -> u16 {
    let mut next = || u16::from(letters.next().copied().unwrap_or_default());
    next() << 8 | next()
}

/// A longer text is unclear: its likeness is measured in another way.
const CLEAR_LENGTH_MAX: usize = 64;

/// Bits of weight as units, of which there are `scale` in a bit, rounded up.
pub(super) fn units_up(bits: f64, scale: f64) -> i16 {
    (bits * scale).ceil() as i16
}

/// One of sixteen bits. Letters that are rare share one.
fn kind_of_letter(byte: u8) -> u16 {
    const COMMON: &[u8; 12] = b"AEIONRLSTDCM";
    let kind = match byte {
        b'H' | b'Z' | b'X' => 12,
        b'B' | b'P' | b'Q' => 13,
        b'G' | b'J' | b'K' | b'F' => 14,
        _ => COMMON.iter().position(|it| *it == byte).unwrap_or(15),
    };
    1 << kind
}

/// A hash in 16 bits: 0 for 0 alone, and never [`NEVER`].
pub(super) const fn short(hash: u64) -> u16 {
    if hash == 0 {
        return 0;
    }
    1 + (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48) as u16 % (NEVER - 1)
}

impl Glance<u16> {
    /// A record under one of its names; `name` and `text` give what is known of its values.
    pub(super) fn of(
        row: &CompareRow,
        own: NameIds,
        name: impl Fn(NameId) -> NameGlance<u16>,
        text: impl Fn(TextId) -> TextGlance,
    ) -> Self {
        let date = row.birth_date;
        let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
        let is_partial = date != 0 && (month == 0 || day == 0);
        let address = row.address;
        let [city, postal_code] = [address.city, address.postal_code].map(text);
        let mut glance = Self {
            given: name(own.given),
            middle: name(own.middle),
            family: name(own.family),
            mother: name(row.mother),
            sex: row.sex.map_or(0, |sex| sex as u16),
            suffix: row.suffix.map_or(0, |suffix| suffix as u16),
            birth_date: short(u64::from(date)),
            year_day: ((year & 0xff) << 8 | day) as u16,
            ssn_form: (row.ssn.bits() >> 56) as u16,
            ssn: ssn_parts(row.ssn),
            phones: [phone_parts(row.phone), [0; 2]],
            email: short(row.email),
            identifiers: [identifier(row.identifier), 0, 0],
            street: short(u64::from(address.street.0)),
            house: short(u64::from(address.number.0)),
            city: short(u64::from(address.city.0)),
            city_written: city.written,
            postal_code: short(u64::from(address.postal_code.0)),
            postal_ends: [postal_code.written.start, postal_code.end],
            flags: u16::from(row.several) | if is_partial { PARTIAL_DATE } else { 0 },
        };
        glance.show_several(row);
        glance
    }

    /// Takes in what there is several of, as far as it shows.
    fn show_several(&mut self, row: &CompareRow) {
        if row.has_several(Several::Phones) {
            let mut all = row.phones().map(phone_parts);
            self.phones.iter_mut().for_each(|slot| *slot = all.next().unwrap_or_default());
            if all.next().is_none() {
                self.flags &= !(Several::Phones as u16);
            }
        }
        if row.has_several(Several::Identifiers) {
            let mut all = row.identifiers().map(identifier);
            self.identifiers.iter_mut().for_each(|slot| *slot = all.next().unwrap_or_default());
            if all.next().is_none() {
                self.flags &= !(Several::Identifiers as u16);
            }
        }
    }
}

fn identifier(of: IdentifierHash) -> u16 {
    if of.authority == 0 { 0 } else { short(of.authority.rotate_left(1) ^ of.value | 1) }
}

/// Two parts of a number, of which one wrong digit, or a missing area code, leaves one alone.
fn phone_parts(phone: u64) -> [u16; 2] {
    match phone {
        0 => [0; 2],
        phone => [phone / 100_000, phone % 100_000].map(|part| short(part + 1)),
    }
}

/// Three parts of a number, of which one wrong digit, or two in each other's place, leave one alone.
fn ssn_parts(ssn: PackedSsn) -> [u16; 3] {
    let last = |number: u64| short(number % 10_000 + 1);
    match ssn.get() {
        None => [0; 3],
        Some(Ssn::LastFour(number)) => [0, 0, last(u64::from(number))],
        Some(_) => {
            let number = ssn.number();
            [short(number / 1_000_000 + 1), short(number / 10_000 % 100 + 1), last(number)]
        }
    }
}

impl<T> Written<T> {
    #[inline(always)]
    fn map<U>(&self, of: impl Fn(&T) -> U + Copy) -> Written<U> {
        Written {
            letters: of(&self.letters),
            letter_share: of(&self.letter_share),
            start: of(&self.start),
            is_unclear: of(&self.is_unclear),
        }
    }

    fn values(&mut self) -> [&mut T; 4] {
        let Self { letters, letter_share, start, is_unclear } = self;
        [letters, letter_share, start, is_unclear]
    }
}

impl<T> NameGlance<T> {
    #[inline(always)]
    fn map<U>(&self, of: impl Fn(&T) -> U + Copy) -> NameGlance<U> {
        NameGlance {
            id: self.id.each_ref().map(of),
            compact: of(&self.compact),
            sounds: self.sounds.each_ref().map(of),
            spelling: of(&self.spelling),
            formal: self.formal.each_ref().map(of),
            written: self.written.map(of),
            units: self.units.each_ref().map(of),
        }
    }

    fn values(&mut self) -> [&mut T; 15] {
        let Self { id, compact, sounds, spelling, formal, written, units } = self;
        let ([i, j], [s, t], [f, g, h], [u, v]) = (id, sounds, formal, units);
        let [letters, letter_share, start, is_unclear] = written.values();
        [i, j, compact, s, t, spelling, f, g, h, letters, letter_share, start, is_unclear, u, v]
    }
}

impl<T> Glance<T> {
    #[inline(always)]
    fn map<U>(&self, of: impl Fn(&T) -> U + Copy) -> Glance<U> {
        Glance {
            given: self.given.map(of),
            middle: self.middle.map(of),
            family: self.family.map(of),
            mother: self.mother.map(of),
            sex: of(&self.sex),
            suffix: of(&self.suffix),
            birth_date: of(&self.birth_date),
            year_day: of(&self.year_day),
            ssn_form: of(&self.ssn_form),
            ssn: self.ssn.each_ref().map(of),
            phones: self.phones.each_ref().map(|phone| phone.each_ref().map(of)),
            email: of(&self.email),
            identifiers: self.identifiers.each_ref().map(of),
            street: of(&self.street),
            house: of(&self.house),
            city: of(&self.city),
            city_written: self.city_written.map(of),
            postal_code: of(&self.postal_code),
            postal_ends: self.postal_ends.each_ref().map(of),
            flags: of(&self.flags),
        }
    }

    fn values(&mut self) -> [&mut T; 27] {
        let ([s, m, l], [[p, q], [r, t]]) = (&mut self.ssn, &mut self.phones);
        let ([i, j, k], [first, last]) = (&mut self.identifiers, &mut self.postal_ends);
        let [letters, letter_share, start, is_unclear] = self.city_written.values();
        [
            &mut self.sex,
            &mut self.suffix,
            &mut self.birth_date,
            &mut self.year_day,
            &mut self.ssn_form,
            s,
            m,
            l,
            p,
            q,
            r,
            t,
            &mut self.email,
            i,
            j,
            k,
            &mut self.street,
            &mut self.house,
            &mut self.city,
            letters,
            letter_share,
            start,
            is_unclear,
            &mut self.postal_code,
            first,
            last,
            &mut self.flags,
        ]
    }

    fn names(&mut self) -> [&mut NameGlance<T>; 4] {
        [&mut self.given, &mut self.middle, &mut self.family, &mut self.mother]
    }
}

impl Glance<Lanes> {
    /// Puts a record among those side by side.
    pub(super) fn put(&mut self, lane: usize, mut glance: Glance<u16>) {
        let lane = lane % LANES;
        let put = |slot: &mut Lanes, value: &mut u16| slot[lane] = *value;
        for (columns, name) in self.names().into_iter().zip(glance.names()) {
            columns.values().into_iter().zip(name.values()).for_each(|(slot, it)| put(slot, it));
        }
        self.values().into_iter().zip(glance.values()).for_each(|(slot, it)| put(slot, it));
    }

    /// The record at a place.
    #[inline(always)]
    pub(super) fn at(&self, lane: usize) -> Glance<u16> {
        self.map(|lanes| lanes[lane])
    }
}

impl Glance<u16> {
    /// The same record to be held against others: what it lacks equals nothing.
    pub(super) fn as_left(&self) -> Self {
        let present = |value: &u16| if *value == 0 { NEVER } else { *value };
        let mut left = self.map(present);
        for (name, own) in
            left.names().into_iter().zip([self.given, self.middle, self.family, self.mother])
        {
            let NameGlance { id, written, units, .. } = own;
            *name = NameGlance { id, written, units, ..*name };
        }
        let Self { year_day, city_written, flags, .. } = *self;
        Self { year_day, city_written, flags, ..left }
    }
}
