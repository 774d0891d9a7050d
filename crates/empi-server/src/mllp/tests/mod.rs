//! Messages and their answers, on a store of its own for each test.

mod feeds;
mod notifications;
mod queries;
mod transport;

use std::sync::Arc;

use empi_formats::hl7::Message;
use empi_model::Interface;
use tempfile::TempDir;

use super::{Mllp, MllpConfig, message};
use crate::GrpcConfig;
use crate::access::Origin;
use crate::access::issuers::Issuers;
use crate::door::Door;
use crate::exchange::Exchange;
use crate::exchange::config::authorities;
use crate::fhir::FhirClient;
use crate::tests::registry_in;

/// Two hospitals with an interface each, a laboratory with two domains, and a national number.
pub(crate) const AUTHORITIES: &str = r#"
[[authority]]
name = "north"
namespace = "NORTH"
universal_id = "2.999.1.1"
type_code = "MR"
senders = [{ application = "REG", facility = "NORTH" }]

[[authority]]
name = "south"
namespace = "SOUTH"
universal_id = "2.999.1.2"
senders = [{ application = "REG", facility = "SOUTH" }]

[[authority]]
name = "lab"
namespace = "LAB"
universal_id = "2.999.1.3"
senders = [{ application = "LAB" }]

[[authority]]
name = "lab-old"
namespace = "LABOLD"
universal_id = "2.999.1.4"
senders = [{ application = "LAB" }]

[[authority]]
name = "nid"
namespace = "NID"
universal_id = "2.999.9"
national = true
"#;

#[derive(serde::Deserialize)]
struct File {
    authority: Vec<crate::exchange::config::AuthorityConfig>,
}

/// Where tests send from.
pub(crate) fn origin() -> Origin {
    Origin { interface: Interface::Hl7, address: None }
}

/// An index with its interface.
pub(crate) struct Desk {
    pub(crate) mllp: Mllp,
    _dir: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with(MllpConfig::default())
    }

    pub(crate) fn with(config: MllpConfig) -> Self {
        Self::known(config, Vec::new())
    }

    /// With clients that are known by their tokens or certificates.
    pub(crate) fn known(config: MllpConfig, clients: Vec<FhirClient>) -> Self {
        Self::vouched_for(config, clients, Issuers::default())
    }

    /// With somebody who vouches for others.
    pub(crate) fn vouched_for(
        config: MllpConfig,
        clients: Vec<FhirClient>,
        issuers: Issuers,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let registry = registry_in(dir.path());
        let door = Door::new(registry, &GrpcConfig::default());
        let file: File = toml::from_str(AUTHORITIES).unwrap();
        let exchange =
            Arc::new(Exchange::new(authorities(&file.authority).unwrap(), clients, issuers));
        Self { mllp: Mllp::new(door, exchange, config), _dir: dir }
    }

    /// The answer to a message, with line ends for people.
    pub(crate) async fn send(&self, text: &str) -> String {
        let bytes = text.replace('\n', "\r").into_bytes();
        let answer = message::answer(&self.mllp, bytes, (&origin(), None)).await;
        assert!(Message::read(&answer).is_ok());
        String::from_utf8(answer).unwrap().replace('\r', "\n")
    }

    /// MSA-1, and the location and code of each error.
    pub(crate) async fn outcome(&self, text: &str) -> String {
        let answer = self.send(text).await;
        let message = Message::read(answer.as_bytes()).unwrap();
        let msa = message.segment("MSA").unwrap();
        let mut words = vec![msa.field(1).raw().to_owned()];
        for err in message.named("ERR") {
            let severity = err.field(4).raw();
            words.push(format!("{} {} {severity}", err.field(2).raw(), err.field(3).text()));
        }
        words.join(", ")
    }

    /// The identifiers that a PIX query tells of an identifier such as `NORTH:1`.
    pub(crate) async fn pix(&self, identifier: &str) -> String {
        let (namespace, value) = identifier.split_once(':').unwrap();
        let answer = self.send(&query(&format!("{value}^^^{namespace}|"))).await;
        let message = Message::read(answer.as_bytes()).unwrap();
        let Some(pid) = message.segment("PID") else {
            return message.segment("QAK").unwrap().field(2).raw().to_owned();
        };
        let numbers: Vec<String> = pid
            .field(3)
            .repetitions()
            .map(|cx| format!("{}:{}", cx.part(4).text_of(1), cx.text()))
            .collect();
        numbers.join(" ")
    }

    /// What another interface on the same index needs.
    pub(crate) fn parts(&self) -> (Door, Arc<Exchange>) {
        (self.mllp.0.door.clone(), Arc::clone(&self.mllp.0.exchange))
    }

    pub(crate) fn events(&self) -> u64 {
        self.mllp.0.door.last_event().borrow().0
    }
}

/// A feed message of a sender such as `REG|NORTH`, with the segments after EVN.
pub(crate) fn adt(sender: &str, event: &str, control: &str, segments: &str) -> String {
    format!(
        "MSH|^~\\&|{sender}|MPI|HIE|20260301101500||ADT^{event}|{control}|P|2.5\nEVN||20260301\n{segments}\n"
    )
}

/// A PIX query with what stands in QPD from the third field on.
pub(crate) fn query(rest: &str) -> String {
    format!(
        "MSH|^~\\&|PORTAL|HIE|MPI|HIE|20260301||QBP^Q23^QBP_Q21|Q-1|P|2.5\nQPD|IHE PIX Query|T1|{rest}\nRCP|I\n"
    )
}

/// A patient with enough to be recognised again.
pub(crate) const AMARA: &str = "OKAFOR^AMARA^N^^^^L|REYES|19850214|F|||12 ELM ST^^SPRINGFIELD^IL^62701||2175550123||||||457-12-9983";
pub(crate) const BORIS: &str =
    "IVANOV^BORIS|SOKOLOVA|19710505|M|||7 OAK AVE^^CHICAGO^IL^60601||3125550177||||||611-20-1177";

/// A PID with these identifiers and demographics.
pub(crate) fn pid(identifiers: &str, demographics: &str) -> String {
    format!("PID|||{identifiers}||{demographics}")
}
