//! `empi serve`: an index on its data directory, over gRPC and as web pages, until it is told to stop.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use empi_formats::TruthReader;
use empi_linkage::LinkageModel;
use empi_registry::{DataDir, Registry, RegistryOptions};
use empi_server::{
    Interface, Listener, Listeners, Practice, ServerConfig, ShownBy, Tls, TlsConfig,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::clock::SystemClock;
use crate::log;
use crate::master_key::{MasterKeyArgs, NextKeyArgs};
use crate::output::Output;

/// How long calls that were broken off may still hold the store before the program ends anyway. Only
/// what was acknowledged has to be on disk, and that it is.
const LAST_CALLS_TIME_MAX: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory of the index; made when it does not exist
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where to serve gRPC; port 0 takes a free port and prints it
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7311", value_parser = address_of)]
    grpc: SocketAddr,
    /// Where to serve the web pages of data stewards; port 0 takes a free port and prints it, and an empty
    /// address serves none
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7312", value_parser = pages_of)]
    http: Pages,
    /// Serve no web pages
    #[arg(long)]
    no_http: bool,
    /// Where to take HL7 version 2 messages over MLLP; the configuration names the assigning authorities
    #[arg(long, value_name = "ADDR", value_parser = address_of)]
    mllp: Option<SocketAddr>,
    /// Limits other than the defaults
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// The linkage model; without it, the built-in one for US patients
    #[arg(long, value_name = "FILE.toml")]
    model: Option<PathBuf>,
    /// The directory in which backups are made when callers ask for them; without it, none are made
    #[arg(long, value_name = "DIR")]
    backups: Option<PathBuf>,
    /// Practice for stewards: the index was loaded from this file of made-up patients, and after each answer the
    /// pages tell from its person_id whether it was right
    #[arg(long, value_name = "FILE")]
    practice: Option<PathBuf>,
    #[command(flatten)]
    tls: TlsArgs,
    /// INSECURE: allow addresses that other machines can reach although nothing is encrypted there, or callers are
    /// not authenticated: anybody on that network can read and change all patient data. Browsers on other machines
    /// sign in over TLS only
    #[arg(long)]
    insecure_allow_remote: bool,
    #[command(flatten)]
    key: MasterKeyArgs,
    #[command(flatten)]
    next_key: NextKeyArgs,
}

/// Certificates, as in `[tls]` of the configuration, which has more to say about them; what is said here counts.
#[derive(clap::Args)]
#[command(next_help_heading = "TLS")]
struct TlsArgs {
    /// The server's certificate, and those that vouch for it; read again when it changes
    #[arg(long, value_name = "FILE.pem")]
    tls_cert: Option<PathBuf>,
    /// Its private key
    #[arg(long, value_name = "FILE.pem")]
    tls_key: Option<PathBuf>,
    /// Who vouches for callers: over gRPC and MLLP whoever shows no certificate of theirs is turned away
    #[arg(long, value_name = "FILE.pem")]
    tls_client_ca: Option<PathBuf>,
    /// Which certificates they have revoked
    #[arg(long, value_name = "FILE.pem")]
    tls_client_crl: Option<PathBuf>,
}

impl TlsArgs {
    fn lay_over(&self, config: &mut TlsConfig) {
        let Self { tls_cert, tls_key, tls_client_ca, tls_client_crl } = self;
        for (said, configured) in [
            (tls_cert, &mut config.certificates),
            (tls_key, &mut config.key),
            (tls_client_ca, &mut config.client_authorities),
            (tls_client_crl, &mut config.client_revocations),
        ] {
            if said.is_some() {
                configured.clone_from(said);
            }
        }
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut config = match &args.config {
        Some(file) => ServerConfig::read(file)?,
        None => ServerConfig::default(),
    };
    args.tls.lay_over(&mut config.tls);
    config.validate()?;
    let model = read_model(args.model.as_deref())?;
    log::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(config.grpc.threads_max + 16)
        .build()
        .context("cannot start the runtime")?;
    let served = runtime.block_on(serve(args, config, model));
    runtime.shutdown_timeout(LAST_CALLS_TIME_MAX);
    served
}

/// Binds first, so that a port in use is said at once; then opens the index, which takes longer; and
/// says that it is ready only when it is.
async fn serve(args: &Args, config: ServerConfig, model: LinkageModel) -> anyhow::Result<()> {
    let listeners = listeners(args, &config).await?;
    let address = listeners.grpc.address();
    let web = listeners.web.as_ref().map(Listener::address);
    let mllp = listeners.mllp.as_ref().map(Listener::address);
    let limits = config.registry;
    let options = RegistryOptions {
        queue_max: limits.queue_max,
        commit_batch_max: limits.commit_batch_max,
        tasks_max: limits.tasks_max,
        survivorship: config.survivorship.clone().rules(),
        requests_kept_ms: limits.requests_kept_seconds.saturating_mul(1000),
        backups: args.backups.clone(),
        audit: config.audit.limits(),
        approval: config.approval.rules(),
        next_key: args.next_key.reader(),
        ..RegistryOptions::new(model, Arc::new(SystemClock))
    };
    let mut place = args.key.at(&args.data)?;
    if !place.keys.is_empty() {
        // Rotated to before, or not yet: the same arguments serve both.
        place.keys.extend(args.next_key.source().and_then(|next| next.read().ok()));
    }
    let registry = open(place, options).await?;
    let practice = match &args.practice {
        Some(file) => Some(practice(file, &registry)?),
        None => None,
    };
    let stop = StopSignal::listen()?;
    let is_encrypted = config.tls.shown_by(Interface::Web) != ShownBy::NotEncrypted;
    let scheme = if is_encrypted { "https" } else { "http" };
    let pages =
        web.map(|web| format!("\nserving web pages on {scheme}://{web}")).unwrap_or_default();
    let mllp = mllp.map(|mllp| format!("\nserving HL7 v2 over MLLP on {mllp}")).unwrap_or_default();
    // In one piece: who reads no more than the first line still gets both.
    Output::lock().line(format_args!("serving gRPC on {address}{pages}{mllp}"))?;
    if registry.is_open() && config.issuers.is_empty() {
        tracing::warn!(
            "callers of gRPC are taken at their word: close the index by its first account with \
             `empi account add`"
        );
    }
    if web.is_some() && registry.users().is_empty() {
        tracing::warn!("nobody may sign in yet: stop, and add somebody with `empi user add`");
    }
    tracing::info!(%address, web = web.map(tracing::field::display), model = registry.model_name(), "serving");
    let served =
        empi_server::serve(listeners, &config, Arc::clone(&registry), practice, stop.received())
            .await;
    match Arc::into_inner(registry) {
        Some(registry) => tokio::task::spawn_blocking(move || registry.close()).await?,
        None => tracing::warn!("calls still run: the index closes when they end"),
    }
    served?;
    tracing::info!("stopped");
    Ok(())
}

/// Who is who, if the index holds the records of the file and no others: nobody practises on patients.
fn practice(file: &Path, registry: &Registry) -> anyhow::Result<Practice> {
    let mut rows = Vec::new();
    for row in TruthReader::open(file, "person_id")? {
        let row = row?;
        rows.extend(row.truth.map(|person| (row.key, person)));
    }
    let practice = Practice::new(rows);
    let is_whole = registry.stats().records == practice.len() as u64
        && practice.records().all(|key| registry.record(key).is_ok());
    anyhow::ensure!(
        is_whole && !practice.is_empty(),
        "the index does not hold the records of {} and no others: load that file into a directory of its own, \
         and practise there",
        file.display()
    );
    Ok(practice)
}

async fn listeners(args: &Args, config: &ServerConfig) -> anyhow::Result<Listeners> {
    let tls = Tls::load(config, Arc::new(SystemClock))?;
    // Why other machines must not reach an address, unless that was allowed in so many words.
    let insecure = |interface| {
        let why = config.tls.insecure(interface);
        why.filter(|_| !args.insecure_allow_remote)
    };
    let grpc = Listener::bind(args.grpc, insecure(Interface::Grpc)).await?;
    let web = match args.http.0.filter(|_| !args.no_http) {
        None => None,
        Some(address) => Some(Listener::bind(address, insecure(Interface::Web)).await?),
    };
    let mllp = match args.mllp {
        None => None,
        Some(_) if config.authorities.is_empty() => anyhow::bail!(
            "--mllp needs to know whose identifiers are whose: name the assigning authorities as \
             [[authority]] in the file of --config"
        ),
        Some(address) => Some(Listener::bind(address, insecure(Interface::Mllp)).await?),
    };
    let all = [
        (Some(&grpc), Interface::Grpc),
        (web.as_ref(), Interface::Web),
        (mllp.as_ref(), Interface::Mllp),
    ];
    for (listener, interface) in all {
        let Some((address, why)) =
            listener.map(Listener::address).zip(config.tls.insecure(interface))
        else {
            continue;
        };
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "INSECURE: {why}");
        }
    }
    Ok(Listeners { grpc, web, mllp, tls })
}

async fn open(data: DataDir, options: RegistryOptions) -> anyhow::Result<Arc<Registry>> {
    let registry = tokio::task::spawn_blocking(move || Registry::open(&data, options)).await??;
    Ok(Arc::new(registry))
}

pub(crate) fn read_model(file: Option<&Path>) -> anyhow::Result<LinkageModel> {
    let Some(file) = file else { return Ok(LinkageModel::us_default()?) };
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the model {}", file.display()))?;
    LinkageModel::parse(&text).with_context(|| format!("the model {} is refused", file.display()))
}

/// The polite requests to stop: Ctrl-C and what service managers send.
struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignal {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn received(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// An address as numbers, or a name that means one, such as `localhost:7311`.
fn address_of(text: &str) -> Result<SocketAddr, String> {
    let addresses = text.to_socket_addrs().map_err(|_| "write HOST:PORT".to_owned())?;
    addresses.into_iter().next().ok_or_else(|| "this name has no address".to_owned())
}

/// Where web pages are served, if they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pages(Option<SocketAddr>);

fn pages_of(text: &str) -> Result<Pages, String> {
    if text.is_empty() { Ok(Pages(None)) } else { address_of(text).map(|it| Pages(Some(it))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port() {
        assert_eq!(address_of("127.0.0.1:0"), Ok(SocketAddr::from(([127, 0, 0, 1], 0))));
        assert!(address_of("[::1]:7311").is_ok());
        assert!(address_of("127.0.0.1").is_err());
        assert_eq!(pages_of(""), Ok(Pages(None)));
        assert_eq!(pages_of("127.0.0.1:0"), Ok(Pages(Some(SocketAddr::from(([127, 0, 0, 1], 0))))));
    }

    #[test]
    fn without_a_model_file_the_built_in_one_serves() {
        let built_in = LinkageModel::us_default().unwrap();
        assert_eq!(read_model(None).unwrap().name(), built_in.name());
        let missing = read_model(Some(Path::new("/no/such/model.toml"))).map(|_| ());
        assert!(missing.unwrap_err().to_string().contains("model.toml"));
    }
}
