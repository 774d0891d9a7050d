//! A lexicon with the values of one record beside it.

use super::{Intern, Lexicon, NameValue, TextValue, Values, intern_words, name_value};
use crate::names_table::hash_of;
use crate::row::{NameId, TextId};
use crate::table::number;

/// A lexicon seen through one record that is not in it (yet): new values are numbered after those of
/// the lexicon, which itself stays as it is. This is how an incoming record is compared with an index.
#[derive(Debug)]
pub struct LexiconOverlay<'a> {
    base: &'a Lexicon,
    names: Vec<NameValue>,
    texts: Vec<TextValue>,
}

impl<'a> LexiconOverlay<'a> {
    /// An overlay with nothing in it.
    #[must_use]
    pub const fn new(base: &'a Lexicon) -> Self {
        Self { base, names: Vec::new(), texts: Vec::new() }
    }
}

impl Values for LexiconOverlay<'_> {
    fn name(&self, id: NameId) -> &NameValue {
        let own = (id.0 as usize).checked_sub(self.base.names.items.len());
        own.and_then(|at| self.names.get(at)).unwrap_or_else(|| self.base.name(id))
    }

    fn text(&self, id: TextId) -> &TextValue {
        let own = (id.0 as usize).checked_sub(self.base.texts.items.len());
        own.and_then(|at| self.texts.get(at)).unwrap_or_else(|| self.base.text(id))
    }

    fn record_count(&self) -> u32 {
        self.base.record_count
    }
}

impl Intern for LexiconOverlay<'_> {
    fn intern_name(&mut self, text: &str) -> NameId {
        if let Some(id) = self.base.names.find(text) {
            return NameId(id);
        }
        let offset = self.base.names.items.len();
        if let Some(at) = self.names.iter().position(|name| name.text() == text) {
            return NameId(number(offset + at));
        }
        let words = intern_words(self, text);
        self.names.push(name_value(text, &words));
        NameId(number(offset + self.names.len() - 1))
    }

    fn intern_text(&mut self, text: &str) -> TextId {
        if let Some(id) = self.base.texts.find(text) {
            return TextId(id);
        }
        let offset = self.base.texts.items.len();
        if let Some(at) = self.texts.iter().position(|value| value.text() == text) {
            return TextId(number(offset + at));
        }
        self.texts.push(TextValue { text: text.into(), hash: hash_of(text) });
        TextId(number(offset + self.texts.len() - 1))
    }
}
