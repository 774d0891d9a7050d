//! Every message and resource of other products through a running server: what each is answered stands in
//! `golden/interop.expected`, one line each, for people to look at; it has no value of any of them. They are
//! committed nowhere, and looked for as all third-party test files are.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use empi_tests::{Folder, Mllp, Server, http, skipped, third_party_folder};

/// Each client's token is its name.
///
/// The domains of the conformance tests and of the other files, with their senders.
const CONFIG: &str = r#"
[[authority]]
name = "test"
namespace = "TEST"
universal_id = "2.16.840.1.113883.3.72.5.9.1"
uri = "http://ohie.org/test/test"
senders = [{ application = "TEST_HARNESS" }]

[[authority]]
name = "test-oid"
namespace = "TESTOID"
universal_id = "1.3.6.1.4.1.52820.3.72.5.9.1"
senders = [{ application = "TEST_HARNESS" }]

[[authority]]
name = "test-a"
namespace = "TEST_A"
universal_id = "2.16.840.1.113883.3.72.5.9.2"
uri = "http://ohie.org/test/test_a"
senders = [{ application = "TEST_HARNESS_A" }]

[[authority]]
name = "test-b"
namespace = "TEST_B"
universal_id = "2.16.840.1.113883.3.72.5.9.3"
uri = "http://ohie.org/test/test_b"
senders = [{ application = "TEST_HARNESS_B" }]

[[authority]]
name = "red"
namespace = "IHERED"
universal_id = "1.3.6.1.4.1.21367.13.20.1000"
senders = [{ application = "IHE" }]

[[authority]]
name = "green"
namespace = "IHEGREEN"
universal_id = "1.3.6.1.4.1.21367.13.20.2000"
senders = [{ application = "IHE" }]

[[authority]]
name = "blue"
namespace = "IHEBLUE"
universal_id = "1.3.6.1.4.1.21367.13.20.3000"
senders = [{ application = "IHE" }]

[[authority]]
name = "himss"
namespace = "HIMSS2005"
universal_id = "1.3.6.1.4.1.21367.2005.1.1"
senders = [{ application = "1.2.840.114350.1.13.99998.8734" }]

[[authority]]
name = "domain1000"
namespace = "DOMAIN1000"
universal_id = "1.2.3.4.5.1000"
senders = [{ application = "1.2.840.114350.1.13.99998.8734" }]

[[authority]]
name = "domain2"
namespace = "domain2"
universal_id = "1.2.3.4.5.2000"

[[authority]]
name = "icw"
namespace = "MPI"
universal_id = "2.16.840.1.113883.3.37.4.1.1.2.1.1"
senders = [{ application = "ICW_MPI" }, { application = "ICW-MPI" }]

[[authority]]
name = "khkn"
namespace = "KHKN"
universal_id = "2.16.840.1.113883.3.37.4.1.1.2.611.1"

[[authority]]
name = "hzln"
namespace = "HZLN"
universal_id = "2.16.840.1.113883.3.37.4.1.1.2.411.1"

[[authority]]
name = "xref"
namespace = "XREF2005"
universal_id = "1.3.6.1.4.1.21367.2005.1.2"

[[authority]]
name = "bcbs"
namespace = "BCBS"
universal_id = "2.999.7.1"
senders = [{ application = "Ntierprise" }]

[[authority]]
name = "sap"
namespace = "SAPISH"
universal_id = "2.999.7.3"
senders = [{ application = "SAP-ISH" }]

[[authority]]
name = "redox"
namespace = "MR"
universal_id = "2.999.7.4"
senders = [{ application = "REDOX" }]

[[authority]]
name = "adt1"
namespace = "ADT1"
universal_id = "2.999.7.5"
senders = [{ application = "ADT1" }]

[[authority]]
name = "good-health"
namespace = "test1"
universal_id = "2.16.1"
universal_id_type = "HCD"
uri = "urn:x-test:good-health"
senders = [{ application = "ADTApp" }]

[[authority]]
name = "one"
namespace = "1"
universal_id = "2.999.7.6"
senders = [{ application = "AccMgr" }]

[[authority]]
name = "ehr"
namespace = "EHRID"
universal_id = "2.999.7.7"

[[authority]]
name = "nist"
namespace = "NIST"
universal_id = "2.999.7.8"

[[authority]]
name = "affinity"
namespace = "IHENA"
universal_id = "1.3.6.1.4.1.21367.2010.1.2.300"
senders = [{ application = "OTHER_ICW" }]

[[authority]]
name = "local"
namespace = "IHELOCAL"
universal_id = "1.3.6.1.4.1.21367.2010.1.2.310"
senders = [{ application = "OTHER_ICW" }]

[mllp]
answer_asked_identifier = true

[[fhir.clients]]
name = "test_harness"
token_sha256 = "24e06511b719c8af6f6be0c9db4e48197437a475317285fc6b86e055b43818c4"
application = "TEST_HARNESS"

[[fhir.clients]]
name = "test_harness_a"
token_sha256 = "7b7ac524566fc29719428568a4b6b471aa31d0f7bf2da4393be72a6dc836d563"
application = "TEST_HARNESS_A"

[[fhir.clients]]
name = "test_harness_b"
token_sha256 = "fd6a1b4961f61682a64e2ecb81e7026d1130da09cd144ee040301a3b850dc44a"
application = "TEST_HARNESS_B"

[[fhir.clients]]
name = "ihe"
token_sha256 = "2703edd3f3ce3e03f30040609b5a10309b6b67fabe293bed4d32bb3a97e4b13e"
application = "IHE"
"#;

/// Every file of a kind, sorted.
fn files(root: &Path, kind: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root.join(kind)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    assert!(files.len() > 5);
    files
}

/// The code of an answer, its errors, and how a query fared.
fn told(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let mut words = Vec::new();
    for line in text.split('\r') {
        let field = |number: usize| line.split('|').nth(number).unwrap_or_default().to_owned();
        match line.split('|').next() {
            Some("MSA") => words.push(field(1)),
            Some("ERR") if field(1).is_empty() => {
                let code: String = field(3).chars().take(3).collect();
                words.push(format!("[{} {code} {}]", field(2), field(4)));
            }
            Some("ERR") => words.push(format!("[{}]", field(1))),
            Some("QAK") => words.push(field(2)),
            // Whose number it is, without the number.
            Some("PID") => {
                let owner = field(3).split_once('^').map_or(String::new(), |it| it.1.to_owned());
                words.push(format!("PID-3 of {}", owner.trim_start_matches('^')));
            }
            _ => {}
        }
    }
    words.join(" ")
}

/// Sends a request and gives its status and what the resource says in short.
fn ask(address: &str, client: &str, (method, path): (&str, &str), body: &str) -> String {
    let bearer = format!("Bearer {client}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/fhir+json")];
    let answer = http(address, method, &format!("/fhir/{path}"), &headers, body).unwrap();
    let resource: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let issue = resource["issue"][0]["code"].as_str().unwrap_or_default();
    let kind = resource["resourceType"].as_str().unwrap_or("-");
    format!("{} {kind} {issue}", answer.status).trim_end().to_owned()
}

/// How a resource of others is sent: as a message where it is one, else by its first identifier.
fn send_resource(address: &str, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let resource: serde_json::Value =
        serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
    if resource["resourceType"] == "Bundle" {
        let endpoint = resource["entry"][0]["resource"]["source"]["endpoint"].as_str().unwrap();
        let client = match endpoint.rsplit('/').next() {
            Some("test_harness_a") => "test_harness_a",
            Some("test_harness_b") => "test_harness_b",
            _ => "test_harness",
        };
        return ask(address, client, ("POST", "$process-message"), &text);
    }
    let identifier = &resource["identifier"][0];
    let (system, value) =
        (identifier["system"].as_str().unwrap(), identifier["value"].as_str().unwrap());
    let path = format!("Patient?identifier={system}%7C{value}");
    ask(address, "ihe", ("PUT", &path), &text)
}

#[test]
fn every_message_and_resource_of_others_is_answered_as_expected() {
    let Some(others) = third_party_folder("interop") else {
        return skipped("the messages and resources of others are not here");
    };
    let folder = Folder::new();
    let config = folder.write("server.toml", CONFIG);
    let arguments = ["--config", config.as_str(), "--mllp", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let mut server = Server::start_with(&folder.path("index"), &arguments, &[]);
    let mllp = server.also_at("serving HL7 v2 over MLLP on ");
    let web = server.pages().trim_start_matches("http://").to_owned();
    let mut table = String::new();
    let mut wire = Mllp::connect(&mllp);
    for file in files(&others, "hl7v2").into_iter().chain(files(&others, "fhir")) {
        let bytes = std::fs::read(&file).unwrap();
        let is_message = file.extension().is_none_or(|it| it != "json");
        let answer =
            if is_message { told(&wire.send(&bytes)) } else { send_resource(&web, &bytes) };
        let name: Vec<&str> = file.iter().rev().take(2).map(|it| it.to_str().unwrap()).collect();
        writeln!(table, "{}/{}: {answer}", name[1], name[0]).unwrap();
    }
    assert_eq!(server.stop().code, Some(0));
    expect_test::expect_file!["golden/interop.expected"].assert_eq(&table);
}
