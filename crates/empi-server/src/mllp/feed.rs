//! Feeds (ITI-8 and ITI-30): what each event of ADT does to the index.

use empi_formats::hl7::{
    AckCode, Cx, ErrorCode, ErrorEntry, Location, Message, PatientUpdate, Segment, Warning,
};
use empi_formats::{AssigningAuthority, Authorities, DomainFault};
use empi_model::{Actor, ActorKind, Identifier, PatientText, RecordKey};
use empi_registry::Registry;

use super::Mllp;
use super::message::{Stop, entry, warned};
use crate::exchange::caller::Caller;
use crate::exchange::feed::{Feed, FeedError, own_identifier};

/// Longest name of an actor that is taken from a message, in letters.
const ACTOR_LETTERS_MAX: usize = 100;

/// An event that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A01, A04, A05, A08, A28, A31: a patient as they are now.
    Register(&'static str),
    /// A40.
    Merge,
    /// A47.
    ChangeNumber,
    /// A24.
    Link,
    /// A37.
    Unlink,
}

impl Event {
    pub(super) fn of(event: &str) -> Option<Self> {
        Some(match event {
            "A01" => Self::Register("ADT^A01"),
            "A04" => Self::Register("ADT^A04"),
            "A05" => Self::Register("ADT^A05"),
            "A08" => Self::Register("ADT^A08"),
            "A28" => Self::Register("ADT^A28"),
            "A31" => Self::Register("ADT^A31"),
            "A40" => Self::Merge,
            "A47" => Self::ChangeNumber,
            "A24" => Self::Link,
            "A37" => Self::Unlink,
            _ => return None,
        })
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Register(name) => name,
            Self::Merge => "ADT^A40",
            Self::ChangeNumber => "ADT^A47",
            Self::Link => "ADT^A24",
            Self::Unlink => "ADT^A37",
        }
    }
}

/// A message being taken.
struct Taking<'a> {
    message: &'a Message,
    authorities: &'a Authorities,
    application: String,
    facility: String,
    feed: Feed<'a>,
    warnings: Vec<ErrorEntry>,
}

/// Takes a feed message. What was left aside comes back as warnings.
pub(super) fn take(
    mllp: &Mllp,
    registry: &Registry,
    message: &Message,
    (event, hash, caller): (Event, u64, Option<&Caller>),
) -> Result<Vec<ErrorEntry>, Stop> {
    let said = |number: usize| message.header(number).component(1).text().into_owned();
    let (application, facility) = (said(3), said(4));
    let sender: String =
        format!("{application}|{facility}").chars().take(ACTOR_LETTERS_MAX).collect();
    let named = format!("{application}|{facility}|{}", message.header(10).raw());
    let request = xxhash_rust::xxh3::xxh3_64(named.as_bytes());
    let feed = Feed {
        exchange: &mllp.0.exchange,
        registry,
        // Who is known by a certificate is the actor, whatever the message says of itself.
        actor: caller
            .map_or_else(|| Actor { kind: ActorKind::System, name: sender }, Caller::actor),
        request_id: Some(format!("mllp-{request:016x}-{hash:016x}")),
    };
    let authorities = &mllp.0.exchange.authorities;
    let mut taking =
        Taking { message, authorities, application, facility, feed, warnings: Vec::new() };
    taking.check_event()?;
    match event {
        Event::Register(_) => taking.register()?,
        Event::Merge | Event::ChangeNumber => taking.change_numbers(event)?,
        Event::Link | Event::Unlink => taking.link(event)?,
    }
    Ok(taking.warnings)
}

impl Taking<'_> {
    fn check_event(&mut self) -> Result<(), Stop> {
        let Some(evn) = self.message.segment("EVN") else {
            let text = "the EVN segment is missing";
            return Err(Stop::error(Location::segment("EVN", 1), ErrorCode::SegmentSequence, text));
        };
        let (said, meant) = (evn.field(1).text(), self.message.header(9).component(2).text());
        if !said.is_empty() && !said.eq_ignore_ascii_case(&meant) {
            self.warnings.push(warned(Warning {
                location: Location::field("EVN", 1, 1),
                code: ErrorCode::DataType,
                text: "EVN-1 is another event than MSH-9: taken as MSH-9 says",
            }));
        }
        Ok(())
    }

    /// The PID segments, of which the event needs so many.
    fn patients(&self, needed: usize) -> Result<Vec<Segment<'_>>, Stop> {
        let patients: Vec<Segment<'_>> = self.message.named("PID").collect();
        if patients.len() < needed {
            let place = Location::segment("PID", patients.len() + 1);
            return Err(Stop::error(place, ErrorCode::SegmentSequence, "a PID segment is missing"));
        }
        Ok(patients)
    }

    fn register(&mut self) -> Result<(), Stop> {
        let pid = self.patients(1)?.into_iter().next();
        let Some(pid) = pid else { return Ok(()) };
        let update = PatientUpdate::read(self.message, pid, 1);
        let (key, mut identifiers) = self.own_key(&update.identifiers, 1)?;
        let place = || Location::field("PID", 1, 3);
        let known = self.feed.known(&key).map_err(|error| refusal(error, place()))?;
        if known.is_none() && !update.says_something() {
            let text = "PID-5, the name, is missing, and so are birth date, sex and mother";
            return Err(Stop::error(Location::field("PID", 1, 5), ErrorCode::RequiredField, text));
        }
        if let Some(account) = &update.account
            && let Ok(authority) = self.authorities.of_domain(&account.domain)
        {
            identifiers.push(identifier(authority, &account.value));
        }
        if let Some((state, number)) = &update.licence {
            identifiers
                .push(Identifier { authority: format!("DL-{state}"), value: number.clone() });
        }
        identifiers.insert(0, own_identifier(&key));
        let registered = self.feed.register(&key, |record| {
            update.apply(record);
            record.identifiers = identifiers;
        });
        registered.map_err(|error| refusal(error, place()))?;
        self.warnings.extend(update.warnings.into_iter().map(warned));
        Ok(())
    }

    /// A40 and A47: pairs of PID and MRG, of which each identifier of MRG-1 goes to that of the same domain in
    /// PID-3. All of them are checked before the first is done.
    fn change_numbers(&mut self, event: Event) -> Result<(), Stop> {
        self.patients(1)?;
        let mut pairs = Vec::new();
        let mut current: Option<Vec<Cx>> = None;
        let (mut patients, mut merges) = (0, 0);
        for segment in self.message.segments() {
            match segment.name() {
                "PID" => {
                    patients += 1;
                    let update = PatientUpdate::read(self.message, segment, patients);
                    current = Some(update.identifiers);
                }
                "MRG" => {
                    merges += 1;
                    let survivors = current.take().unwrap_or_default();
                    self.pair(&survivors, segment, (patients, merges), &mut pairs)?;
                }
                _ => {}
            }
        }
        if merges != patients {
            let text = "every PID needs its MRG segment";
            let place = Location::segment("MRG", merges + 1);
            return Err(Stop::error(place, ErrorCode::SegmentSequence, text));
        }
        let request_id = self.feed.request_id.clone();
        for (at, (survivor, prior)) in pairs.iter().enumerate() {
            self.feed.request_id = request_id.as_ref().map(|id| format!("{id}-{at}"));
            let done = match event {
                Event::ChangeNumber => self.feed.change_number(survivor, prior),
                _ => self.feed.merge(survivor, prior),
            };
            done.map_err(|error| refusal(error, Location::field("MRG", 1, 1)))?;
        }
        Ok(())
    }

    fn pair(
        &self,
        survivors: &[Cx],
        mrg: Segment<'_>,
        (patient, merge): (usize, usize),
        pairs: &mut Vec<(RecordKey, RecordKey)>,
    ) -> Result<(), Stop> {
        let prior = mrg.field(1).repetitions().enumerate();
        let prior: Vec<Cx> = prior
            .map(|(at, part)| Cx::read(part, at + 1))
            .filter(|cx| !cx.value.is_empty())
            .collect();
        if prior.is_empty() {
            let place = Location::field("MRG", merge, 1);
            return Err(Stop::error(place, ErrorCode::RequiredField, "MRG-1 is missing"));
        }
        if survivors.is_empty() {
            let place = Location::field("PID", patient, 3);
            return Err(Stop::error(place, ErrorCode::RequiredField, "PID-3 is missing"));
        }
        for old in &prior {
            let place =
                |component: usize| Location::part("MRG", merge, [1, old.repetition, component]);
            let authority = self.writable(old, place(4))?;
            let is_same = |cx: &&Cx| self.resolve(cx).is_ok_and(|it| it.name == authority.name);
            let Some(survivor) = survivors.iter().find(is_same) else {
                let text = "PID-3 has no identifier of the authority in MRG-1";
                return Err(Stop::error(place(4), ErrorCode::UnknownKey, text));
            };
            if survivor.value == old.value {
                let text = "MRG-1 and PID-3 are the same identifier";
                return Err(Stop::error(place(1), ErrorCode::DuplicateKey, text));
            }
            let key = |cx: &Cx| RecordKey::new(authority.name.as_str(), cx.value.as_str());
            pairs.push((key(survivor), key(old)));
        }
        Ok(())
    }

    fn link(&self, event: Event) -> Result<(), Stop> {
        let patients = self.patients(2)?;
        let keys = patients.into_iter().take(2).enumerate().map(|(at, pid)| {
            let update = PatientUpdate::read(self.message, pid, at + 1);
            self.own_key(&update.identifiers, at + 1).map(|(key, _)| key)
        });
        let keys: Vec<RecordKey> = keys.collect::<Result<_, _>>()?;
        let [left, right] = keys.as_slice() else { return Ok(()) };
        if left == right {
            let text = "both PID segments name the same identifier";
            let place = Location::field("PID", 2, 3);
            return Err(Stop::error(place, ErrorCode::DuplicateKey, text));
        }
        let done = match event {
            Event::Unlink => self.feed.unlink(left, right),
            _ => self.feed.link(left, right),
        };
        done.map_err(|error| refusal(error, Location::field("PID", 1, 3)))
    }

    /// The authority of an identifier; without one, the sender's own.
    fn resolve(&self, cx: &Cx) -> Result<&AssigningAuthority, DomainFault> {
        match self.authorities.of_domain(&cx.domain) {
            Err(DomainFault::Missing) if cx.is_domain_blank => Err(DomainFault::Malformed),
            Err(DomainFault::Missing) => self
                .authorities
                .default_of(&self.application, &self.facility)
                .ok_or(DomainFault::Missing),
            found => found,
        }
    }

    /// The authority of an identifier, which the sender must be allowed to write.
    fn writable(&self, cx: &Cx, place: Location) -> Result<&AssigningAuthority, Stop> {
        let authority = self.resolve(cx).map_err(|fault| fault_at(fault, place.clone()))?;
        if Authorities::may_write(authority, &self.application, &self.facility) {
            return Ok(authority);
        }
        let text = "the sender (MSH-3, MSH-4) is not registered for this assigning authority";
        Err(Stop::reject(place, ErrorCode::UnknownKey, text))
    }

    /// The record that a message is about: the first identifier of a domain that the sender may write. The
    /// others are what else is known of the patient.
    fn own_key(
        &self,
        identifiers: &[Cx],
        patient: usize,
    ) -> Result<(RecordKey, Vec<Identifier>), Stop> {
        let mut key = None;
        let mut others = Vec::new();
        let mut foreign = None;
        for cx in identifiers {
            let place = Location::part("PID", patient, [3, cx.repetition, 4]);
            let authority = self.resolve(cx).map_err(|fault| fault_at(fault, place.clone()))?;
            let may_write = Authorities::may_write(authority, &self.application, &self.facility);
            if may_write && key.is_none() {
                key = Some(RecordKey::new(authority.name.as_str(), cx.value.as_str()));
                continue;
            }
            if !may_write && !authority.is_national {
                foreign.get_or_insert(place);
            }
            others.push(identifier(authority, &cx.value));
        }
        match (key, foreign) {
            (Some(key), _) => Ok((key, others)),
            (None, Some(place)) => {
                let text =
                    "the sender (MSH-3, MSH-4) is not registered for this assigning authority";
                Err(Stop::reject(place, ErrorCode::UnknownKey, text))
            }
            (None, None) => {
                let place = Location::field("PID", patient, 3);
                let text = "PID-3 has no identifier of the sender's own";
                Err(Stop::error(place, ErrorCode::RequiredField, text))
            }
        }
    }
}

fn identifier(authority: &AssigningAuthority, value: &str) -> Identifier {
    Identifier { authority: authority.name.clone(), value: PatientText::new(value) }
}

/// An authority that is not registered may be soon: such a message may be sent again. One that is written
/// wrongly is wrong again.
pub(super) fn fault_at(fault: DomainFault, place: Location) -> Stop {
    let ack = match fault {
        DomainFault::Unknown => AckCode::Reject,
        _ => AckCode::Error,
    };
    Stop::Refused(ack, vec![entry(place, ErrorCode::UnknownKey, fault.sentence())])
}

/// `gone` is where the message names the record that may have gone into another one.
fn refusal(error: FeedError, gone: Location) -> Stop {
    let pid = Location::field("PID", 1, 3);
    match error {
        FeedError::SurvivorGone => {
            let text = "the record in PID-3 was merged away or withdrawn: name the one in use";
            Stop::error(pid, ErrorCode::UnknownKey, text)
        }
        FeedError::MergedElsewhere => {
            let text = "the record was merged into another one before";
            Stop::error(gone, ErrorCode::UnknownKey, text)
        }
        FeedError::NumberTaken => {
            let text = "the identifier in PID-3 is in use: send A40 if both are one patient";
            Stop::error(pid, ErrorCode::DuplicateKey, text)
        }
        FeedError::UnknownRecord => {
            let text = "one of the two records is not registered: register it and send this again";
            Stop::error(pid, ErrorCode::UnknownKey, text)
        }
        FeedError::Registry(error) => Stop::Failed(error),
    }
}
