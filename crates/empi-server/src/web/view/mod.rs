//! What pages have in common: how records, values, evidence, changes and moments are shown.

pub(super) mod changes;
pub(super) mod compare;
pub(super) mod diff;
pub(super) mod evidence;
pub(super) mod fields;
pub(super) mod graph;
pub(super) mod plot;
pub(super) mod time;
pub(super) mod words;
