//! An entry of the trail in the words of DICOM PS3.15 A.5 and IHE ATNA (ITI-20): what kind of event it is, and the entry as an
//! `AuditMessage` inside a line of syslog (RFC 5424).

use std::fmt::Write as _;

use empi_model::{AuditEntry, AuditOutcome, Operation};

/// What kind of event an operation is, by DICOM's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditKind {
    /// The code of the event.
    pub code: &'static str,
    /// What DICOM calls it.
    pub display: &'static str,
    /// Create, read, update, delete or execute.
    pub action: &'static str,
}

/// The kind of an operation.
#[must_use]
pub const fn audit_kind(operation: Operation) -> AuditKind {
    let (code, display, action) = match operation {
        Operation::SignIn => ("110114", "User Authentication", "E"),
        Operation::Probe | Operation::ViewStats | Operation::Maintain => {
            ("110100", "Application Activity", "E")
        }
        Operation::OwnAccount
        | Operation::ViewUsers
        | Operation::ChangeUsers
        | Operation::ViewAccounts
        | Operation::Tune
        | Operation::ChangeAccounts
        | Operation::RotateKey
        | Operation::BreakGlass
        | Operation::ReviewGlass
        | Operation::Approve => ("110113", "Security Alert", "E"),
        Operation::ViewPersons | Operation::ViewRestricted => ("110112", "Query", "E"),
        Operation::ViewAudit | Operation::RetireAudit => ("110101", "Audit Log Used", "R"),
        Operation::ExportPersons => ("110106", "Export", "R"),
        Operation::ErasePersons => ("110110", "Patient Record", "D"),
        Operation::ViewRecords
        | Operation::ViewQueue
        | Operation::ViewQuality
        | Operation::ViewEvents
        | Operation::ViewPast
        | Operation::Label
        | Operation::DrawSample => ("110110", "Patient Record", "R"),
        Operation::RegisterRecords
        | Operation::RetireRecords
        | Operation::RelateRecords
        | Operation::Decide
        | Operation::DecideMany
        | Operation::SetConsent
        | Operation::ChangeIdentities => ("110110", "Patient Record", "U"),
    };
    AuditKind { code, display, action }
}

/// How an entry went, as DICOM and FHIR number it: success, minor, serious, major failure.
#[must_use]
pub const fn audit_outcome(outcome: AuditOutcome) -> &'static str {
    match outcome {
        AuditOutcome::Done => "0",
        AuditOutcome::Refused => "4",
        AuditOutcome::Denied => "8",
        AuditOutcome::Failed => "12",
    }
}

/// Facility 10 (security), severity 5 (notice), as ITI-20 asks; 4 (warning) where somebody was denied something.
const fn priority(outcome: AuditOutcome) -> u32 {
    match outcome {
        AuditOutcome::Done | AuditOutcome::Refused => 10 * 8 + 5,
        AuditOutcome::Denied | AuditOutcome::Failed => 10 * 8 + 4,
    }
}

/// Appends an entry as one frame of syslog over TLS (RFC 5425): its length in bytes, a blank, and the message.
pub(super) fn frame(out: &mut Vec<u8>, source: &str, number: u64, entry: &AuditEntry) {
    let time = time(entry);
    let mut text = format!(
        "<{}>1 {time} {source} empi {} IHE+RFC-3881 - ",
        priority(entry.outcome),
        std::process::id()
    );
    message(&mut text, source, number, entry, &time);
    out.extend_from_slice(text.len().to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(text.as_bytes());
}

fn time(entry: &AuditEntry) -> String {
    let time =
        jiff::Timestamp::from_millisecond(entry.time.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%FT%H:%M:%S%.3fZ").to_string()
}

fn message(text: &mut String, source: &str, number: u64, entry: &AuditEntry, time: &str) {
    let (asker, operation) = (&entry.asked.asker, entry.asked.operation.as_str());
    let AuditKind { code, display, action } = audit_kind(entry.asked.operation);
    let outcome = audit_outcome(entry.outcome);
    let _ = write!(
        text,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><AuditMessage>\
         <EventIdentification EventActionCode=\"{action}\" EventDateTime=\"{time}\" EventOutcomeIndicator=\"{outcome}\">\
         <EventID csd-code=\"{code}\" codeSystemName=\"DCM\" originalText=\"{display}\"/>\
         <EventTypeCode csd-code=\"{operation}\" codeSystemName=\"empi\" originalText=\"{operation}\"/>"
    );
    if !asker.reason.is_empty() {
        let reason = Escaped(&asker.reason);
        let _ = write!(text, "<EventOutcomeDescription>{reason}</EventOutcomeDescription>");
    }
    if !asker.purpose.code().is_empty() {
        let purpose = asker.purpose.code();
        let _ = write!(
            text,
            "<PurposeOfUse csd-code=\"{purpose}\" codeSystemName=\"PurposeOfUse\" originalText=\"{purpose}\"/>"
        );
    }
    let name = if asker.name.is_empty() { "unknown" } else { &asker.name };
    let _ = write!(
        text,
        "</EventIdentification><ActiveParticipant UserID=\"{}\" UserIsRequestor=\"true\"",
        Escaped(name)
    );
    if let Some(address) = asker.address {
        let _ =
            write!(text, " NetworkAccessPointTypeCode=\"2\" NetworkAccessPointID=\"{address}\"");
    }
    let interface = asker.interface.as_str();
    let _ = write!(
        text,
        "><RoleIDCode csd-code=\"110153\" codeSystemName=\"DCM\" originalText=\"Source Role ID\"/></ActiveParticipant>\
         <ActiveParticipant UserID=\"{source}/{interface}\" UserIsRequestor=\"false\">\
         <RoleIDCode csd-code=\"110152\" codeSystemName=\"DCM\" originalText=\"Destination Role ID\"/></ActiveParticipant>\
         <AuditSourceIdentification AuditSourceID=\"{source}\"/>"
    );
    for person in &entry.persons {
        let _ = write!(
            text,
            "<ParticipantObjectIdentification ParticipantObjectTypeCode=\"1\" ParticipantObjectTypeCodeRole=\"1\" \
             ParticipantObjectID=\"{person}\"><ParticipantObjectIDTypeCode csd-code=\"2\" codeSystemName=\"RFC-3881\" \
             originalText=\"Patient Number\"/></ParticipantObjectIdentification>"
        );
    }
    own_place(text, number, entry);
    text.push_str("</AuditMessage>");
}

/// Where the entry stands in the trail, how often it happened, and of how many persons it tells: the security resource
/// that the message is about, so that a receiver can tell one that comes again.
fn own_place(text: &mut String, number: u64, entry: &AuditEntry) {
    let event = entry.event.map_or_else(String::new, |event| format!(" event {event}"));
    let _ = write!(
        text,
        "<ParticipantObjectIdentification ParticipantObjectTypeCode=\"2\" ParticipantObjectTypeCodeRole=\"13\" \
         ParticipantObjectID=\"{number}\"><ParticipantObjectIDTypeCode csd-code=\"audit-entry\" codeSystemName=\"empi\" \
         originalText=\"Number in the audit trail\"/><ParticipantObjectName>times {} persons {}{event}\
         </ParticipantObjectName></ParticipantObjectIdentification>",
        entry.times, entry.persons_total
    );
}

/// A text inside XML: marks are written out, and what XML cannot hold becomes a question mark.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {
                    out.write_char('?')?;
                }
                letter => out.write_char(letter)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use empi_model::{Asked, Asker, EnterpriseId, EventSequence, Interface, Purpose, Timestamp};

    use super::*;

    fn framed(number: u64, entry: &AuditEntry) -> String {
        let mut out = Vec::new();
        frame(&mut out, "mpi1", number, entry);
        String::from_utf8(out).unwrap()
    }

    fn entry(name: &str, reason: &str) -> AuditEntry {
        let asker = Asker {
            name: name.to_owned(),
            interface: Interface::Hl7,
            address: Some("10.0.0.8".parse().unwrap()),
            purpose: Purpose::Treatment,
            reason: reason.to_owned(),
        };
        let asked = Asked { asker: Arc::new(asker), operation: Operation::ViewPersons };
        let person = EnterpriseId::from_number(7);
        let mut entry = AuditEntry::new(Timestamp(1_500), asked, AuditOutcome::Done, vec![person]);
        entry.event = Some(EventSequence(3));
        entry
    }

    #[test]
    fn an_entry_is_a_line_of_syslog_with_a_message_of_dicom() {
        let frame = framed(12, &entry("PORTAL|HIE", ""));
        let (length, message) = frame.split_once(' ').unwrap();
        assert_eq!(length.parse::<usize>().unwrap(), message.len());
        let (header, xml) = message.split_once(" - ").unwrap();
        let words: Vec<&str> = header.split(' ').collect();
        assert_eq!(words[..4], ["<85>1", "1970-01-01T00:00:01.500Z", "mpi1", "empi"]);
        assert_eq!(words[5], "IHE+RFC-3881");
        assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><AuditMessage>"));
        let person = EnterpriseId::from_number(7);
        for part in [
            "EventActionCode=\"E\" EventDateTime=\"1970-01-01T00:00:01.500Z\" EventOutcomeIndicator=\"0\"".to_owned(),
            "<EventID csd-code=\"110112\" codeSystemName=\"DCM\" originalText=\"Query\"/>".to_owned(),
            "<PurposeOfUse csd-code=\"TREAT\"".to_owned(),
            "UserID=\"PORTAL|HIE\" UserIsRequestor=\"true\" NetworkAccessPointTypeCode=\"2\" NetworkAccessPointID=\"10.0.0.8\"".to_owned(),
            "<AuditSourceIdentification AuditSourceID=\"mpi1\"/>".to_owned(),
            format!("ParticipantObjectID=\"{person}\""),
            "ParticipantObjectID=\"12\"".to_owned(),
            "times 1 persons 1 event 3<".to_owned(),
        ] {
            assert!(xml.contains(&part), "{part} in {xml}");
        }
    }

    #[test]
    fn what_somebody_calls_themselves_breaks_no_message() {
        let hostile = "a\"/><x y='&\u{1}\r\n\u{ffff}";
        let frame = framed(1, &entry(hostile, hostile));
        assert!(frame.contains("UserID=\"a&quot;/&gt;&lt;x y='&amp;????\" "), "{frame}");
        assert!(!frame.contains(['\r', '\n', '\u{1}']));
    }
}
