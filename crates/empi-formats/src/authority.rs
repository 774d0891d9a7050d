//! Assigning authorities: the domains in which identifiers mean something, under all the names that HL7 v2
//! and FHIR know them by.

use std::fmt;

/// The most registered authorities.
const AUTHORITIES_MAX: usize = 10_000;

/// The FHIR systems of authorities that are not registered begin with this.
const UNREGISTERED: &str = "urn:empi:authority:";

/// One registered domain of identifiers, such as the medical record numbers of a hospital.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AssigningAuthority {
    /// Its name in the index: the source of the records whose numbers it gives out, and the authority of its
    /// identifiers.
    pub name: String,
    /// Its short name in HL7 v2 (HD.1, at most 20 letters by the standard).
    pub namespace: String,
    /// Its name for the world (HD.2): an OID, a UUID, a domain name.
    pub universal_id: String,
    /// What kind of name that is (HD.3, table 0301): `ISO` for an OID, `UUID`, `DNS`, `URI`, ...
    pub universal_id_type: String,
    /// Its system in FHIR, where that does not follow from the universal ID.
    pub uri: Option<String>,
    /// What kind of identifier it gives out (table 0203), such as `MR`; written where known.
    pub type_code: Option<String>,
    /// Whether it numbers the patients of many systems, as a national number does: then everybody may
    /// send its identifiers, nobody registers records under them, and they lead to persons.
    pub is_national: bool,
    /// Who may register and change records in it.
    pub senders: Vec<Sender>,
}

/// A system that sends, by what it says of itself: MSH-3 and MSH-4, or the name of a FHIR client.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Sender {
    /// The application (MSH-3).
    pub application: String,
    /// The facility (MSH-4); any, when it is empty.
    pub facility: String,
}

impl Sender {
    /// Whether these words of a message are this sender's: case and blanks do not matter.
    #[must_use]
    pub fn is(&self, application: &str, facility: &str) -> bool {
        let same = |known: &str, said: &str| known.trim().eq_ignore_ascii_case(said.trim());
        same(&self.application, application)
            && (self.facility.trim().is_empty() || same(&self.facility, facility))
    }
}

impl AssigningAuthority {
    /// Its system in FHIR.
    #[must_use]
    pub fn system(&self) -> String {
        self.uri.clone().or_else(|| self.derived_uri()).unwrap_or_else(|| self.name.clone())
    }

    fn derived_uri(&self) -> Option<String> {
        let id = &self.universal_id;
        match self.universal_id_type.to_ascii_uppercase().as_str() {
            "ISO" => Some(format!("urn:oid:{id}")),
            "UUID" | "GUID" => Some(format!("urn:uuid:{}", id.to_ascii_lowercase())),
            "URI" | "URL" => Some(id.clone()),
            _ => None,
        }
    }
}

/// A domain as a message names it, whole or in part (HD).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Domain {
    /// HD.1.
    pub namespace: String,
    /// HD.2.
    pub universal_id: String,
    /// HD.3.
    pub universal_id_type: String,
}

impl fmt::Debug for Domain {
    /// What stands where an authority should may be anything, a number of a patient among it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Domain([redacted])")
    }
}

impl Domain {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.namespace.is_empty()
            && self.universal_id.is_empty()
            && self.universal_id_type.is_empty()
    }
}

/// Why a domain is none that is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainFault {
    /// No authority is named.
    Missing,
    /// A universal ID without its type, or a type without an ID.
    Malformed,
    /// It is not registered.
    Unknown,
    /// Its parts name different authorities.
    Contradictory,
}

impl DomainFault {
    /// The fault in words.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Missing => "no assigning authority is named and the sender has no default",
            Self::Malformed => {
                "the assigning authority needs a namespace, or a universal ID and its type"
            }
            Self::Unknown => "the assigning authority is not registered",
            Self::Contradictory => "the parts of the assigning authority name different ones",
        }
    }
}

/// Every registered authority. Checked as a whole, then immutable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorities {
    all: Vec<AssigningAuthority>,
}

impl Authorities {
    /// The registered authorities.
    ///
    /// # Errors
    /// A sentence for names that are missing or given twice.
    pub fn new(all: Vec<AssigningAuthority>) -> Result<Self, String> {
        if all.len() > AUTHORITIES_MAX {
            return Err(format!("there are more than {AUTHORITIES_MAX} assigning authorities"));
        }
        for (at, authority) in all.iter().enumerate() {
            let name = &authority.name;
            let required = [name, &authority.namespace, &authority.universal_id];
            if required.iter().any(|text| text.trim().is_empty()) {
                return Err(format!(
                    "authority {} ({name}) needs a name, a namespace and a universal ID",
                    at + 1
                ));
            }
            if authority.uri.is_none() && authority.derived_uri().is_none() {
                return Err(format!(
                    "authority {name} needs a `uri`: no FHIR system follows from its universal ID"
                ));
            }
            if authority.is_national && !authority.senders.is_empty() {
                return Err(format!(
                    "authority {name} is national, so nobody registers records in it: it has no senders"
                ));
            }
            let same = all.iter().take(at).find(|other| {
                other.name == *name
                    || other.namespace.eq_ignore_ascii_case(&authority.namespace)
                    || other.universal_id.eq_ignore_ascii_case(&authority.universal_id)
                    || other.system() == authority.system()
            });
            if let Some(other) = same {
                return Err(format!(
                    "authorities {} and {name} share a name, namespace, universal ID or system",
                    other.name
                ));
            }
        }
        Ok(Self { all })
    }

    /// All of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &AssigningAuthority> {
        self.all.iter()
    }

    /// The authority of a name in the index.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&AssigningAuthority> {
        self.all.iter().find(|authority| authority.name == name)
    }

    /// The authority that a message names: by namespace, by universal ID and type, or by all three, which
    /// must agree.
    ///
    /// # Errors
    /// [`DomainFault`].
    pub fn of_domain(&self, domain: &Domain) -> Result<&AssigningAuthority, DomainFault> {
        let Domain { namespace, universal_id, universal_id_type } = domain;
        if domain.is_empty() {
            return Err(DomainFault::Missing);
        }
        if universal_id.is_empty() != universal_id_type.is_empty() {
            return Err(DomainFault::Malformed);
        }
        let by_namespace =
            self.all.iter().find(|known| known.namespace.eq_ignore_ascii_case(namespace));
        let by_id = self.all.iter().find(|known| {
            known.universal_id.eq_ignore_ascii_case(universal_id)
                && known.universal_id_type.eq_ignore_ascii_case(universal_id_type)
        });
        match (by_namespace, by_id) {
            (Some(found), None) if universal_id.is_empty() => Ok(found),
            (None, Some(found)) if namespace.is_empty() => Ok(found),
            (Some(one), Some(other)) if one.name == other.name => Ok(one),
            (None, None) => Err(DomainFault::Unknown),
            _ => Err(DomainFault::Contradictory),
        }
    }

    /// The authority of a FHIR system, whichever of its names is used.
    #[must_use]
    pub fn of_system(&self, system: &str) -> Option<&AssigningAuthority> {
        let system = system.trim();
        let is_it = |known: &&AssigningAuthority| {
            known.uri.as_deref() == Some(system)
                || known.derived_uri().is_some_and(|uri| uri.eq_ignore_ascii_case(system))
                || known.name == system
        };
        self.all.iter().find(is_it)
    }

    /// The FHIR system of an authority by its name in the index, registered or not: a name that is a URI is
    /// its own system.
    #[must_use]
    pub fn system_of(&self, name: &str) -> String {
        match self.named(name) {
            Some(authority) => authority.system(),
            None if name.contains(':') => name.to_owned(),
            None => format!("{UNREGISTERED}{name}"),
        }
    }

    /// The name in the index of the authority of a FHIR system: the inverse of
    /// [`system_of`](Self::system_of).
    #[must_use]
    pub fn name_of(&self, system: &str) -> String {
        match self.of_system(system) {
            Some(authority) => authority.name.clone(),
            None => system.strip_prefix(UNREGISTERED).unwrap_or(system).to_owned(),
        }
    }

    /// Whether a sender may register and change records in a domain.
    #[must_use]
    pub fn may_write(authority: &AssigningAuthority, application: &str, facility: &str) -> bool {
        authority.senders.iter().any(|sender| sender.is(application, facility))
    }

    /// The domain of identifiers that a sender gives without one: the only one that it may write.
    #[must_use]
    pub fn default_of(&self, application: &str, facility: &str) -> Option<&AssigningAuthority> {
        let mut own = self.all.iter().filter(|it| Self::may_write(it, application, facility));
        let first = own.next()?;
        own.next().is_none().then_some(first)
    }

    /// Whether the two domains are written by one sender, who then speaks for both.
    #[must_use]
    pub fn share_a_sender(one: &AssigningAuthority, other: &AssigningAuthority) -> bool {
        one.senders.iter().any(|sender| other.senders.contains(sender))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority(name: &str, oid: &str) -> AssigningAuthority {
        AssigningAuthority {
            name: name.to_lowercase(),
            namespace: name.to_owned(),
            universal_id: oid.to_owned(),
            universal_id_type: "ISO".to_owned(),
            senders: vec![Sender { application: "REG".into(), facility: name.into() }],
            ..AssigningAuthority::default()
        }
    }

    fn domain(parts: [&str; 3]) -> Domain {
        let [namespace, universal_id, universal_id_type] = parts.map(str::to_owned);
        Domain { namespace, universal_id, universal_id_type }
    }

    #[test]
    fn every_allowed_form_leads_to_the_authority_and_no_other_does() {
        let authorities = Authorities::new(vec![
            authority("NORTH", "2.999.1.1"),
            authority("SOUTH", "2.999.1.2"),
        ])
        .unwrap();
        for (parts, expected) in [
            (["NORTH", "", ""], Ok("north")),
            (["north", "2.999.1.1", "iso"], Ok("north")),
            (["", "2.999.1.2", "ISO"], Ok("south")),
            (["", "", ""], Err(DomainFault::Missing)),
            (["", "2.999.1.2", ""], Err(DomainFault::Malformed)),
            (["NORTH", "", "ISO"], Err(DomainFault::Malformed)),
            (["WEST", "", ""], Err(DomainFault::Unknown)),
            (["", "2.999.1.2", "DNS"], Err(DomainFault::Unknown)),
            (["NORTH", "2.999.1.2", "ISO"], Err(DomainFault::Contradictory)),
            (["NORTH", "2.999.1.9", "ISO"], Err(DomainFault::Contradictory)),
        ] {
            let found = authorities.of_domain(&domain(parts)).map(|it| it.name.as_str());
            assert_eq!(found, expected, "{parts:?}");
        }
        for (system, expected) in [
            ("urn:oid:2.999.1.1", Some("north")),
            ("south", Some("south")),
            ("urn:oid:2.999.1", None),
        ] {
            let found = authorities.of_system(system).map(|it| it.name.as_str());
            assert_eq!(found, expected, "{system}");
        }
    }

    #[test]
    fn a_sender_writes_its_own_domains_and_has_a_default_where_it_has_one() {
        let mut south = authority("SOUTH", "2.999.1.2");
        south.senders.push(Sender { application: "LAB".into(), facility: String::new() });
        let authorities = Authorities::new(vec![authority("NORTH", "2.999.1.1"), south]).unwrap();
        let default = |application, facility| {
            authorities.default_of(application, facility).map(|it| it.name.as_str())
        };
        assert_eq!(default("reg ", "NORTH"), Some("north"));
        assert_eq!(default("REG", "EAST"), None);
        assert_eq!(default("LAB", "ANYWHERE"), Some("south"));
    }

    #[test]
    fn authorities_that_cannot_be_told_apart_are_refused() {
        let twice = vec![authority("NORTH", "2.999.1.1"), authority("north", "2.999.1.2")];
        assert!(Authorities::new(twice).unwrap_err().contains("share"));
        let unnamed = vec![authority("", "2.999.1.1")];
        assert!(Authorities::new(unnamed).unwrap_err().contains("needs a name"));
        let mut local = authority("NORTH", "n");
        local.universal_id_type = "L".to_owned();
        assert!(Authorities::new(vec![local]).unwrap_err().contains("uri"));
        let mut national = authority("NHS", "2.999.9");
        national.is_national = true;
        assert!(Authorities::new(vec![national]).unwrap_err().contains("national"));
    }
}
