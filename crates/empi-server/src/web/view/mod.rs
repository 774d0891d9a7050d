//! What pages have in common: how things are shown.

pub(super) mod time;
