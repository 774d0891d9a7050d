//! FHIR against the real server, by clients that others have written.

use empi_tests::{Folder, Server, client_of_others};

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
senders = [{ application = "REG", facility = "NORTH" }]

[[fhir.clients]]
name = "north"
token_sha256 = "TOKEN"
application = "REG"
facility = "NORTH"
"#;

/// SHA-256 of `secret`.
const TOKEN: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

#[test]
fn libraries_of_others_find_every_resource_valid() {
    for client in ["with_fhir_resources.py", "with_fhirpy.py"] {
        let Some(mut python) = client_of_others(client) else { return };
        let folder = Folder::new();
        let config = folder.write("server.toml", CONFIG.replace("TOKEN", TOKEN));
        let arguments = ["--config", config.as_str(), "--http", "127.0.0.1:0"];
        let server = Server::start_with(&folder.path("index"), &arguments, &[]);
        let web = server.pages().trim_start_matches("http://").to_owned();
        let run = python.arg(&web).output().unwrap();
        assert!(run.status.success(), "{client}: {}", String::from_utf8_lossy(&run.stderr));
        assert_eq!(String::from_utf8_lossy(&run.stdout).trim(), "agreed", "{client}");
        assert_eq!(server.stop().code, Some(0));
    }
}
