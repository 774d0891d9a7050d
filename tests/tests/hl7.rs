//! HL7 version 2 and FHIR against the real server: clients of others, crowds, broken senders, and restarts.

use empi_tests::{Folder, Mllp, Server, client_of_others};

/// Two hospitals and their senders.
const CONFIG: &str = r#"
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

[mllp]
connections_max = 1000

[fhir]
insecure_allow_anonymous = true
"#;

/// A server with both interfaces, and where it takes messages.
fn started(folder: &Folder) -> (Server, String) {
    let config = folder.write("server.toml", CONFIG);
    let arguments = ["--config", config.as_str(), "--mllp", "127.0.0.1:0"];
    let mut server = Server::start_with(&folder.path("index"), &arguments, &[]);
    let address = server.also_at("serving HL7 v2 over MLLP on ");
    (server, address)
}

fn register(facility: &str, identifier: &str, control: &str) -> String {
    format!(
        "MSH|^~\\&|REG|{facility}|MPI|HIE|20260301101500||ADT^A04|{control}|P|2.3.1\nEVN||20260301\n\
         PID|||{identifier}^^^{facility}||OKAFOR^AMARA^N||19850214|F|||12 ELM ST^^SPRINGFIELD^IL^62701||2175550123||||||457-12-9983\n"
    )
}

fn pix(identifier: &str) -> String {
    format!(
        "MSH|^~\\&|PORTAL|HIE|MPI|HIE|2026||QBP^Q23^QBP_Q21|Q|P|2.5\nQPD|IHE PIX Query|T|{identifier}\nRCP|I\n"
    )
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let folder = Folder::new();
    let (server, address) = started(&folder);
    let mut north = Mllp::connect(&address);
    assert!(north.ask(&register("NORTH", "1", "A")).contains("\nMSA|AA|A\n"));
    assert!(north.ask(&register("SOUTH", "S1", "B")).contains("\nMSA|AA|B\n"));
    server.kill();
    let (server, address) = started(&folder);
    let mut portal = Mllp::connect(&address);
    let answer = portal.ask(&pix("1^^^NORTH"));
    assert!(answer.contains("PID|||S1^^^SOUTH&2.999.1.2&ISO"), "{answer}");
    // The message of before is answered as before, and nothing changes.
    assert!(portal.ask(&register("NORTH", "1", "A")).contains("\nMSA|AA|A\n"));
    let run = server.stop();
    assert_eq!(run.code, Some(0));
    for value in ["OKAFOR", "AMARA", "457-12-9983", "2175550123"] {
        assert!(!run.stderr.contains(value), "the log names a patient");
    }
}

#[test]
fn a_thousand_connections_are_served_and_broken_ones_harm_nobody() {
    let folder = Folder::new();
    let (server, address) = started(&folder);
    let mut crowd: Vec<Mllp> = (0..990).map(|_| Mllp::connect(&address)).collect();
    for (at, one) in crowd.iter_mut().enumerate() {
        // Many people, of whom little is known.
        let letters: String =
            format!("{at:03}").bytes().map(|it| char::from(it - b'0' + b'A')).collect();
        let message = format!(
            "MSH|^~\\&|REG|NORTH|MPI|HIE|2026||ADT^A28|C{at}|P|2.5\nEVN||2026\nPID|||N{at}^^^NORTH||FAMILY{letters}^AMARA\n"
        );
        one.write(&framed(&message));
    }
    for (at, one) in crowd.iter_mut().enumerate() {
        let answer = String::from_utf8(one.answer().unwrap()).unwrap();
        assert!(answer.contains(&format!("MSA|AA|C{at}\r")), "{answer}");
    }
    // A frame that breaks off, and a field of ten megabytes.
    let mut truncated = Mllp::connect(&address);
    truncated.write(b"\x0BMSH|^~\\&|REG|NORTH");
    drop(truncated);
    let mut huge = Mllp::connect(&address);
    let field = "X".repeat(10 << 20);
    let sent = std::thread::spawn(move || {
        let message =
            format!("\x0BMSH|^~\\&|REG|NORTH|||2026||ADT^A04|H|P|2.5\rPID|||{field}\x1C\r");
        huge.write_as_far_as_read(message.as_bytes());
        huge.answer()
    });
    assert_eq!(sent.join().unwrap(), None);
    let mut portal = Mllp::connect(&address);
    for at in 0..990 {
        let answer = portal.ask(&pix(&format!("N{at}^^^NORTH")));
        assert!(answer.contains("\nMSA|AA|Q\n"), "{answer}");
    }
    drop(crowd);
    assert_eq!(server.stop().code, Some(0));
}

fn framed(text: &str) -> Vec<u8> {
    [b"\x0B", text.replace('\n', "\r").as_bytes(), b"\x1C\r"].concat()
}

#[test]
fn mllp_without_authorities_is_refused() {
    let folder = Folder::new();
    let data = folder.path("index");
    let arguments = ["--data", &data, "--grpc", "127.0.0.1:0", "--mllp", "127.0.0.1:0"];
    let run = Server::try_start(&arguments, &[]).unwrap_err();
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("[[authority]]"), "{}", run.stderr);
}

/// Clients of other authors find everything as they expect it: each builds and reads the messages by its own
/// library.
#[test]
fn libraries_of_others_register_find_and_merge_patients() {
    for client in ["with_hl7apy.py", "with_python_hl7.py"] {
        let Some(mut python) = client_of_others(client) else { return };
        let folder = Folder::new();
        let (server, address) = started(&folder);
        let run = python.arg(&address).output().unwrap();
        let errors = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{client}: {errors}");
        assert_eq!(String::from_utf8_lossy(&run.stdout).trim(), "agreed", "{client}");
        assert_eq!(server.stop().code, Some(0));
    }
}
