//! A running `empi serve`: started, spoken with, stopped politely or killed.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use empi_proto::v1::admin_service_client::AdminServiceClient;
use empi_proto::v1::event_service_client::EventServiceClient;
use empi_proto::v1::registry_service_client::RegistryServiceClient;
use empi_proto::v1::review_service_client::ReviewServiceClient;
use empi_proto::v1::{StatsRequest, StatsResponse};
use tonic::transport::{Channel, Endpoint};

use crate::binary::binary;
use crate::{Desk, Run, Steward, empi};

/// What the server prints, before the address, when it answers calls.
const READY: &str = "serving gRPC on ";

/// What it prints then, before the address of its web pages, if it has any.
const PAGES: &str = "serving web pages on ";

/// Starts a program that can make no file longer than so many blocks of 512 bytes: writing on fails, as
/// on a full disk, and the signal that would end the process is ignored.
const WITH_SHORT_FILES: &str = r#"trap "" XFSZ; ulimit -f "$1"; shift; exec "$@""#;

/// A server process. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: String,
    pages: Option<String>,
    stdout: BufReader<ChildStdout>,
    /// Reads the log to its end, so that the server never waits for a reader.
    log: Option<JoinHandle<String>>,
}

impl Server {
    /// Serves a data directory on a free port of the loopback address.
    #[must_use]
    #[track_caller]
    pub fn start(data: &str) -> Self {
        Self::start_with(data, &[], &[])
    }

    /// The same, with web pages on another free port.
    #[must_use]
    #[track_caller]
    pub fn start_with_pages(data: &str, arguments: &[&str]) -> Self {
        Self::start_with(data, &[&["--http", "127.0.0.1:0"], arguments].concat(), &[])
    }

    /// The same with more arguments and environment variables.
    #[must_use]
    #[track_caller]
    pub fn start_with(data: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let always = ["--data", data, "--grpc", "127.0.0.1:0"];
        match Self::try_start(&[&always, arguments].concat(), variables) {
            Ok(server) => server,
            Err(run) => panic!("the server did not start:\n{}", run.stderr),
        }
    }

    /// Runs `empi serve` with these arguments until it answers calls, or until it gives up. It has web pages
    /// only if an argument says where.
    ///
    /// # Errors
    /// The run of a server that ended without serving.
    pub fn try_start(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Self, Run> {
        Self::try_run(Command::new(binary()), arguments, variables)
    }

    /// Serves a data directory on a disk that takes no more as soon as one file has so many kibibytes.
    ///
    /// # Errors
    /// The run of a server that ended without serving.
    pub fn try_start_with_files_up_to(data: &str, file_kib_max: u32) -> Result<Self, Run> {
        let mut command = Command::new("sh");
        let blocks = (2 * file_kib_max).to_string();
        command.args(["-c", WITH_SHORT_FILES, "sh", &blocks]).arg(binary());
        Self::try_run(command, &["--data", data, "--grpc", "127.0.0.1:0"], &[])
    }

    fn try_run(
        mut command: Command,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Self, Run> {
        let has_pages = arguments.contains(&"--http");
        let mut child = command
            .arg("serve")
            .args(arguments)
            .args((!has_pages).then_some("--no-http"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("empi starts");
        let mut stderr = child.stderr.take().expect("stderr is piped");
        let log = std::thread::spawn(move || {
            let mut log = Vec::new();
            // A log that breaks off is still the log.
            let _ = stderr.read_to_end(&mut log);
            String::from_utf8_lossy(&log).into_owned()
        });
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut server =
            Self { child, address: String::new(), pages: None, stdout, log: Some(log) };
        let mut line = String::new();
        server.stdout.read_line(&mut line).expect("the server prints UTF-8");
        match line.trim_end().strip_prefix(READY) {
            Some(address) => {
                server.address = address.to_owned();
                if has_pages {
                    let mut line = String::new();
                    server.stdout.read_line(&mut line).expect("the server prints UTF-8");
                    server.pages = line.trim_end().strip_prefix(PAGES).map(str::to_owned);
                }
                Ok(server)
            }
            None => Err(server.ended(line)),
        }
    }

    /// Where it serves: host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where else it serves: what it printed after these words, on one of the lines after the first.
    #[must_use]
    #[track_caller]
    pub fn also_at(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.stdout.read_line(&mut line).expect("the server prints UTF-8");
            assert!(read > 0, "the server never said: {words}");
            if let Some(address) = line.trim_end().strip_prefix(words) {
                return address.to_owned();
            }
        }
    }

    /// Where its web pages are: `http://`, host and port.
    #[must_use]
    #[track_caller]
    pub fn pages(&self) -> &str {
        self.pages.as_deref().expect("it was started with pages")
    }

    /// A new connection.
    pub async fn connect(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address));
        let endpoint = endpoint.expect("host and port make a URL");
        endpoint.connect().await.expect("the server takes connections")
    }

    /// A registration desk with a connection of its own.
    pub async fn desk(&self) -> Desk {
        Desk::new(self.registry().await)
    }

    /// A data steward with a connection of their own.
    pub async fn steward(&self) -> Steward {
        Steward::new(ReviewServiceClient::new(self.connect().await))
    }

    /// The feed of events.
    pub async fn events(&self) -> EventServiceClient<Channel> {
        EventServiceClient::new(self.connect().await)
    }

    /// The bare client, for calls that no honest desk would make.
    pub async fn registry(&self) -> RegistryServiceClient<Channel> {
        RegistryServiceClient::new(self.connect().await)
    }

    /// The client for operators.
    pub async fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.connect().await)
    }

    /// What the index holds.
    pub async fn stats(&self) -> StatsResponse {
        let mut admin = self.admin().await;
        admin.stats(StatsRequest {}).await.expect("the server counts").into_inner()
    }

    /// Runs a client command of `empi` against this server.
    #[must_use]
    pub fn empi(&self, arguments: &[&str]) -> Run {
        empi(&[arguments, &["--server", &self.address]].concat())
    }

    /// Kills it as a power cut would, as far as the process is concerned: SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("a killed server ends");
    }

    /// Asks it to stop, as service managers do: SIGTERM.
    pub fn terminate(&self) {
        let command = format!("kill -TERM {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &command]).status().expect("a shell is there");
        assert!(sent.success(), "the server runs");
    }

    /// Waits until it has ended by itself.
    #[must_use]
    pub fn wait(self) -> Run {
        self.ended(String::new())
    }

    /// Asks it to stop and waits until it has.
    #[must_use]
    pub fn stop(self) -> Run {
        self.terminate();
        self.wait()
    }

    fn ended(mut self, mut printed: String) -> Run {
        self.stdout.read_to_string(&mut printed).expect("the server prints UTF-8");
        let status = self.child.wait().expect("the server ends");
        let log = self.log.take().expect("a server is waited for once");
        Run {
            code: status.code(),
            stdout: printed,
            stderr: log.join().expect("the log is read to its end"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of the loopback address that somebody else has, for as long as the listener lives.
#[must_use]
pub fn occupied_port() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback address has free ports");
    let address = listener.local_addr().expect("a bound socket has an address").to_string();
    (listener, address)
}
