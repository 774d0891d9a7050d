//! Golden records as they go over the wire.

use empi_proto::v1;
use empi_registry::{GoldenField, GoldenRecord, Provenance, SurvivorshipRule};

use super::source::{record_key, source_record_to_proto};

pub(crate) fn golden(golden: GoldenRecord) -> v1::GoldenRecord {
    let GoldenRecord { record, provenance } = golden;
    v1::GoldenRecord {
        record: Some(source_record_to_proto(record)),
        provenance: provenance.into_iter().map(provenance_to_proto).collect(),
    }
}

fn provenance_to_proto(provenance: Provenance) -> v1::Provenance {
    let Provenance { field, record, agreeing, rule } = provenance;
    v1::Provenance {
        field: field_to_proto(field).into(),
        record: Some(record_key(record)),
        agreeing: u32::try_from(agreeing).unwrap_or(u32::MAX),
        rule: match rule {
            SurvivorshipRule::MostRecent => v1::SurvivorshipRule::MostRecent,
            SurvivorshipRule::MostFrequent => v1::SurvivorshipRule::MostFrequent,
            SurvivorshipRule::MostTrusted => v1::SurvivorshipRule::MostTrusted,
            SurvivorshipRule::Longest => v1::SurvivorshipRule::Longest,
        }
        .into(),
    }
}

fn field_to_proto(field: GoldenField) -> v1::GoldenField {
    match field {
        GoldenField::Name => v1::GoldenField::Name,
        GoldenField::BirthDate => v1::GoldenField::BirthDate,
        GoldenField::Sex => v1::GoldenField::Sex,
        GoldenField::Ssn => v1::GoldenField::Ssn,
        GoldenField::Address => v1::GoldenField::Address,
        GoldenField::Phone => v1::GoldenField::Phone,
        GoldenField::Email => v1::GoldenField::Email,
        GoldenField::Identifier => v1::GoldenField::Identifier,
        GoldenField::MotherMaidenName => v1::GoldenField::MotherMaidenName,
        GoldenField::GuardianName => v1::GoldenField::GuardianName,
        GoldenField::BirthPlace => v1::GoldenField::BirthPlace,
        GoldenField::BirthOrder => v1::GoldenField::BirthOrder,
    }
}
