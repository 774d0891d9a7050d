//! Dismissing pairs at a glance: those that can weigh no more than the review threshold, from a glance at both records.
//! All others are compared, so that the outcome is the same.

use rayon::prelude::*;
use smallvec::SmallVec;

use super::ceilings::Ceilings;
use super::glance::{Glance, LANES, Lanes, NameGlance, TextGlance};
use super::near::bring_near;
use super::visit::Sift;
use crate::lexicon::{Lexicon, NameRole, Values};
use crate::model::LinkageModel;
use crate::row::{CompareRow, MoreValue, NameId, NameIds, TextId};

/// The values of a lexicon at a glance, and the most that agreement weighs.
pub(super) struct Glances {
    names: Vec<NameGlance<u16>>,
    texts: Vec<TextGlance>,
    ceilings: Ceilings,
}

impl Glances {
    /// `values` are those of the lexicon with their frequencies.
    pub(super) fn new(
        model: &LinkageModel,
        lexicon: &Lexicon,
        values: &(impl Values + Sync),
    ) -> Self {
        let ceilings = Ceilings::new(model, values.record_count());
        let scale = ceilings.units_per_bit;
        let name = |number: u32| {
            let id = NameId(number);
            let roles = [NameRole::Given, NameRole::Family];
            let frequency = roles.map(|role| values.frequency(model, id, role));
            NameGlance::of(id, values.name(id), frequency, scale)
        };
        let text = |number: u32| TextGlance::of(values.text(TextId(number)).text());
        let [names, texts] = lexicon.counts();
        Self {
            names: (0..names).into_par_iter().map(name).collect(),
            texts: (0..texts).into_par_iter().map(text).collect(),
            ceilings,
        }
    }

    fn name(&self, id: NameId) -> NameGlance<u16> {
        self.names.get(id.0 as usize).copied().unwrap_or_default()
    }

    fn text(&self, id: TextId) -> TextGlance {
        self.texts.get(id.0 as usize).copied().unwrap_or_default()
    }

    /// A record under one of its names.
    fn record(&self, row: &CompareRow, own: NameIds) -> Glance<u16> {
        Glance::of(row, own, |id| self.name(id), |id| self.text(id))
    }
}

/// The names of a record beyond the first.
fn further_names(row: &CompareRow) -> impl Iterator<Item = NameIds> + '_ {
    row.more_values().iter().filter_map(|value| match value {
        MoreValue::Name(name) => Some(*name),
        _ => None,
    })
}

/// The records of one block, each held against those behind it.
pub(super) struct Sieve<'a> {
    glances: &'a Glances,
    rows: &'a [CompareRow],
    /// The records side by side, and behind them those with further names, once for each.
    columns: Vec<Glance<Lanes>>,
    /// How many columns hold the records under their first names.
    first_columns: usize,
    /// The places of the records with further names, in the order of the columns.
    further: Vec<u32>,
    /// Of one record, which others it may belong to, by lanes of the columns and by places.
    held: Vec<u8>,
    reaching: Vec<u64>,
}

impl<'a> Sieve<'a> {
    pub(super) const fn new(glances: &'a Glances, rows: &'a [CompareRow]) -> Self {
        Self {
            glances,
            rows,
            columns: Vec::new(),
            first_columns: 0,
            further: Vec::new(),
            held: Vec::new(),
            reaching: Vec::new(),
        }
    }

    /// Puts a record into a lane of the columns, of which there are as many as needed.
    fn put(&mut self, at: usize, glance: Glance<u16>) {
        if at / LANES >= self.columns.len() {
            self.columns.resize(at / LANES + 1, Glance::default());
        }
        if let Some(columns) = self.columns.get_mut(at / LANES) {
            columns.put(at % LANES, glance);
        }
    }

    fn at(&self, at: usize) -> Option<Glance<u16>> {
        self.columns.get(at / LANES).map(|columns| columns.at(at % LANES))
    }

    /// Notes whom a record may belong to, under one of its names, from a column on.
    fn hold(&mut self, own: &Glance<u16>, first: usize) {
        let Some(columns) = self.columns.get(first..) else { return };
        self.held.resize(columns.len(), 0);
        self.glances.ceilings.hold(own, columns, &mut self.held);
        for (at, bits) in (first..).zip(&self.held) {
            let Some(further) = at.checked_sub(self.first_columns) else {
                if let Some(reaching) = self.reaching.get_mut(at * LANES / 64) {
                    *reaching |= u64::from(*bits) << (at * LANES % 64);
                }
                continue;
            };
            let lanes = self.further.iter().skip(further * LANES).take(LANES).enumerate();
            for (_, place) in lanes.filter(|(lane, _)| bits >> lane & 1 == 1) {
                let place = *place as usize;
                if let Some(reaching) = self.reaching.get_mut(place / 64) {
                    *reaching |= 1 << (place % 64);
                }
            }
        }
    }
}

impl Sift for Sieve<'_> {
    fn begin(&mut self, members: impl Iterator<Item = u32> + Clone) {
        let all = self.rows;
        let sites = || members.clone().map(|site| all.get(site as usize));
        let rows = || sites().flatten();
        bring_near(rows().map(|row| (row.birth_date, row.phone, row.sex)));
        let names = rows().flat_map(|row| [row.name.given, row.name.family]);
        bring_near(names.map(|id| self.glances.name(id).compact));
        self.columns.clear();
        self.further.clear();
        for (at, row) in sites().enumerate() {
            let glance = row.map(|row| self.glances.record(row, row.name));
            self.put(at, glance.unwrap_or_default());
        }
        self.first_columns = self.columns.len();
        for (row, place) in sites().zip(0..) {
            let named = row.into_iter().flat_map(|row| further_names(row).map(move |it| (row, it)));
            for (row, name) in named {
                let at = self.first_columns * LANES + self.further.len();
                self.put(at, self.glances.record(row, name));
                self.further.push(place);
            }
        }
    }

    fn keep(&mut self, left: usize, others: &mut [u64]) {
        if others.iter().all(|word| *word == 0) {
            return;
        }
        self.reaching.clear();
        self.reaching.resize(others.len(), 0);
        let further = self.further.iter().zip(self.first_columns * LANES..);
        let further = further.filter(|(place, _)| **place as usize == left).map(|(_, at)| at);
        let lanes: SmallVec<[usize; 4]> = std::iter::once(left).chain(further).collect();
        for lane in lanes {
            if let Some(own) = self.at(lane) {
                self.hold(&own.as_left(), (left + 1) / LANES);
            }
        }
        others.iter_mut().zip(&self.reaching).for_each(|(others, it)| *others &= it);
    }
}

#[cfg(test)]
#[path = "sieve_tests.rs"]
mod tests;
