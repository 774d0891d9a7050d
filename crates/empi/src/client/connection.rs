//! Finding the server and speaking with it.

use std::error::Error;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use empi_proto::v1::account_service_client::AccountServiceClient;
use empi_proto::v1::admin_service_client::AdminServiceClient;
use empi_proto::v1::audit_service_client::AuditServiceClient;
use empi_proto::v1::emergency_service_client::EmergencyServiceClient;
use empi_proto::v1::event_service_client::EventServiceClient;
use empi_proto::v1::oversight_service_client::OversightServiceClient;
use empi_proto::v1::registry_service_client::RegistryServiceClient;
use empi_proto::v1::review_service_client::ReviewServiceClient;
use empi_proto::v1::steward_service_client::StewardServiceClient;
use empi_server::{Outgoing, OutgoingConfig, OutgoingError};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::cli::UsageError;
use crate::clock::SystemClock;

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// Names the file of the token where no argument does: a token itself never stands in the environment.
const TOKEN_FILE_VARIABLE: &str = "EMPI_TOKEN_FILE";

/// A person with very many records is a large answer; beyond this the server is broken.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Which server, and how to print its answers.
#[derive(clap::Args)]
pub(crate) struct ServerArgs {
    /// The server: HOST:PORT or a URL
    #[arg(long, global = true, value_name = "ADDR", default_value = "127.0.0.1:7311")]
    server: String,
    /// The file that holds the token of a service account; without it, the file that EMPI_TOKEN_FILE names
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// With an https URL: who vouches for the server's certificate
    #[arg(long, global = true, value_name = "FILE.pem")]
    tls_ca: Option<PathBuf>,
    /// The certificate to show, and those that vouch for it
    #[arg(long, global = true, value_name = "FILE.pem")]
    tls_cert: Option<PathBuf>,
    /// Its private key
    #[arg(long, global = true, value_name = "FILE.pem")]
    tls_key: Option<PathBuf>,
    /// The name that the server's certificate is for, where it is another than the host of the URL
    #[arg(long, global = true, value_name = "NAME")]
    tls_name: Option<String>,
    /// Print each answer as one line of JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// An open connection.
pub(crate) struct Server {
    line: Line,
}

/// A connection that shows a token with every call, where there is one.
type Line = InterceptedService<Channel, Credentials>;

/// What is shown with every call.
#[derive(Clone)]
pub(crate) struct Credentials(Option<MetadataValue<Ascii>>);

impl Interceptor for Credentials {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        if let Some(bearer) = &self.0 {
            request.metadata_mut().insert("authorization", bearer.clone());
        }
        Ok(request)
    }
}

impl Credentials {
    /// Reads the token of a file; without one, of the file that the environment names, if it does.
    fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let named = std::env::var_os(TOKEN_FILE_VARIABLE).map(PathBuf::from);
        let Some(file) = file.map(Path::to_owned).or(named) else { return Ok(Self(None)) };
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read the token in {}", file.display()))?;
        let bearer = MetadataValue::try_from(format!("Bearer {}", text.trim()));
        let mut bearer =
            bearer.map_err(|_| anyhow!("{} holds no token: one line of text", file.display()))?;
        bearer.set_sensitive(true);
        Ok(Self(Some(bearer)))
    }
}

impl ServerArgs {
    /// Connects, or says what to start.
    pub(crate) async fn connect(&self) -> anyhow::Result<Server> {
        let url = url_of(&self.server)?;
        let endpoint = Endpoint::from_shared(url.clone())
            .map_err(|_| bad_address(&self.server))?
            .connect_timeout(CONNECT_TIME_MAX);
        let credentials = Credentials::read(self.token_file.as_deref())?;
        let connected = match url.strip_prefix("https://") {
            None => endpoint.connect().await,
            Some(address) => {
                let outgoing = self.outgoing()?;
                outgoing.channel(endpoint, address.trim_end_matches('/').to_owned()).await
            }
        };
        let channel = connected.map_err(|error| {
            anyhow!(
                "no server answers at {} ({}): start one with `empi serve --data DIR`, or \
                 name another with --server",
                self.server,
                cause(&error)
            )
        })?;
        Ok(Server { line: InterceptedService::new(channel, credentials) })
    }

    /// What this program shows of itself, and whom it takes for the server.
    fn outgoing(&self) -> anyhow::Result<Outgoing> {
        let Some(authorities) = self.tls_ca.clone() else {
            return Err(UsageError::new(
                "an https URL needs --tls-ca, the file of those who vouch for the server's certificate",
            )
            .into());
        };
        let own = match (self.tls_cert.clone(), self.tls_key.clone()) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificate, key)),
            _ => return Err(UsageError::new("--tls-cert and --tls-key go together").into()),
        };
        let config = OutgoingConfig { authorities, name: self.tls_name.clone() };
        Ok(Outgoing::load(&config, own, Arc::new(SystemClock))?)
    }
}

impl Server {
    pub(crate) fn registry(&self) -> RegistryServiceClient<Line> {
        RegistryServiceClient::new(self.line.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn steward(&self) -> StewardServiceClient<Line> {
        StewardServiceClient::new(self.line.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn oversight(&self) -> OversightServiceClient<Line> {
        OversightServiceClient::new(self.line.clone())
    }

    pub(crate) fn accounts(&self) -> AccountServiceClient<Line> {
        AccountServiceClient::new(self.line.clone())
    }

    pub(crate) fn audit(&self) -> AuditServiceClient<Line> {
        AuditServiceClient::new(self.line.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn emergencies(&self) -> EmergencyServiceClient<Line> {
        EmergencyServiceClient::new(self.line.clone())
    }

    pub(crate) fn admin(&self) -> AdminServiceClient<Line> {
        AdminServiceClient::new(self.line.clone())
    }

    pub(crate) fn events(&self) -> EventServiceClient<Line> {
        EventServiceClient::new(self.line.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn review(&self) -> ReviewServiceClient<Line> {
        ReviewServiceClient::new(self.line.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }
}

/// Runs one command's conversation to its end.
pub(crate) fn converse(
    conversation: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(conversation)
}

/// The server's own sentence. A status that the transport made gets one that says what it means.
pub(crate) fn refusal(status: &Status) -> anyhow::Error {
    match (status.code(), status.source()) {
        (Code::Unknown | Code::Unavailable | Code::Cancelled, Some(error)) => {
            // A connection that was made again and broke again may say why.
            match turned_away(error) {
                Some(why) => anyhow!("the server takes no call ({why})"),
                None => anyhow!(
                    "the connection to the server broke: what was not answered may or may not be durable, \
                     so send it again"
                ),
            }
        }
        _ if status.message().is_empty() => {
            anyhow!("the server refused without a reason ({:?})", status.code())
        }
        _ => anyhow!("{}", status.message()),
    }
}

/// An answer that lacks what the contract says it has.
pub(crate) fn incomplete() -> anyhow::Error {
    anyhow!("the server's answer is incomplete: is it of another version than this program?")
}

/// What TLS or the system said, below what each layer made of it.
fn cause(error: &(dyn Error + 'static)) -> String {
    turned_away(error).unwrap_or_else(|| {
        let mut last = error;
        while let Some(source) = last.source() {
            last = source;
        }
        last.to_string()
    })
}

/// What TLS said, if it did.
fn turned_away(error: &(dyn Error + 'static)) -> Option<String> {
    let own = error.downcast_ref::<OutgoingError>().map(OutgoingError::to_string);
    own.or_else(|| error.source().and_then(turned_away))
}

fn url_of(address: &str) -> Result<String, UsageError> {
    if address.starts_with("http://") || address.starts_with("https://") {
        return Ok(address.to_owned());
    }
    match address.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(format!("http://{address}"))
        }
        _ => Err(bad_address(address)),
    }
}

fn bad_address(address: &str) -> UsageError {
    UsageError::new(format!(
        "--server {address} is no address: write HOST:PORT, or a URL of http or https"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port_or_a_url() {
        for (address, url) in [
            ("127.0.0.1:7311", Some("http://127.0.0.1:7311")),
            ("[::1]:7311", Some("http://[::1]:7311")),
            ("http://index.example:80", Some("http://index.example:80")),
            ("https://index.example:7311", Some("https://index.example:7311")),
            ("index.example", None),
            (":7311", None),
            ("host:port", None),
        ] {
            assert_eq!(url_of(address).ok().as_deref(), url, "{address}");
        }
    }

    #[test]
    fn the_servers_sentence_is_passed_on() {
        let sentence = refusal(&Status::not_found("no such person")).to_string();
        assert_eq!(sentence, "no such person");
    }
}
