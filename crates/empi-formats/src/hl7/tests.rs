//! Tests of messages as a whole: what PID says, what is asked, what is answered.

use empi_model::{PatientText, PersonName, PostalAddress, SourceRecord};

use super::reply::{Location, Severity};
use super::{
    AckCode, Application, Charset, Continuation, Cx, ErrorCode, ErrorEntry, Given, Message,
    NotificationWords, PatientUpdate, PdqQuery, PersonRow, PixQuery, Reply, SearchField,
    acknowledgement, notification, pdq_answer, pix_answer,
};
use crate::authority::AssigningAuthority;

fn message(segments: &str) -> Message {
    let text = format!("MSH|^~\\&|REG|NORTH|MPI|HIE|20260301||ADT^A04|R-1|P|2.5\r{segments}");
    Message::read(text.as_bytes()).unwrap()
}

/// What a PID with these fields (by number) says.
fn update(fields: &[(usize, &str)]) -> PatientUpdate {
    let mut line = vec![""; 41];
    for (number, value) in fields {
        line[*number] = value;
    }
    let message = message(&format!("PID|{}\r", line[1..].join("|")));
    PatientUpdate::read(&message, message.segment("PID").unwrap(), 1)
}

fn record(fields: &[(usize, &str)]) -> SourceRecord {
    let mut record = SourceRecord::default();
    update(fields).apply(&mut record);
    record
}

fn exposed(text: &Option<PatientText>) -> &str {
    text.as_ref().map_or("-", PatientText::expose)
}

fn name_words(name: &PersonName) -> String {
    [&name.family, &name.given, &name.middle, &name.suffix].map(exposed).join(" ")
}

fn address_words(address: &PostalAddress) -> String {
    let PostalAddress { street, unit, city, state, postal_code, country } = address;
    [street, unit, city, state, postal_code, country].map(exposed).join(";")
}

#[test]
fn names_are_read_by_their_kind() {
    for (field, expected) in [
        ("OKAFOR^AMARA^N^JR^^^L", vec!["OKAFOR AMARA N JR"]),
        ("BELL^AMARA^^^^^M~OKAFOR^AMARA^^^^^L", vec!["OKAFOR AMARA - -", "BELL AMARA - -"]),
        ("QUILLFEATHER&&&&Brasswick^ZEB", vec!["QUILLFEATHER ZEB - -"]),
        ("Oda&&&&Tarn^^ulric", vec!["Oda - ulric -"]),
        ("&&&&Tarn^X", vec!["Tarn X - -"]),
        ("~^^^^^^S", vec![]),
        ("P-17^^^^^^S~OKAFOR^AMARA", vec!["OKAFOR AMARA - -"]),
        (r"O\T\MALLEY^A\S\B", vec!["O&MALLEY A^B - -"]),
        ("^^^^^^L", vec![]),
        ("\"\"^AMARA", vec!["- AMARA - -"]),
    ] {
        let record = record(&[(5, field)]);
        let words: Vec<String> = record.names.iter().map(name_words).collect();
        assert_eq!(words, expected, "{field}");
    }
    let with_alias = record(&[(5, "OKAFOR^AMARA"), (9, "OKAFOR^AMY~OKAFOR^AMARA")]);
    let words: Vec<String> = with_alias.names.iter().map(name_words).collect();
    assert_eq!(words, ["OKAFOR AMARA - -", "OKAFOR AMY - -"]);
}

#[test]
fn birth_dates_are_read_as_exactly_as_they_are_written() {
    for (field, expected, warnings) in [
        ("19850214", "1985-02-14", 0),
        ("198502141530-0500", "1985-02-14", 0),
        ("194702281126+0215", "1947-02-28", 0),
        ("198502", "1985-02", 0),
        ("1985", "1985", 0),
        ("14.2.1985", "14.2.1985", 1),
        ("UNKNOWN", "UNKNOWN", 1),
        ("", "-", 0),
    ] {
        let update = update(&[(7, field)]);
        assert_eq!(update.warnings.len(), warnings, "{field}");
        let mut record = SourceRecord::default();
        update.apply(&mut record);
        assert_eq!(exposed(&record.birth_date), expected, "{field}");
    }
}

#[test]
fn addresses_are_those_where_somebody_lives() {
    for (field, expected) in [
        (
            "12 ELM ST APT 4^^SPRINGFIELD^IL^62701^USA^H",
            vec!["12 ELM ST APT 4;-;SPRINGFIELD;IL;62701;USA"],
        ),
        ("ELM ST&ELM ST&12^APT 4^X", vec!["12 ELM ST;APT 4;X;-;-;-"]),
        ("1&Nowhere Lane^Unit 2", vec!["1 Nowhere Lane;Unit 2;-;-;-;-"]),
        ("A^^^^^^C~B^^^^^^H~D^^^^^^BA~E^^^^^^N", vec!["B;-;-;-;-;-", "A;-;-;-;-;-"]),
        ("\"\"^^Foo^NW", vec!["-;-;Foo;NW;-;-"]),
        ("^^^^^^H", vec![]),
    ] {
        let record = record(&[(11, field)]);
        let words: Vec<String> = record.addresses.iter().map(address_words).collect();
        assert_eq!(words, expected, "{field}");
    }
    let born = record(&[(11, "A^^^^^^H~^^Ozville^KS^^DE^BDL")]);
    assert_eq!(exposed(&born.birth_place), "Ozville, KS, DE");
    let said = record(&[(11, "A^^^^^^H~^^Ozville^^^^BDL"), (23, "Farburg")]);
    assert_eq!(exposed(&said.birth_place), "Farburg");
}

#[test]
fn telephones_and_mail_are_told_apart_and_machines_left_out() {
    for (home, work, phones, emails) in [
        ("^PRN^PH^^1^217^5550142", "", vec!["+1 217 5550142"], vec![]),
        (
            "(555) 555-0100~x@example.org^NET^Internet",
            "",
            vec!["(555) 555-0100"],
            vec!["x@example.org"],
        ),
        ("^NET^Internet^a@example.org", "022^WPN^PH", vec!["022"], vec!["a@example.org"]),
        ("1^PRN^FX~2^PRN^BP~3^^TDD~4^PRN^CP", "", vec!["4"], vec![]),
        ("^PRN^PH^^^^^^^^^(217) 555-0142", "", vec!["(217) 555-0142"], vec![]),
        ("^PRN^X.400^fed@example.org", "", vec![], vec!["fed@example.org"]),
    ] {
        let record = record(&[(13, home), (14, work)]);
        let words = |texts: &[PatientText]| -> Vec<String> {
            texts.iter().map(|text| text.expose().to_owned()).collect()
        };
        assert_eq!(words(&record.phones), phones, "{home}");
        assert_eq!(words(&record.emails), emails, "{home}");
    }
}

#[test]
fn what_is_not_said_stays_and_what_is_deleted_goes() {
    let mut record = record(&[
        (5, "OKAFOR^AMARA"),
        (6, "REYES"),
        (7, "19850214"),
        (8, "f"),
        (13, "1~^NET^Internet^a@b.org"),
        (19, "123-45-6789"),
    ]);
    assert_eq!(exposed(&record.sex), "F");
    update(&[(8, "\"\""), (6, "\"\""), (13, "2")]).apply(&mut record);
    assert_eq!(name_words(&record.names[0]), "OKAFOR AMARA - -");
    assert_eq!((record.sex, record.mother_maiden_name), (None, None));
    assert_eq!(exposed(&record.birth_date), "1985-02-14");
    assert_eq!(record.phones, [PatientText::new("2")]);
    assert_eq!(record.emails, [PatientText::new("a@b.org")]);
    assert_eq!(exposed(&record.ssn), "123-45-6789");
}

#[test]
fn made_up_values_are_not_taken() {
    let update = update(&[
        (7, "19000101"),
        (11, "1 A ST"),
        (19, "999-99-9999"),
        (32, "US~UD~UA"),
        (5, "X^Y"),
    ]);
    assert_eq!(update.ssn, Given::Nothing);
    assert_eq!(update.birth_date, Given::Nothing);
    assert_eq!(update.addresses, Given::Nothing);
}

#[test]
fn identifiers_are_read_with_their_domains() {
    let update = update(&[(
        3,
        "\"\"^^^&2.71&ISO~4471^^^NORTH&2.999.1.1&ISO^mr~123456789^^^USSSA^SS~ 0012 ^^^SOUTH",
    )]);
    let read: Vec<(&str, &str, &str, usize)> = update
        .identifiers
        .iter()
        .map(|cx| {
            (cx.value.as_str(), cx.domain.namespace.as_str(), cx.type_code.as_str(), cx.repetition)
        })
        .collect();
    assert_eq!(read, [("4471", "NORTH", "MR", 2), ("0012", "SOUTH", "", 4)]);
    assert_eq!(update.ssn, Given::Value("123456789".into()));
    assert!(!format!("{update:?}").contains("4471"));
}

#[test]
fn a_guardian_is_found_among_the_next_of_kin() {
    let message =
        message("PID|||1\rNK1|1|DOE^JANE|MTH^Mother\rNK1|2|ROE^MARY^ANN|GRD^Guardian^HL70063\r");
    let update = PatientUpdate::read(&message, message.segment("PID").unwrap(), 1);
    assert_eq!(update.guardian_name, Given::Value("MARY ANN ROE".into()));
}

#[test]
fn more_than_the_limit_of_repetitions_is_left_out_with_a_warning() {
    let many = vec!["1^^^N"; 5000].join("~");
    let update = update(&[(3, &many)]);
    assert_eq!(update.identifiers.len(), 100);
    assert_eq!(update.warnings[0].location, Location::field("PID", 1, 3));
}

fn reply(message: &Message) -> Reply<'_> {
    static OWN: std::sync::LazyLock<Application> = std::sync::LazyLock::new(|| Application {
        application: "empi".to_owned(),
        facility: "HIE".to_owned(),
    });
    Reply {
        message,
        application: &OWN,
        control_id: "C-1".into(),
        time: "20260301101501+0000".into(),
    }
}

fn written(writer: &super::Writer) -> String {
    String::from_utf8(writer.bytes(Charset::UTF_8)).unwrap().replace('\r', "\n")
}

#[test]
fn an_acknowledgement_says_where_and_what_in_the_senders_version() {
    let errors = |severity| {
        vec![ErrorEntry {
            location: Location::part("PID", 1, [3, 1, 4]),
            code: ErrorCode::UnknownKey,
            severity,
            text: "not registered".to_owned(),
        }]
    };
    let sent = |version: &str| {
        let text =
            format!("MSH|^~\\&|REG^1.2^ISO|NORTH|||20260301||ADT^A28^ADT_A05|R-17|P|{version}\r");
        Message::read(text.as_bytes()).unwrap()
    };
    for (version, severity, expected) in [
        (
            "2.5",
            Severity::Error,
            "MSH|^~\\&|empi|HIE|REG^1.2^ISO|NORTH|20260301101501+0000||ACK^A28^ACK|C-1|P|2.5\nMSA|AE|R-17\n\
             ERR||PID^1^3^1^4|204^Unknown key identifier^HL70357|E|||not registered\n",
        ),
        (
            "2.5.1",
            Severity::Warning,
            "MSH|^~\\&|empi|HIE|REG^1.2^ISO|NORTH|20260301101501+0000||ACK^A28^ACK|C-1|P|2.5.1\nMSA|AE|R-17\n\
             ERR||PID^1^3^1^4|204^Unknown key identifier^HL70357|W|||not registered\n",
        ),
        (
            "2.3.1",
            Severity::Error,
            "MSH|^~\\&|empi|HIE|REG^1.2^ISO|NORTH|20260301101501+0000||ACK^A28|C-1|P|2.3.1\n\
             MSA|AE|R-17|not registered\nERR|PID^1^3^204&Unknown key identifier\n",
        ),
        (
            "2.3.1",
            Severity::Warning,
            "MSH|^~\\&|empi|HIE|REG^1.2^ISO|NORTH|20260301101501+0000||ACK^A28|C-1|P|2.3.1\nMSA|AE|R-17\n",
        ),
    ] {
        let sent = sent(version);
        let answer = acknowledgement(&reply(&sent), AckCode::Error, &errors(severity));
        assert_eq!(written(&answer), expected);
    }
}

#[test]
fn an_answer_uses_the_separators_and_the_character_set_of_the_question() {
    let text = "MSH#*+!@#A#B#M#H###ADT*A04#R!F!1#P#2.5######UNICODE UTF-8\r";
    let sent = Message::read(text.as_bytes()).unwrap();
    let answer = acknowledgement(&reply(&sent), AckCode::Accept, &[]);
    let expected = "MSH#*+!@#M#H#A#B#20260301101501!R!0000##ACK*A04*ACK#C-1#P#2.5######UNICODE UTF-8\nMSA#AA#R!F!1\n";
    assert_eq!(written(&answer), expected);
}

const NORTH: fn() -> AssigningAuthority = || AssigningAuthority {
    name: "north".into(),
    namespace: "NORTH".into(),
    universal_id: "2.999.1.1".into(),
    universal_id_type: "ISO".into(),
    type_code: Some("MR".into()),
    ..AssigningAuthority::default()
};

fn query(event: &str, segments: &str) -> Message {
    let text = format!("MSH|^~\\&|P|H|M|H|2026||QBP^{event}^QBP_Q21|Q-1|P|2.5\r{segments}");
    Message::read(text.as_bytes()).unwrap()
}

#[test]
fn a_pix_query_is_read_and_answered() {
    let asked = query(
        "Q23",
        "QPD|IHE PIX Query|TAG1|4471^^^NORTH&2.999.1.1&ISO|^^^SOUTH&2.999.1.2&ISO~~^^^WEST\rRCP|I\r",
    );
    let PixQuery { identifier, wanted } = PixQuery::read(&asked).unwrap();
    assert_eq!(
        (identifier.value.as_str(), identifier.domain.universal_id.as_str()),
        ("4471", "2.999.1.1")
    );
    let wanted: Vec<(&str, usize)> =
        wanted.iter().map(|cx| (cx.domain.namespace.as_str(), cx.repetition)).collect();
    assert_eq!(wanted, [("SOUTH", 1), ("WEST", 3)]);
    let north = NORTH();
    let head = "MSH|^~\\&|M|H|P|H|20260301101501+0000||RSP^K23^RSP_K23|C-1|P|2.5\nMSA|";
    let qpd = "QPD|IHE PIX Query|TAG1|4471^^^NORTH&2.999.1.1&ISO|^^^SOUTH&2.999.1.2&ISO~~^^^WEST\n";
    let found = pix_answer(&reply(&asked), &[(&north, "17"), (&north, "1&8")], &[]);
    let pid = "PID|||17^^^NORTH&2.999.1.1&ISO^MR~1\\T\\8^^^NORTH&2.999.1.1&ISO^MR||~^^^^^^S\n";
    assert_eq!(written(&found), format!("{head}AA|Q-1\nQAK|TAG1|OK\n{qpd}{pid}"));
    let none = pix_answer(&reply(&asked), &[], &[]);
    assert_eq!(written(&none), format!("{head}AA|Q-1\nQAK|TAG1|NF\n{qpd}"));
    let error = ErrorEntry {
        location: Location::part("QPD", 1, [3, 1, 1]),
        code: ErrorCode::UnknownKey,
        severity: Severity::Error,
        text: String::new(),
    };
    let refused = pix_answer(&reply(&asked), &[], &[error]);
    let err = "ERR||QPD^1^3^1^1|204^Unknown key identifier^HL70357|E\n";
    assert_eq!(written(&refused), format!("{head}AE|Q-1\n{err}QAK|TAG1|AE\n{qpd}"));
}

#[test]
fn a_pdq_query_is_read_and_answered() {
    let asked = query(
        "Q22",
        "QPD|IHE PDQ Query|T9|@PID.5.1.1^OKAF*~@PID.7^198502~@PID.8^F~@PID.11.5^|||||^^^NORTH\rRCP|I|2^RD\rDSC|p:1|I\r",
    );
    let PdqQuery { criteria, wanted, limit, continuation } = PdqQuery::read(&asked).unwrap();
    let read: Vec<(SearchField, &str)> =
        criteria.iter().map(|it| (it.field, it.value.as_str())).collect();
    let expected = [
        (SearchField::Family, "OKAF*"),
        (SearchField::BirthDate, "198502"),
        (SearchField::Sex, "F"),
    ];
    assert_eq!(read, expected);
    assert_eq!((wanted.len(), limit), (1, Some(2)));
    assert_eq!(continuation, Some(Continuation("p:1".to_owned())));
    let north = NORTH();
    let record = record(&[
        (5, "OKAFOR^AMARA^N~BELL^AMARA^^^^^M"),
        (6, "REYES"),
        (7, "198502"),
        (8, "F"),
        (11, "12 ELM^^X^IL^62701"),
        (13, "^PRN^PH^^1^217^5550142~^NET^Internet^a@b.org"),
        (25, "2"),
    ]);
    let row = PersonRow { identifiers: vec![(&north, "4471")], record: &record, confidence: 0.98 };
    let next = Continuation("p:2".to_owned());
    let answer = pdq_answer(&reply(&asked), &[row], (3, 2), Some(&next), &[]);
    let written = written(&answer);
    let tail: Vec<&str> = written.lines().skip(2).collect();
    assert_eq!(
        tail,
        [
            "QAK|T9|OK|IHE PDQ Query|3|1|2",
            "QPD|IHE PDQ Query|T9|@PID.5.1.1^OKAF*~@PID.7^198502~@PID.8^F~@PID.11.5^|||||^^^NORTH",
            "PID|||4471^^^NORTH&2.999.1.1&ISO^MR||OKAFOR^AMARA^N^^^^L~BELL^AMARA^^^^^A|REYES^^^^^^M|198502|F|||12 ELM^^X^IL^62701^^H||+1 217 5550142^PRN^PH~^NET^Internet^a@b.org|||||||||||Y|2",
            "QRI|0.98",
            "DSC|p:2|I",
        ]
    );
    let none = pdq_answer(&reply(&asked), &[], (0, 0), None, &[]);
    assert!(super::tests::written(&none).contains("QAK|T9|NF|IHE PDQ Query|0|0|0\n"));
}

#[test]
fn queries_that_ask_for_nothing_are_refused_with_the_place() {
    let place = |event: &str, segments: &str| {
        let asked = query(event, segments);
        let refused = match event {
            "Q23" => PixQuery::read(&asked).map(|_| ()),
            _ => PdqQuery::read(&asked).map(|_| ()),
        };
        let warning = refused.unwrap_err();
        (warning.location, warning.code)
    };
    for (event, segments, location, code) in [
        ("Q23", "RCP|I\r", Location::segment("QPD", 1), ErrorCode::SegmentSequence),
        ("Q23", "QPD|X||1^^^N\r", Location::field("QPD", 1, 2), ErrorCode::RequiredField),
        ("Q23", "QPD|X|T|^^^N\r", Location::part("QPD", 1, [3, 1, 1]), ErrorCode::RequiredField),
        ("Q22", "QPD|X|T|\r", Location::field("QPD", 1, 3), ErrorCode::RequiredField),
        (
            "Q22",
            "QPD|X|T|@PID.8^F~@ZZZ.1^1\r",
            Location::part("QPD", 1, [3, 2, 0]),
            ErrorCode::DataType,
        ),
        (
            "Q22",
            "QPD|X|T|@PID.3.4.99^1\r",
            Location::part("QPD", 1, [3, 1, 0]),
            ErrorCode::DataType,
        ),
        (
            "Q22",
            "QPD|X|T|@PID.8^F\rRCP|I|many\r",
            Location::field("RCP", 1, 2),
            ErrorCode::DataType,
        ),
    ] {
        assert_eq!(place(event, segments), (location, code), "{segments}");
    }
}

#[test]
fn a_notification_tells_the_identifiers_and_nothing_else() {
    let north = NORTH();
    let words = NotificationWords {
        sender: &Application { application: "empi".into(), facility: "HIE".into() },
        receiver: &Application { application: "EHR".into(), facility: "CLINIC".into() },
        control_id: "7-1".into(),
        time: "20260301101501+0000".into(),
        event_time: "20260301101500+0000".into(),
    };
    let expected = "MSH|^~\\&|empi|HIE|EHR|CLINIC|20260301101501+0000||ADT^A31^ADT_A05|7-1|P|2.5||||||UNICODE UTF-8\n\
                    EVN|A31|20260301101500+0000\nPID|||4471^^^NORTH&2.999.1.1&ISO^MR|| \nPV1||N\n";
    assert_eq!(written(&notification(&words, &[(&north, "4471")])), expected);
}

#[test]
fn an_identifier_without_a_value_names_a_domain_alone() {
    let asked = query("Q23", "QPD|IHE PIX Query|T|^^^A&1.2&ISO\r");
    let cx = Cx::read(asked.segment("QPD").unwrap().field(3).first(), 1);
    assert!(cx.value.is_empty() && !cx.domain.is_empty());
}
