//! What security costs: two servers with the same records, measured in turn in one run.
//!
//! **Off**: in the clear, an open index, no syslog, no signed ends of the trail, nothing encrypted on the disk. The audit
//! trail itself is kept: no configuration takes it away.
//! **On**: mutual TLS, the token of a service account with every call, an index with accounts, every entry of the
//! trail sent by syslog over TLS to a repository (a thread of the driver), signed ends of the trail every second,
//! encryption at rest under a master key.
//!
//! Both register the same records in the same order, so that at each step both hold the same. Whatever a measurement leaves to be
//! done, such as entries that were not sent yet, counts with it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use empi_proto::v1;
use empi_proto::v1::audit_service_client::AuditServiceClient;

use crate::Args;
use crate::calls::{self, Callers, Client, at_rate, flat_out};
use crate::figures::{Driven, Machine};
use crate::line::{CALLER_NAME, Identities, Line, SERVER_NAME, Way};
use crate::patients::Patients;
use crate::repository::Repository;
use crate::server::{Server, load, processor_time, settle};
use crate::steadiness::{self, Steadiness};

/// How much slower it may be with everything switched on, in percent.
const SLOWER_MAX: f64 = 15.0;

/// As long as nothing else ends it: what drives the server ends when it has no more records.
const LONG: Duration = Duration::from_secs(600);

/// Two looks at a server between which it did nothing tell that it has nothing left to do; for how long that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const REST_TIME_MAX: Duration = Duration::from_secs(20);

/// One measurement, and the time of cores that it took.
struct Measured {
    driven: Driven,
    server: Duration,
    driver: Duration,
}

/// What is measured, in this order in each round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Registrations,
    Paced,
    Lookups,
    Matches,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Registrations, Self::Paced, Self::Lookups, Self::Matches];
}

/// Everything that was measured.
pub(crate) struct Compared {
    /// Rounds, in each every kind, of each off and on.
    rounds: Vec<[[Measured; 2]; Kind::ALL.len()]>,
    steadiness: Steadiness,
    entries: u64,
    entry_bytes: u64,
    records: u64,
}

/// One of the two.
struct Side {
    server: Server,
    callers: Callers<Client>,
    patients: Arc<Patients>,
    trail: Option<Trail>,
}

/// Where the trail goes to, and who may ask how long it is.
struct Trail {
    repository: Repository,
    auditor: AuditServiceClient<Line>,
}

impl Trail {
    /// Waits until everything that is in the trail has come to the repository.
    async fn is_sent(&mut self) -> anyhow::Result<()> {
        let head = self.auditor.get_audit_head(v1::GetAuditHeadRequest {}).await?.into_inner();
        self.repository.has(head.head.context("the trail has no end")?.sequence).await
    }
}

/// The run.
pub(crate) async fn measure(args: &Args, folder: &Path) -> anyhow::Result<Compared> {
    let patients = Patients::generate(&args.program, folder, args.records, args.fresh, args.seed)?;
    let (open, closed) = (folder.join("open"), folder.join("closed"));
    for place in [&open, &closed] {
        std::fs::create_dir(place)?;
    }
    let key = closed.join("master.key");
    said(args, &["key", "new", "--out"], &[&key])?;
    let _ = load(&args.program, &patients.file, &open.join("store"), None)?;
    let _ = load(&args.program, &patients.file, &closed.join("store"), Some(&key))?;
    settle()?;
    let steadiness = Steadiness::look(steadiness::TIME);

    let mut sides = [
        off(args, &open, patients.again()).await?,
        on(args, &closed, &key, patients.again()).await?,
    ];
    let mut rounds = Vec::new();
    for number in 0..args.rounds {
        let mut of_round = Vec::new();
        for kind in Kind::ALL {
            of_round.push(in_turn(args, kind, number, &mut sides).await?);
        }
        rounds.push(of_round.try_into().ok().context("every kind is measured")?);
    }
    let [off, on] = sides;
    let (entries, entry_bytes) =
        on.trail.as_ref().map_or((0, 0), |trail| trail.repository.received());
    let records = calls::record_count(&Way::open(off.server.address())).await?;
    off.server.stop()?;
    on.server.stop()?;
    Ok(Compared { rounds, steadiness, entries, entry_bytes, records })
}

/// The server without anything.
async fn off(args: &Args, folder: &Path, patients: Patients) -> anyhow::Result<Side> {
    let config = folder.join("server.toml");
    std::fs::write(&config, given(args)?)?;
    let server = Server::start_grpc(&args.program, &folder.join("store"), &config, None)?;
    let callers = Callers::connect(&Way::open(server.address()), args.callers).await?;
    Ok(Side { server, callers, patients: Arc::new(patients), trail: None })
}

/// The server with everything.
async fn on(args: &Args, folder: &Path, key: &Path, patients: Patients) -> anyhow::Result<Side> {
    let identities = Identities::make(folder)?;
    let repository = Repository::start(&identities)?;
    let store = folder.join("store");
    let account = |name: &str, role: &str| -> anyhow::Result<PathBuf> {
        let token = folder.join(format!("{name}.token"));
        let words = ["account", "add", name, "--role", role, "--all-domains", "--data"];
        let (sealed, out) = (Path::new("--key-file"), Path::new("--token-out"));
        said(args, &words, &[&store, sealed, key, out, &token])?;
        Ok(token)
    };
    let (desk, auditor) = (account("desk", "source")?, account("watch", "auditor")?);
    let audit_key = folder.join("audit.key");
    said(args, &["audit", "key", "--out"], &[&audit_key])?;
    let config = folder.join("server.toml");
    std::fs::write(&config, given(args)? + &everything(folder, &identities, &repository))?;
    let server = Server::start_grpc(&args.program, &store, &config, Some(key))?;
    let way = |token: &Path| Way::secured(server.address(), &identities, token);
    let callers = Callers::connect(&way(&desk)?, args.callers).await?;
    let auditor = AuditServiceClient::new(way(&auditor)?.connect().await?);
    let mut trail = Trail { repository, auditor };
    trail.is_sent().await?;
    Ok(Side { server, callers, patients: Arc::new(patients), trail: Some(trail) })
}

/// What was configured besides.
fn given(args: &Args) -> anyhow::Result<String> {
    Ok(args.config.as_ref().map(std::fs::read_to_string).transpose()?.unwrap_or_default())
}

/// The configuration of a server with everything switched on.
fn everything(folder: &Path, identities: &Identities, repository: &Repository) -> String {
    let Identities { authority, server: (certificate, key), .. } = identities;
    let [audit_key, heads, place] = ["audit.key", "heads", "sent"].map(|it| folder.join(it));
    format!(
        "\n[tls]\ncertificates = {certificate:?}\nkey = {key:?}\nclient_authorities = {authority:?}\n\n\
         [[fhir.clients]]\nname = \"load\"\ncertificate = \"{CALLER_NAME}\"\n\n\
         [audit]\nkey_file = {audit_key:?}\nheads_file = {heads:?}\nheads_seconds = 1\n\n\
         [audit.syslog]\naddress = \"{}\"\nsource_id = \"mpi1\"\nplace_file = {place:?}\n\
         tls = {{ authorities = {authority:?}, name = \"{SERVER_NAME}\" }}\n",
        repository.address
    )
}

/// Runs the program to its end.
fn said(args: &Args, words: &[&str], files: &[&Path]) -> anyhow::Result<()> {
    let ended = Command::new(&args.program).args(words).args(files).output()?;
    let why = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "`empi {}` failed: {why}", words.join(" "));
    Ok(())
}

/// One kind of call at both servers; who is first changes with every round.
async fn in_turn(
    args: &Args,
    kind: Kind,
    round: u32,
    sides: &mut [Side; 2],
) -> anyhow::Result<[Measured; 2]> {
    let mut measured = [None, None];
    let first = usize::from(!round.is_multiple_of(2));
    for at in [first, 1 - first] {
        rest(sides).await?;
        if let (Some(place), Some(side)) = (measured.get_mut(at), sides.get_mut(at)) {
            *place = Some(one(args, kind, round, side).await?);
        }
    }
    let [Some(off), Some(on)] = measured else { anyhow::bail!("both are measured") };
    Ok([off, on])
}

/// Waits until neither server does anything, such as compactions that an earlier measurement left.
async fn rest(sides: &[Side; 2]) -> anyhow::Result<()> {
    let times =
        || sides.iter().map(|it| it.server.processor_time()).collect::<anyhow::Result<Vec<_>>>();
    let mut before = times()?;
    for _ in 0..REST_TIME_MAX.as_millis() / LOOK_EVERY.as_millis() {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = times()?;
        if now == before {
            break;
        }
        before = now;
    }
    Ok(())
}

/// One kind of call at one server.
async fn one(args: &Args, kind: Kind, round: u32, side: &mut Side) -> anyhow::Result<Measured> {
    let time = Duration::from_secs(args.seconds);
    let Side { server, callers, patients, trail } = side;
    let times = |server: &Server| anyhow::Ok((server.processor_time()?, processor_time("self")?));
    let before = times(server)?;
    let driven = match kind {
        Kind::Registrations => {
            patients.reserve(left_after(args, round, false)?);
            flat_out(callers, calls::register, patients, LONG).await?
        }
        Kind::Paced => {
            patients.reserve(left_after(args, round, true)?);
            at_rate(callers, calls::register, patients, args.rate, time).await?
        }
        Kind::Lookups => flat_out(callers, calls::lookup, patients, time).await?,
        Kind::Matches => flat_out(callers, calls::matching, patients, time).await?,
    };
    ensure!(driven.refused() == 0, "{} calls were refused", driven.refused());
    if let Some(trail) = trail {
        trail.is_sent().await?;
    }
    let after = times(server)?;
    Ok(Measured { driven, server: after.0 - before.0, driver: after.1 - before.1 })
}

/// Records that each round registers as fast as they are answered.
fn flat_out_count(args: &Args) -> u64 {
    let paced = u64::from(args.rate) * args.seconds;
    (args.fresh / u64::from(args.rounds.max(1))).saturating_sub(paced)
}

/// Records that are left over in a round after those that are registered as fast as answered, and after those at a rate.
fn left_after(args: &Args, round: u32, is_paced: bool) -> anyhow::Result<usize> {
    let (at_once, paced) = (flat_out_count(args), u64::from(args.rate) * args.seconds);
    ensure!(at_once > 0, "--fresh is too small for so many rounds of so many seconds");
    // All but those of the rounds so far.
    let before = (at_once + paced) * u64::from(round);
    let gone = before + at_once + if is_paced { paced } else { 0 };
    Ok(usize::try_from(args.fresh - gone)?)
}

/// A figure of the table.
struct Figure {
    name: String,
    kind: Kind,
    /// Whether more of it is better.
    is_rate: bool,
    of: fn(&Measured) -> f64,
}

fn figures(rate: u32) -> Vec<Figure> {
    let paced = format!("registrations, {rate} a second");
    let mut figures = Vec::new();
    for (kind, name) in [
        (Kind::Registrations, "registrations, as fast as answered"),
        (Kind::Paced, &paced),
        (Kind::Lookups, "lookups"),
        (Kind::Matches, "match queries"),
    ] {
        let mut add = |what: &str, is_rate: bool, of: fn(&Measured) -> f64| {
            figures.push(Figure { name: format!("{name}: {what}"), kind, is_rate, of });
        };
        if kind != Kind::Paced {
            add("a second", true, |it| it.driven.per_second());
        }
        add("p50 ms", false, |it| it.driven.latency(500));
        add("p99 ms", false, |it| it.driven.latency(990));
        add("p99.9 ms", false, |it| it.driven.latency(999));
        if kind == Kind::Paced {
            add("p99 ms of the median half second", false, |it| it.driven.median_half_p99());
        }
        add("server, µs of a core each", false, |it| it.each(it.server));
        add("driver, µs of a core each", false, |it| it.each(it.driver));
    }
    figures
}

impl Measured {
    /// Microseconds of each call.
    fn each(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.driven.answered().max(1) as f64
    }
}

/// What was found, in Markdown.
pub(crate) fn report(
    args: &Args,
    machine: &Machine,
    compared: &Compared,
) -> anyhow::Result<String> {
    let Args { records, fresh, seed, seconds, callers, rate, rounds, .. } = args;
    let mut text = format!(
        "# What security costs: {records} generated records\n\n\
         Two servers with the same records, one open and in the clear, one with everything switched on, in turn, {rounds} \
         rounds; server and driver on the same machine, {callers} calls in flight, {seconds} s of each kind but for the \
         registrations as fast as answered, of which each server got the same {}. Medians of the rounds; the last columns are of \
         the ratios of each round.\n\n\
         | | off | on | slower by | least | most |\n|---|---|---|---|---|---|\n",
        flat_out_count(args)
    );
    for figure in figures(*rate) {
        writeln!(text, "| {} |", row(&figure, compared).context("there are no rounds")?)?;
    }
    let Compared { entries, entry_bytes, .. } = compared;
    writeln!(
        text,
        "\nThe goal is at most {SLOWER_MAX} % slower. {entries} entries of the audit trail came to the repository, {entry_bytes} \
         bytes. The driver's time with everything on has its own TLS and the repository's in it.\n\n{machine}\n\
         - the machine by itself: {}\n\
         - data: `empi generate --records {} --seed {seed} --difficulty realistic`, {records} of them loaded, {} in each \
         store at the end\n\
         - command: `target/release/load-driver --secured --records {records} --fresh {fresh} --seed {seed} --rounds {rounds} \
         --seconds {seconds} --callers {callers} --rate {rate}`",
        compared.steadiness,
        records + fresh,
        compared.records
    )?;
    Ok(text)
}

/// The cells of a figure.
fn row(figure: &Figure, compared: &Compared) -> Option<String> {
    let rounds = compared.rounds.iter();
    let pairs: Vec<[f64; 2]> = rounds
        .filter_map(|round| round.get(figure.kind as usize))
        .map(|measured| measured.each_ref().map(figure.of))
        .collect();
    let slower = sorted(pairs.iter().map(|[off, on]| slower(figure.is_rate, *off, *on)));
    let [off, on] = [0, 1].map(|at| sorted(pairs.iter().filter_map(|pair| pair.get(at).copied())));
    let digits = if figure.is_rate { 0 } else { 2 };
    Some(format!(
        "{} | {:.digits$} | {:.digits$} | {:+.1} % | {:+.1} % | {:+.1} %",
        figure.name,
        middle(&off)?,
        middle(&on)?,
        middle(&slower)?,
        slower.first()?,
        slower.last()?
    ))
}

/// By how many percent the second is slower than the first.
fn slower(is_rate: bool, off: f64, on: f64) -> f64 {
    100.0 * if is_rate { 1.0 - on / off } else { on / off - 1.0 }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The median.
fn middle(sorted: &[f64]) -> Option<f64> {
    let (lower, upper) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
    Some(f64::midpoint(*sorted.get(lower)?, *sorted.get(upper)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slower_is_fewer_a_second_or_longer_each() {
        assert_eq!(slower(true, 200.0, 170.0).round(), 15.0);
        assert_eq!(slower(false, 2.0, 2.3).round(), 15.0);
        assert_eq!(slower(true, 100.0, 110.0).round(), -10.0);
        assert_eq!(middle(&sorted([3.0, 1.0, 2.0].into_iter())), Some(2.0));
        assert_eq!(middle(&[1.0, 2.0, 4.0, 9.0]), Some(3.0));
        assert_eq!(middle(&[]), None);
    }
}
