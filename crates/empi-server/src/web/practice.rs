//! Practice for new stewards: an index of made-up patients, of whom the truth is known. Everything is as it is at
//! work, and after each answer the page says whether it was right.

use std::collections::HashMap;

use empi_model::{Asks, RecordKey, ReviewOutcome, UserName};
use empi_registry::TaskView;
use maud::{Markup, html};
use parking_lot::Mutex;

/// Who is who among made-up patients. Lent to the pages of a server whose index holds no others.
#[derive(Default)]
pub struct Practice {
    /// The true person of each record, as a number.
    truth: HashMap<RecordKey, u32>,
    /// How each user has done since the server started.
    tallies: Mutex<HashMap<UserName, Tally>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    right: u32,
    answered: u32,
}

/// How an answer compares with the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verdict {
    /// Whether the two records are one person.
    are_one: bool,
    is_right: bool,
}

impl Practice {
    /// The truth about every record, each with its true person. Equal names are one person.
    pub fn new(rows: impl IntoIterator<Item = (RecordKey, String)>) -> Self {
        let mut persons: HashMap<String, u32> = HashMap::new();
        let truth = rows.into_iter().map(|(key, person)| {
            let next = u32::try_from(persons.len()).unwrap_or(u32::MAX);
            (key, *persons.entry(person).or_insert(next))
        });
        Self { truth: truth.collect(), tallies: Mutex::default() }
    }

    /// How many records it knows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.truth.len()
    }

    /// Whether it knows none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.truth.is_empty()
    }

    /// The records that it knows.
    pub fn records(&self) -> impl Iterator<Item = &RecordKey> {
        self.truth.keys()
    }

    fn judge(&self, view: &TaskView, outcome: ReviewOutcome) -> Option<Verdict> {
        let says_one = match outcome {
            ReviewOutcome::Same => true,
            ReviewOutcome::Different => false,
            ReviewOutcome::Moot | ReviewOutcome::Rejected => return None,
        };
        if !matches!(view.line.task.asks(), Asks::WhetherOne | Asks::WhetherTwo) {
            return None;
        }
        let [one, other] = &view.line.records;
        let are_one = self.truth.get(one)? == self.truth.get(other)?;
        Some(Verdict { are_one, is_right: are_one == says_one })
    }

    /// What is to be said of an answer, and of all answers of the user so far.
    pub(super) fn comment(
        &self,
        user: &UserName,
        view: &TaskView,
        outcome: ReviewOutcome,
    ) -> Option<Markup> {
        let verdict = self.judge(view, outcome)?;
        let tally = {
            let mut tallies = self.tallies.lock();
            let tally = tallies.entry(user.clone()).or_default();
            tally.answered += 1;
            tally.right += u32::from(verdict.is_right);
            *tally
        };
        let truth = if verdict.are_one { "one person" } else { "two people" };
        Some(html! {
            strong.(if verdict.is_right { "right" } else { "wrong" }) {
                (if verdict.is_right { "Right" } else { "Not so" }) ": they are " (truth) "."
            }
            span.number { (tally.right) " of " (tally.answered) " right so far." }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_one_person() {
        let key = |id: &str| RecordKey::new("a", id);
        let rows = [("1", "p"), ("2", "q"), ("3", "p")];
        let practice = Practice::new(rows.map(|(id, person)| (key(id), person.to_owned())));
        assert_eq!(practice.len(), 3);
        assert!(!practice.is_empty() && Practice::default().is_empty());
        assert_eq!(practice.truth[&key("1")], practice.truth[&key("3")]);
        assert_ne!(practice.truth[&key("1")], practice.truth[&key("2")]);
    }
}
