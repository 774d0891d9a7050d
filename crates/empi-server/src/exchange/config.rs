//! The part of the configuration that names assigning authorities, as it stands in the file.

use empi_formats::{AssigningAuthority, Authorities, Sender};
use serde::Deserialize;

/// One `[[authority]]` of the file.
///
/// ```toml
/// [[authority]]
/// name = "north"                 # the source of its records in the index
/// namespace = "NORTH"            # HD.1
/// universal_id = "2.999.1.1"     # HD.2
/// universal_id_type = "ISO"      # HD.3
/// type_code = "MR"
/// senders = [{ application = "REG", facility = "NORTH" }]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorityConfig {
    /// The source of its records, and the authority of its identifiers, in the index.
    pub name: String,
    /// Its short name in HL7 v2 (HD.1).
    pub namespace: String,
    /// Its name for the world (HD.2).
    pub universal_id: String,
    /// What kind of name that is (HD.3).
    #[serde(default = "iso")]
    pub universal_id_type: String,
    /// Its system in FHIR; without it, `urn:oid:` or `urn:uuid:` and the universal ID.
    pub uri: Option<String>,
    /// The type of its identifiers by table 0203.
    pub type_code: Option<String>,
    /// Whether it numbers the patients of many systems, as a national number does.
    #[serde(default)]
    pub national: bool,
    /// Who may register and change its records.
    #[serde(default)]
    pub senders: Vec<SenderConfig>,
}

/// A sender, by what it says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderConfig {
    /// MSH-3, or the `application` of a FHIR client.
    pub application: String,
    /// MSH-4; any, without it.
    #[serde(default)]
    pub facility: String,
}

impl SenderConfig {
    /// Whether a message says that it is from this sender.
    pub(crate) fn is(&self, application: &str, facility: &str) -> bool {
        let sender =
            Sender { application: self.application.clone(), facility: self.facility.clone() };
        sender.is(application, facility)
    }
}

fn iso() -> String {
    "ISO".to_owned()
}

/// The authorities of a configuration.
///
/// # Errors
/// A sentence for names that are missing or given twice.
pub(crate) fn authorities(configured: &[AuthorityConfig]) -> Result<Authorities, String> {
    let read = configured.iter().cloned().map(|it| AssigningAuthority {
        name: it.name,
        namespace: it.namespace,
        universal_id: it.universal_id,
        universal_id_type: it.universal_id_type,
        uri: it.uri,
        type_code: it.type_code,
        is_national: it.national,
        senders: it
            .senders
            .into_iter()
            .map(|sender| Sender { application: sender.application, facility: sender.facility })
            .collect(),
    });
    Authorities::new(read.collect())
}
