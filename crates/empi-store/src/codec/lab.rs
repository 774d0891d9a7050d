//! Rows of what is known about models: samples of pairs, what stewards say of them, and which model decides.

use empi_model::{
    LabelSample, MatchWeight, PairLabel, Promotion, ReasonCode, RecordIndex, SampleStratum,
    SampledPair, Timestamp, Verdict, WeightBin,
};
use prost::Message;

use super::{ActorRow, Row};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SampleRow {
    #[prost(uint32, tag = "1")]
    number: u32,
    #[prost(int64, tag = "2")]
    drawn: i64,
    #[prost(message, optional, tag = "3")]
    actor: Option<ActorRow>,
    #[prost(uint32, tag = "4")]
    model: u32,
    #[prost(uint64, tag = "5")]
    records: u64,
    #[prost(message, repeated, tag = "6")]
    bins: Vec<BinRow>,
    #[prost(message, repeated, tag = "7")]
    strata: Vec<StratumRow>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct BinRow {
    #[prost(sint32, tag = "1")]
    half_bits: i32,
    #[prost(uint64, tag = "2")]
    free: u64,
    #[prost(uint64, tag = "3")]
    held: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StratumRow {
    #[prost(sint32, optional, tag = "1")]
    least: Option<i32>,
    #[prost(sint32, optional, tag = "2")]
    below: Option<i32>,
    #[prost(bool, optional, tag = "3")]
    is_held: Option<bool>,
    #[prost(uint64, tag = "4")]
    pairs: u64,
    #[prost(uint32, tag = "5")]
    drawn: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SampledRow {
    #[prost(uint32, tag = "1")]
    sample: u32,
    #[prost(uint32, tag = "2")]
    place: u32,
    #[prost(uint32, tag = "3")]
    left: u32,
    #[prost(uint32, tag = "4")]
    right: u32,
    #[prost(double, tag = "5")]
    weight: f64,
    #[prost(bool, tag = "6")]
    is_held: bool,
    #[prost(uint32, tag = "7")]
    stratum: u32,
    #[prost(message, repeated, tag = "8")]
    labels: Vec<LabelRow>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct LabelRow {
    #[prost(string, tag = "1")]
    steward: String,
    #[prost(uint32, tag = "2")]
    verdict: u32,
    #[prost(int64, tag = "3")]
    time: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PromotionRow {
    #[prost(uint32, tag = "1")]
    number: u32,
    #[prost(int64, tag = "2")]
    time: i64,
    #[prost(message, optional, tag = "3")]
    actor: Option<ActorRow>,
    #[prost(uint32, tag = "4")]
    reason: u32,
    #[prost(string, tag = "5")]
    note: String,
    #[prost(uint32, tag = "6")]
    model: u32,
    #[prost(uint32, tag = "7")]
    before: u32,
    #[prost(uint32, tag = "8")]
    configured: u32,
    #[prost(bool, tag = "9")]
    is_rollback: bool,
}

impl Row for SampleRow {
    type Word = LabelSample;

    fn of(sample: &LabelSample) -> Self {
        let bin = |bin: &WeightBin| {
            let WeightBin { half_bits, free, held } = *bin;
            BinRow { half_bits, free, held }
        };
        let stratum = |stratum: &SampleStratum| {
            let SampleStratum { least, below, is_held, pairs, drawn } = *stratum;
            StratumRow { least, below, is_held, pairs, drawn }
        };
        Self {
            number: sample.number,
            drawn: sample.drawn.0,
            actor: Some(ActorRow::of(&sample.actor)),
            model: sample.model,
            records: sample.records,
            bins: sample.bins.iter().map(bin).collect(),
            strata: sample.strata.iter().map(stratum).collect(),
        }
    }

    fn word(self) -> Option<LabelSample> {
        let bin = |BinRow { half_bits, free, held }: BinRow| WeightBin { half_bits, free, held };
        let stratum = |row: StratumRow| {
            let StratumRow { least, below, is_held, pairs, drawn } = row;
            SampleStratum { least, below, is_held, pairs, drawn }
        };
        Some(LabelSample {
            number: self.number,
            drawn: Timestamp(self.drawn),
            actor: self.actor?.word()?,
            model: self.model,
            records: self.records,
            bins: self.bins.into_iter().map(bin).collect(),
            strata: self.strata.into_iter().map(stratum).collect(),
        })
    }
}

impl Row for SampledRow {
    type Word = SampledPair;

    fn of(pair: &SampledPair) -> Self {
        let label = |label: &PairLabel| LabelRow {
            steward: label.steward.clone(),
            verdict: label.verdict as u32,
            time: label.time.0,
        };
        let [left, right] = pair.records.map(|record| record.0);
        Self {
            sample: pair.sample,
            place: pair.place,
            left,
            right,
            weight: pair.weight.bits(),
            is_held: pair.is_held,
            stratum: pair.stratum,
            labels: pair.labels.iter().map(label).collect(),
        }
    }

    fn word(self) -> Option<SampledPair> {
        let label = |row: LabelRow| {
            let verdict = Verdict::ALL.into_iter().find(|it| *it as u32 == row.verdict)?;
            Some(PairLabel { steward: row.steward, verdict, time: Timestamp(row.time) })
        };
        Some(SampledPair {
            sample: self.sample,
            place: self.place,
            records: [RecordIndex(self.left), RecordIndex(self.right)],
            weight: MatchWeight::from_bits(self.weight),
            is_held: self.is_held,
            stratum: self.stratum,
            labels: self.labels.into_iter().map(label).collect::<Option<_>>()?,
        })
    }
}

impl Row for PromotionRow {
    type Word = Promotion;

    fn of(promotion: &Promotion) -> Self {
        Self {
            number: promotion.number,
            time: promotion.time.0,
            actor: Some(ActorRow::of(&promotion.actor)),
            reason: promotion.reason as u32,
            note: promotion.note.clone(),
            model: promotion.model,
            before: promotion.before,
            configured: promotion.configured,
            is_rollback: promotion.is_rollback,
        }
    }

    fn word(self) -> Option<Promotion> {
        let reason = ReasonCode::ALL.into_iter().find(|it| *it as u32 == self.reason)?;
        Some(Promotion {
            number: self.number,
            time: Timestamp(self.time),
            actor: self.actor?.word()?,
            reason,
            note: self.note,
            model: self.model,
            before: self.before,
            configured: self.configured,
            is_rollback: self.is_rollback,
        })
    }
}

#[cfg(test)]
mod tests {
    use empi_model::{Actor, ActorKind};

    use super::*;

    fn lena() -> Actor {
        Actor { kind: ActorKind::Steward, name: "lena".to_owned() }
    }

    #[test]
    fn samples_labels_and_promotions_come_back_as_they_went() {
        let stratum =
            SampleStratum { least: None, below: Some(-3), is_held: None, pairs: 1 << 40, drawn: 9 };
        let highest =
            SampleStratum { least: Some(14), below: None, is_held: Some(false), ..stratum };
        let sample = LabelSample {
            number: 2,
            drawn: Timestamp(7),
            actor: lena(),
            model: 3,
            records: 1_000,
            bins: vec![WeightBin { half_bits: -160, free: 1, held: 0 }],
            strata: vec![stratum, highest],
        };
        assert_eq!(SampleRow::decoded(&SampleRow::encoded(&sample)), Some(sample));
        let label = |verdict| PairLabel { steward: "ines".to_owned(), verdict, time: Timestamp(8) };
        let pair = SampledPair {
            sample: 2,
            place: 5,
            records: [RecordIndex(9), RecordIndex(4)],
            weight: MatchWeight::from_bits(-3.25),
            is_held: true,
            stratum: 1,
            labels: Verdict::ALL.map(label).to_vec(),
        };
        assert_eq!(SampledRow::decoded(&SampledRow::encoded(&pair)), Some(pair));
        for reason in ReasonCode::ALL {
            let promotion = Promotion {
                number: 1,
                time: Timestamp(9),
                actor: lena(),
                reason,
                note: "fewer questions".to_owned(),
                model: 2,
                before: 1,
                configured: 1,
                is_rollback: true,
            };
            let row = PromotionRow::encoded(&promotion);
            assert_eq!(PromotionRow::decoded(&row), Some(promotion));
        }
    }

    #[test]
    fn rows_without_sense_are_nothing() {
        assert_eq!(SampleRow::decoded(&SampleRow::default().encode_to_vec()), None);
        assert_eq!(PromotionRow::decoded(&PromotionRow::default().encode_to_vec()), None);
        let label = LabelRow { verdict: 9, ..LabelRow::default() };
        let pair = SampledRow { labels: vec![label], ..SampledRow::default() };
        assert_eq!(SampledRow::decoded(&pair.encode_to_vec()), None);
    }
}
