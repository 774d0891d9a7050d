//! Golden records as they go over the wire.

use empi_proto::v1;
use empi_registry::{GoldenRecord, Provenance, SurvivorshipRule};

use super::source::{record_key, source_record_to_proto};

pub(crate) fn golden(golden: GoldenRecord) -> v1::GoldenRecord {
    let GoldenRecord { record, provenance } = golden;
    v1::GoldenRecord {
        record: Some(source_record_to_proto(record)),
        provenance: provenance.into_iter().map(provenance_to_proto).collect(),
    }
}

fn provenance_to_proto(provenance: Provenance) -> v1::Provenance {
    let Provenance { field, record, agreeing, rule, chosen_by } = provenance;
    v1::Provenance {
        // The numbers of both are promises, and the same; a test compares them.
        field: field as i32,
        chosen_by: chosen_by.unwrap_or_default(),
        record: Some(record_key(record)),
        agreeing: u32::try_from(agreeing).unwrap_or(u32::MAX),
        rule: match rule {
            SurvivorshipRule::MostRecent => v1::SurvivorshipRule::MostRecent,
            SurvivorshipRule::MostFrequent => v1::SurvivorshipRule::MostFrequent,
            SurvivorshipRule::MostTrusted => v1::SurvivorshipRule::MostTrusted,
            SurvivorshipRule::Longest => v1::SurvivorshipRule::Longest,
            SurvivorshipRule::LongestValid => v1::SurvivorshipRule::LongestValid,
            SurvivorshipRule::StewardsChoice => v1::SurvivorshipRule::StewardsChoice,
        }
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use empi_registry::GoldenField;

    use super::*;

    #[test]
    fn fields_have_one_number() {
        for field in GoldenField::ALL {
            let name =
                v1::GoldenField::try_from(field as i32).unwrap().as_str_name().replace('_', "");
            assert_eq!(name, format!("GOLDENFIELD{field:?}").to_uppercase());
        }
    }
}
