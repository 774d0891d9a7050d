//! Names with their term-frequency adjustments worked out beforehand: each name once, not once for each
//! pair that agrees on it.

use empi_model::MatchWeight;
use rayon::prelude::*;

use crate::lexicon::{Lexicon, NameRole, NameValue, TextValue, Values};
use crate::model::LinkageModel;
use crate::row::{NameId, TextId};
use crate::score::name_frequency;

/// A lexicon under one model.
pub(super) struct WeighedNames<'a> {
    lexicon: &'a Lexicon,
    /// For each name its adjustment as a given and as a family name.
    adjustments: Vec<[MatchWeight; 2]>,
}

impl<'a> WeighedNames<'a> {
    pub(super) fn new(model: &LinkageModel, lexicon: &'a Lexicon) -> Self {
        let weighed = |number: u32| {
            let of = |role| name_frequency(model, lexicon, NameId(number), role);
            [of(NameRole::Given), of(NameRole::Family)]
        };
        let [names, _] = lexicon.counts();
        let adjustments = (0..names).into_par_iter().map(weighed).collect();
        Self { lexicon, adjustments }
    }
}

impl Values for WeighedNames<'_> {
    fn name(&self, id: NameId) -> &NameValue {
        self.lexicon.name(id)
    }

    fn text(&self, id: TextId) -> &TextValue {
        self.lexicon.text(id)
    }

    fn record_count(&self) -> u32 {
        self.lexicon.record_count()
    }

    /// Only for the model that the names were weighed under.
    fn frequency(&self, _: &LinkageModel, id: NameId, role: NameRole) -> MatchWeight {
        let adjustments = self.adjustments.get(id.0 as usize).copied().unwrap_or_default();
        adjustments[role as usize]
    }
}
