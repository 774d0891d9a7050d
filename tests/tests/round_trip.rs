//! One patient's way through every interface of one server: in by FHIR, mapped and found by HL7 v2, merged by HL7 v2,
//! and the merge seen in FHIR, over gRPC's command line, and by a consumer of notifications.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use empi_tests::{Folder, Mllp, Server, http};
use serde_json::{Value, json};

/// SHA-256 of `secret`.
const TOKEN: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

const CONFIG: &str = r#"
[[authority]]
name = "north"
namespace = "NORTH"
universal_id = "2.999.1.1"
senders = [{ application = "REG", facility = "NORTH" }]

[[authority]]
name = "south"
namespace = "SOUTH"
universal_id = "2.999.1.2"
senders = [{ application = "REG", facility = "SOUTH" }]

[mllp]
consumers_dir = "NOTIFICATIONS"

[[mllp.consumers]]
name = "ehr"
address = "CONSUMER"
application = "EHR"
facility = "NORTH"
domains = ["north", "south"]

[[fhir.clients]]
name = "portal"
token_sha256 = "TOKEN"
application = "REG"
facility = "NORTH"
"#;

/// A consumer of notifications: what it was told, message by message.
struct Consumer(TcpStream);

impl Consumer {
    /// The numbers of PID-3 of the next notification, which is accepted.
    fn next(&mut self) -> Vec<String> {
        let mut message = Vec::new();
        let mut byte = [0];
        while !message.ends_with(b"\x1C\r") {
            self.0.read_exact(&mut byte).unwrap();
            message.push(byte[0]);
        }
        let message = String::from_utf8(message).unwrap();
        let field = |segment: &str, number: usize| -> String {
            let line = message.trim_start_matches('\x0B').split('\r');
            let line = line.clone().find(|line| line.starts_with(segment)).unwrap();
            line.split('|').nth(number).unwrap().to_owned()
        };
        assert_eq!(field("MSH", 8), "ADT^A31^ADT_A05");
        let ack = format!(
            "\x0BMSH|^~\\&|EHR|NORTH|EMPI|EMPI|2026||ACK^A31|1|P|2.5\rMSA|AA|{}\r\x1C\r",
            field("MSH", 9)
        );
        self.0.write_all(ack.as_bytes()).unwrap();
        let numbers = field("PID", 3);
        numbers.split('~').map(|cx| cx.split('^').next().unwrap().to_owned()).collect()
    }

    /// The next notification that tells these numbers; what is told in between was true when it was told.
    fn told(&mut self, numbers: &[&str]) {
        while self.next() != numbers {}
    }
}

/// Sends a request; the status and resource of its answer.
fn fhir(address: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
    let headers = [("Authorization", "Bearer secret"), ("Content-Type", "application/fhir+json")];
    let answer = http(address, method, &format!("/fhir/{path}"), &headers, body).unwrap();
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

fn query(event: &str, qpd: &str) -> String {
    format!(
        "MSH|^~\\&|PORTAL|HIE|MPI|HIE|2026||QBP^{event}^QBP_Q21|Q|P|2.5\nQPD|IHE Query|T|{qpd}\nRCP|I\n"
    )
}

fn feed(facility: &str, event: &str, control: &str, segments: &str) -> String {
    format!(
        "MSH|^~\\&|REG|{facility}|MPI|HIE|20260301101500||ADT^{event}|{control}|P|2.5\nEVN||20260301\n{segments}\n"
    )
}

#[test]
fn a_patient_is_the_same_by_every_interface_and_a_merge_is_seen_by_all() {
    let folder = Folder::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = CONFIG
        .replace("NOTIFICATIONS", &folder.path("notifications"))
        .replace("CONSUMER", &listener.local_addr().unwrap().to_string())
        .replace("TOKEN", TOKEN);
    let config = folder.write("server.toml", config);
    let arguments = ["--config", config.as_str(), "--mllp", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let mut server = Server::start_with(&folder.path("index"), &arguments, &[]);
    let mut wire = Mllp::connect(&server.also_at("serving HL7 v2 over MLLP on "));
    let web = server.pages().trim_start_matches("http://").to_owned();

    // In by FHIR.
    let patient = json!({
        "resourceType": "Patient",
        "identifier": [{ "system": "urn:oid:2.999.1.1", "value": "N1" }],
        "name": [{ "use": "official", "family": "Okafor", "given": ["Amara"] }],
        "gender": "female", "birthDate": "1985-02-14",
        "telecom": [{ "system": "phone", "value": "2175550123" }],
        "address": [{ "line": ["12 Elm St"], "city": "Springfield", "state": "IL", "postalCode": "62701" }]
    });
    let path = "Patient?identifier=urn:oid:2.999.1.1%7CN1";
    let (status, created) = fhir(&web, "PUT", path, &patient.to_string());
    assert_eq!(status, 201, "{created}");
    let id = created["id"].as_str().unwrap().to_owned();
    let mut consumer = Consumer(listener.accept().unwrap().0);
    consumer.told(&["N1"]);

    // The same patient in another hospital, by HL7 v2: one person, whoever asks.
    let south =
        "PID|||S1^^^SOUTH||OKAFOR^AMARA||19850214|F|||12 ELM ST^^SPRINGFIELD^IL^62701||2175550123";
    let answer = wire.ask(&feed("SOUTH", "A04", "1", south));
    assert!(answer.contains("\nMSA|AA|1\n"), "{answer}");
    consumer.told(&["N1", "S1"]);
    let answer = wire.ask(&query("Q23", "N1^^^NORTH"));
    assert!(answer.contains("\nPID|||S1^^^SOUTH&2.999.1.2&ISO"), "{answer}");
    for number in ["urn:oid:2.999.1.1%7CN1", "urn:oid:2.999.1.2%7CS1"] {
        let (_, found) = fhir(&web, "GET", &format!("Patient?identifier={number}"), "");
        assert_eq!(found["entry"][0]["resource"]["id"], json!(id), "{found}");
    }
    let answer = wire.ask(&query("Q22", "@PID.5.1^OKAF*~@PID.7^1985"));
    assert!(answer.contains("\nQAK|T|OK|") && answer.contains("N1^^^NORTH"), "{answer}");

    // Somebody else, who proves to be the same: merged by HL7 v2.
    let other =
        "PID|||N2^^^NORTH||IVANOV^BORIS||19710505|M|||7 OAK AVE^^CHICAGO^IL^60601||3125550177";
    let answer = wire.ask(&feed("NORTH", "A04", "2", other));
    assert!(answer.contains("\nMSA|AA|2\n"), "{answer}");
    consumer.told(&["N2"]);
    let (_, found) = fhir(&web, "GET", "Patient?identifier=urn:oid:2.999.1.1%7CN2", "");
    let merged = found["entry"][0]["resource"]["id"].as_str().unwrap().to_owned();
    assert_ne!(merged, id);
    let answer = wire.ask(&feed("NORTH", "A40", "3", "PID|||N1^^^NORTH||X\nMRG|N2^^^NORTH"));
    assert!(answer.contains("\nMSA|AA|3\n"), "{answer}");

    // Seen in FHIR, over gRPC, by PIX query, and by the consumer.
    let (status, gone) = fhir(&web, "GET", &format!("Patient/{merged}"), "");
    assert_eq!(
        (status, &gone["active"], &gone["link"][0]["type"]),
        (200, &json!(false), &json!("replaced-by"))
    );
    assert_eq!(gone["link"][0]["other"]["reference"], json!(format!("Patient/{id}")));
    let shown = server.empi(&["person", &merged]);
    assert!(shown.stdout.contains(&id), "{}{}", shown.stdout, shown.stderr);
    let answer = wire.ask(&query("Q23", "N2^^^NORTH|^^^SOUTH"));
    assert!(answer.contains("\nPID|||S1^^^SOUTH"), "{answer}");
    consumer.told(&["N1", "S1"]);
    assert_eq!(server.stop().code, Some(0));
}
