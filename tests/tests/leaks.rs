//! Values planted in messages of HL7 and FHIR, in forms and in addresses, at the most talkative log there is: they stand in
//! no log line, no metric and no line of the audit trail.

use empi_tests::{Folder, Mllp, Server, add_user, empi, http};

const CONFIG: &str = r#"
[[authority]]
name = "north"
namespace = "NORTH"
universal_id = "2.999.1.1"
senders = [{ application = "REG", facility = "NORTH" }]

[[fhir.clients]]
name = "north"
token_sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
application = "REG"
facility = "NORTH"
"#;

/// What must not be found, in small letters.
const FORBIDDEN: [&str; 6] =
    ["zqx", "219-84-7316", "219847316", "1907-03-21", "19070321", "5558642"];

/// Secrets that were sent: a token of a client, one that is none, a password that is wrong.
const SECRETS: [&str; 3] = ["bearer secret", "madeuptoken", "madeuppassword"];

#[track_caller]
fn assert_nothing_leaks(place: &str, text: &str) {
    let lower = text.to_lowercase();
    for forbidden in FORBIDDEN.iter().chain(&SECRETS) {
        if let Some(at) = lower.find(forbidden) {
            let from = (0..=at.saturating_sub(200)).rev().find(|it| lower.is_char_boundary(*it));
            panic!("{place}: `{forbidden}` after …{}", &lower[from.unwrap_or(0)..at]);
        }
    }
}

const PID: &str = "ZQXFAMILY^ZQXGIVEN^N||19070321|F|||8642 ZQXSTREET^^ZQXCITY^IL^62701||6175558642||||||219-84-7316";

fn messages(address: &str) {
    let mut sender = Mllp::connect(address);
    let adt = |sender: &str, event: &str, pid: &str| {
        format!(
            "MSH|^~\\&|{sender}|MPI|HIE|2026||ADT^{event}|ZQX-{event}|P|2.5\nEVN||2026\n{pid}\n"
        )
    };
    let pid = |id: &str| format!("PID|||{id}||{PID}");
    for (from, event, segments) in [
        ("REG|NORTH", "A04", pid("ZQX1^^^NORTH")),
        ("REG|NORTH", "A08", pid("ZQX1^^^NORTH")),
        ("REG|NORTH", "A04", pid("ZQX1^^^ZQXNOWHERE")),
        ("ZQXAPP|ZQXFAC", "A04", pid("ZQX2^^^NORTH")),
        ("REG|NORTH", "A99", pid("ZQX1^^^NORTH")),
        ("REG|NORTH", "A40", format!("{}\nMRG|ZQX9^^^NORTH", pid("ZQX1^^^NORTH"))),
        ("REG|NORTH", "A24", format!("{}\n{}", pid("ZQX1^^^NORTH"), pid("ZQX7^^^NORTH"))),
        ("REG|NORTH", "A04", "ZQX|broken".to_owned()),
    ] {
        let _ = sender.ask(&adt(from, event, &segments));
    }
    let _ = sender.ask("MSH|^~\\&|REG|NORTH|MPI|HIE|2026||QBP^Q23|ZQXQ|P|2.5\nQPD|IHE PIX Query|T|ZQX1^^^NORTH\nRCP|I\n");
    let _ = sender.ask("MSH|^~\\&|REG|NORTH|MPI|HIE|2026||QBP^Q22|ZQXQ|P|2.5\nQPD|IHE PDQ Query|T|@PID.5.1.1^ZQXFAMILY~@PID.7^19070321\nRCP|I\n");
    let _ = sender.send(b"\xff\xfe zqx no message");
}

fn requests(pages: &str) {
    let patient = r#"{"resourceType":"Patient","identifier":[{"system":"urn:oid:2.999.1.1","value":"ZQXF1"}],"name":[{"family":"Zqxfamily","given":["Zqxgiven"]}],"birthDate":"1907-03-21","telecom":[{"system":"phone","value":"6175558642"}]}"#;
    let json = ("Content-Type", "application/fhir+json");
    for token in ["Bearer secret", "Bearer madeuptoken"] {
        let headers = [("Authorization", token), json, ("X-Request-Id", "zqx-request")];
        for (method, path, body) in [
            ("PUT", "/fhir/Patient?identifier=urn:oid:2.999.1.1%7CZQXF1", patient),
            ("POST", "/fhir/Patient", patient),
            ("POST", "/fhir/Patient/$match", patient),
            ("GET", "/fhir/Patient?family=zqxfamily&birthdate=1907-03-21", ""),
            ("GET", "/fhir/Patient/zqxperson", ""),
            ("GET", "/fhir/Patient/$ihe-pix?sourceIdentifier=urn:oid:2.999.1.1%7CZQXF1", ""),
            ("POST", "/fhir/Patient/$merge", patient),
            ("POST", "/fhir/$process-message", patient),
            ("POST", "/fhir/Patient", "{\"resourceType\": \"Zqxbroken"),
            ("GET", "/fhir/zqxnothing", ""),
            ("DELETE", "/fhir/Patient?identifier=urn:oid:2.999.1.1%7CZQXNONE", ""),
        ] {
            let answer = http(pages, method, path, &headers, body).unwrap();
            if answer.status >= 400 {
                assert_nothing_leaks(&format!("{method} {path}"), &answer.body);
            }
        }
    }
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let here = ("Sec-Fetch-Site", "same-origin");
    for (method, path, body) in [
        ("POST", "/sign-in", "name=ines&password=madeuppassword"),
        ("POST", "/sign-in", "name=zqxsecretname&password=madeuppassword"),
        ("POST", "/search", "text=zqxfamily"),
        ("GET", "/persons/zqxperson", ""),
        ("GET", "/zqxnowhere?zqx=1", ""),
    ] {
        let _ = http(pages, method, path, &[form, here], body).unwrap();
    }
}

#[test]
fn no_interface_leaks_at_the_most_talkative_log() {
    let folder = Folder::new();
    let data = folder.path("index");
    add_user(&data, "ines", "steward");
    let config = folder.write("server.toml", CONFIG);
    let arguments = ["--config", config.as_str(), "--mllp", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let trace = [("EMPI_LOG", "trace"), ("RUST_LOG", "trace")];
    let mut server = Server::start_with(&data, &arguments, &trace);
    let address = server.also_at("serving HL7 v2 over MLLP on ");
    let pages = server.pages().trim_start_matches("http://").to_owned();
    messages(&address);
    requests(&pages);
    let figures = http(&pages, "GET", "/metrics", &[], "").unwrap();
    assert_eq!(figures.status, 200);
    assert_nothing_leaks("/metrics", &figures.body);
    let run = server.stop();
    assert_eq!(run.code, Some(0));
    assert!(run.stderr.contains("TRACE"), "the log is as talkative as can be");
    assert_nothing_leaks("the log", &run.stderr);
    let trail = folder.path("trail.ndjson");
    let _ = empi(&["audit", "export", "--data", &data, "--out", &trail]).succeeded();
    let trail = folder.read("trail.ndjson");
    assert!(trail.lines().count() > 10);
    // Of a sender whom nobody knows the trail keeps the name that it gives itself, and nothing else of a message.
    assert_nothing_leaks("the trail", &trail.replace("ZQXAPP|ZQXFAC", ""));
}
