//! TLS of the real program: who starts, who is let in, and that new certificates need no restart.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use empi_tests::{CertificateAuthority, CertificateFiles, Folder, Run, Server, empi, skipped};

/// The engine's certificate is known on every interface; files are looked at each second.
const CONFIG: &str = r#"
[tls]
reload_seconds = 1

[[authority]]
name = "north"
namespace = "NORTH"
universal_id = "2.999.1.1"
senders = [{ application = "REG", facility = "NORTH" }]

[[fhir.clients]]
name = "engine"
certificate = "engine.example"
application = "REG"
facility = "NORTH"
"#;

struct Site {
    folder: Folder,
    servers: CertificateAuthority,
    clients: CertificateAuthority,
    server: CertificateFiles,
    engine: CertificateFiles,
    servers_file: String,
    clients_file: String,
}

impl Site {
    fn new() -> Self {
        let folder = Folder::new();
        let servers = CertificateAuthority::new("servers");
        let clients = CertificateAuthority::new("clients");
        Self {
            server: servers.issue(&folder, "server", "localhost", 4000),
            engine: clients.issue(&folder, "engine", "engine.example", 4000),
            servers_file: servers.save(&folder, "servers.pem"),
            clients_file: clients.save(&folder, "clients.pem"),
            folder,
            servers,
            clients,
        }
    }

    /// Serves at an address with the server's certificate and these arguments.
    fn serve(&self, address: &str, arguments: &[&str]) -> Result<Server, Run> {
        let data = self.folder.path("data");
        let config = self.folder.write("server.toml", CONFIG);
        let always = ["--data", &data, "--grpc", address, "--config", &config];
        let tls = ["--tls-cert", &self.server.certificate, "--tls-key", &self.server.key];
        Server::try_start(&[&always[..], &tls, arguments].concat(), &[])
    }

    /// Runs a client command as somebody with this certificate, if any.
    fn ask(&self, server: &Server, own: Option<&CertificateFiles>, arguments: &[&str]) -> Run {
        let port = server.address().rsplit_once(':').expect("an address has a port").1;
        let url = format!("https://localhost:{port}");
        let mut all = vec!["review", "stats", "--server", &url];
        if let Some(CertificateFiles { certificate, key }) = own {
            all.extend(["--tls-cert", certificate, "--tls-key", key]);
        }
        all.extend(arguments);
        empi(&all)
    }
}

#[test]
fn other_machines_are_let_in_with_certificates_and_everybody_else_is_told_why_not() {
    let site = Site::new();
    let server = site.serve("0.0.0.0:0", &["--tls-client-ca", &site.clients_file]);
    let server = server.expect("an address with certificates on both sides needs no flag");
    let trust = ["--tls-ca", site.servers_file.as_str()];
    let _ = site.ask(&server, Some(&site.engine), &trust).succeeded();

    let strangers = CertificateAuthority::new("strangers");
    for (whose, label) in [
        (None, "no_certificate"),
        (Some((&site.clients, "engine.example", 2001)), "expired"),
        (Some((&strangers, "engine.example", 4000)), "unknown_authority"),
        (Some((&site.clients, "somebody.example", 4000)), "unknown_caller"),
    ] {
        let own = whose
            .map(|(authority, name, until)| authority.issue(&site.folder, "other", name, until));
        let run = site.ask(&server, own.as_ref(), &trust);
        assert_eq!(run.code, Some(1), "{label}: {}", run.stderr);
    }
    let nobody = site.ask(&server, None, &trust);
    nobody.failed(1, &["wants to see a certificate"]);

    // The program is as careful about the server.
    site.ask(&server, Some(&site.engine), &["--tls-ca", &site.clients_file])
        .failed(1, &["not among those named"]);
    site.ask(&server, Some(&site.engine), &[&trust[..], &["--tls-name", "elsewhere"]].concat())
        .failed(1, &["for another name"]);
    site.ask(&server, Some(&site.engine), &[]).failed(2, &["--tls-ca"]);
    server.empi(&["review", "stats"]).failed(1, &[]);

    let log = server.stop();
    assert_eq!(log.code, Some(0));
    for label in [
        "no_certificate",
        "expired",
        "unknown_authority",
        "unknown_caller",
        "not_accepted",
        "plain_text",
    ] {
        assert!(log.stderr.contains(label), "{label} in\n{}", log.stderr);
    }
    assert!(log.stderr.contains("somebody.example"), "an unknown caller is named:\n{}", log.stderr);
    assert!(!log.stderr.contains("INSECURE"), "{}", log.stderr);
}

#[test]
fn what_is_not_secure_or_cannot_be_used_does_not_start() {
    let site = Site::new();
    let refused = |address: &str, arguments: &[&str]| match site.serve(address, arguments) {
        Ok(server) => panic!("it serves on {}", server.address()),
        Err(run) => run,
    };
    // Encrypted, but anybody may call.
    refused("0.0.0.0:0", &[]).failed(1, &["without a certificate", "--insecure-allow-remote"]);
    refused("127.0.0.1:0", &["--tls-client-ca", "/no/such/file"]).failed(1, &["/no/such/file"]);
    refused("127.0.0.1:0", &["--tls-client-crl", &site.clients_file])
        .failed(1, &["tls.client_authorities"]);
    let _ = site.servers.issue(&site.folder, "server", "localhost", 2001);
    refused("127.0.0.1:0", &[]).failed(1, &["server.pem", "has expired"]);
    assert!(!site.folder.has("data"), "no store was made");
}

#[test]
fn a_new_certificate_is_shown_without_a_restart_and_a_wrong_one_never() {
    let site = Site::new();
    let server = site.serve("127.0.0.1:0", &[]).expect("it serves");
    let others = CertificateAuthority::new("others");
    let others_file = others.save(&site.folder, "others.pem");
    let ask = |authority: &str| site.ask(&server, None, &["--tls-ca", authority]).code;
    assert_eq!((ask(&site.servers_file), ask(&others_file)), (Some(0), Some(1)));
    let _ = site.folder.write("server.pem", "no certificate");
    assert_eq!(ask(&site.servers_file), Some(0));
    let _ = others.issue(&site.folder, "server", "localhost", 4000);
    // The server looks at its files each second; each question here takes a while of its own.
    let began = Instant::now();
    while ask(&others_file) != Some(0) {
        assert!(began.elapsed() < Duration::from_secs(60), "the new certificate is never shown");
    }
    assert_eq!(ask(&site.servers_file), Some(1));
    assert_eq!(server.stop().code, Some(0));
}

/// Asks `/livez` over TLS, by another implementation of it: prints the version and the status, or the error.
const CLIENT: &str = r"
import http.client, ssl, sys, warnings
warnings.simplefilter('ignore')
port, authorities, most, certificate, key = sys.argv[1:6]
context = ssl.create_default_context(cafile=authorities)
context.set_ciphers('DEFAULT:@SECLEVEL=0')
context.minimum_version = ssl.TLSVersion.TLSv1
context.maximum_version = getattr(ssl.TLSVersion, most)
context.load_cert_chain(certificate, key)
client = http.client.HTTPSConnection('localhost', int(port), context=context, timeout=60)
try:
    client.connect()
    version = client.sock.version()
    client.request('GET', '/livez')
    print(version, client.getresponse().status)
except ssl.SSLError as error:
    print(error.reason)
";

#[test]
fn another_implementation_of_tls_agrees_on_what_is_spoken() {
    let site = Site::new();
    let arguments = ["--http", "127.0.0.1:0", "--tls-client-ca", &site.clients_file];
    let server = site.serve("127.0.0.1:0", &arguments).expect("it serves");
    let port = server.pages().rsplit_once(':').expect("an address has a port").1.to_owned();
    assert!(server.pages().starts_with("https://"), "{}", server.pages());
    for (most, said) in
        [("TLSv1_3", "TLSv1.3 200"), ("TLSv1_2", "TLSv1.2 200"), ("TLSv1_1", "ALERT")]
    {
        let CertificateFiles { certificate, key } = &site.engine;
        let asked = Command::new("python3")
            .args(["-c", CLIENT, &port, &site.servers_file, most, certificate, key])
            .stdin(Stdio::null())
            .output();
        let Ok(output) = asked else { return skipped("python3 is not installed") };
        let answer = String::from_utf8_lossy(&output.stdout);
        assert!(
            answer.contains(said),
            "{most}: {answer}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(server.stop().code, Some(0));
}
