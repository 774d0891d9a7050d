//! Rows of emergencies that somebody stated.

use empi_model::{BrokenGlass, EnterpriseId, GlassReview, Timestamp};
use prost::Message;

use super::Row;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GlassRow {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(string, tag = "2")]
    by: String,
    #[prost(fixed64, tag = "3")]
    person: u64,
    #[prost(string, tag = "4")]
    reason: String,
    #[prost(int64, tag = "5")]
    since: i64,
    #[prost(int64, tag = "6")]
    until: i64,
    #[prost(message, optional, tag = "7")]
    review: Option<GlassReviewRow>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GlassReviewRow {
    #[prost(string, tag = "1")]
    by: String,
    #[prost(int64, tag = "2")]
    time: i64,
    #[prost(bool, tag = "3")]
    is_justified: bool,
    #[prost(string, tag = "4")]
    note: String,
}

impl Row for GlassRow {
    type Word = BrokenGlass;

    fn of(glass: &BrokenGlass) -> Self {
        let BrokenGlass { number, by, person, reason, since, until, review } = glass.clone();
        let review = review.map(|GlassReview { by, time, is_justified, note }| GlassReviewRow {
            by,
            time: time.0,
            is_justified,
            note,
        });
        let (person, since, until) = (person.as_number(), since.0, until.0);
        Self { number, by, person, reason, since, until, review }
    }

    fn word(self) -> Option<BrokenGlass> {
        let Self { number, by, person, reason, since, until, review } = self;
        let review = review.map(|GlassReviewRow { by, time, is_justified, note }| GlassReview {
            by,
            time: Timestamp(time),
            is_justified,
            note,
        });
        let person = EnterpriseId::from_number(person);
        let (since, until) = (Timestamp(since), Timestamp(until));
        (number > 0).then_some(BrokenGlass { number, by, person, reason, since, until, review })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emergency_reads_as_it_was_written() {
        let glass = BrokenGlass {
            number: 3,
            by: "ines".to_owned(),
            person: EnterpriseId::mint(7),
            reason: "unconscious in the emergency room".to_owned(),
            since: Timestamp(5),
            until: Timestamp(65),
            review: None,
        };
        let review = GlassReview {
            by: "ada".to_owned(),
            time: Timestamp(99),
            is_justified: true,
            note: "seen in the chart".to_owned(),
        };
        for glass in [glass.clone(), BrokenGlass { review: Some(review), ..glass }] {
            assert_eq!(GlassRow::decoded(&GlassRow::encoded(&glass)), Some(glass));
        }
        assert_eq!(GlassRow::decoded(&GlassRow::default().encode_to_vec()), None);
    }
}
