//! Figures for whoever watches the server, in the text format of Prometheus (OpenMetrics 1.0): counts and
//! durations, never values of patients, record IDs or names of people.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use empi_registry::{CommitReport, Registry, RegistryStats};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry as Figures, Unit};

use crate::access::methods;

/// Seconds that calls and pages are sorted by: from a lookup in memory to the longest a call may take.
const CALL_SECONDS: [f64; 15] = [
    0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
    30.0,
];

/// Seconds that the parts of a commit are sorted by.
const WRITE_SECONDS: [f64; 13] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.5, 2.0];

/// Callers that one commit is sorted by.
const ANSWERED: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    method: String,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MethodLabels {
    method: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PageLabels {
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FamilyLabels {
    family: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    interface: &'static str,
    reason: &'static str,
}

fn seconds() -> Histogram {
    Histogram::new(CALL_SECONDS)
}

/// The figures of one server. Cloning makes another handle.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Kept>);

struct Kept {
    figures: Figures,
    calls: Family<CallLabels, Counter>,
    call_seconds: Family<MethodLabels, Histogram, fn() -> Histogram>,
    /// The figures of every method of ours, found without making a label for each call.
    methods: HashMap<String, MethodFigures>,
    pages: Family<PageLabels, Counter>,
    page_seconds: Histogram,
    tls: TlsFigures,
    index: IndexFigures,
}

/// The figures of one method, once it was called.
#[derive(Default)]
struct MethodFigures {
    /// By status code.
    calls: [OnceLock<Counter>; CODES],
    seconds: OnceLock<Histogram>,
}

/// How many status codes there are.
const CODES: usize = tonic::Code::Unauthenticated as usize + 1;

/// How the certificates stand, and who was turned away before a word was said.
#[derive(Default)]
struct TlsFigures {
    turned_away: Family<RefusalLabels, Counter>,
    certificate_expiry: Gauge,
    revocations_expiry: Gauge,
    files_current: Gauge,
}

/// What the commit thread reports.
struct CommitFigures {
    answered: Histogram,
    queue_seconds: Histogram,
    lock_seconds: Histogram,
    compose_seconds: Histogram,
    write_seconds: Histogram,
    waiting: Gauge,
}

/// What is read when somebody asks.
#[derive(Default)]
struct IndexFigures {
    records: Gauge,
    persons: Gauge,
    redirects: Gauge,
    last_event: Gauge,
    open_tasks: Family<KindLabels, Gauge>,
    emergencies: Gauge,
    emergencies_unseen: Gauge,
    proposals_waiting: Gauge,
    disk_bytes: Family<FamilyLabels, Gauge>,
    calls_running: Gauge,
    calls_refused: Counter,
    ready: Gauge,
    resident_bytes: Gauge<u64, AtomicU64>,
}

/// How the server stands, beside what the registry says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// Calls that are admitted.
    pub(crate) calls_running: usize,
    /// Calls that found no place.
    pub(crate) calls_refused: u64,
    /// Whether changes are taken.
    pub(crate) is_ready: bool,
}

impl Metrics {
    /// Figures that follow the commits of a registry.
    pub(crate) fn new(registry: &Registry) -> Self {
        let mut figures = Figures::with_prefix("empi");
        let build = Info::new(vec![
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("model", registry.model_name()),
        ]);
        figures.register("build", "The program and the model that it began with", build);
        let calls = Family::default();
        figures.register("grpc_calls", "Calls that were answered, by status code", calls.clone());
        let call_seconds: Family<MethodLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(seconds);
        let (help, family) = ("From a call's headers to its answer", call_seconds.clone());
        figures.register_with_unit("grpc_call", help, Unit::Seconds, family);
        let pages = Family::default();
        figures.register("web_requests", "Requests that were answered, by status", pages.clone());
        let page_seconds = seconds();
        let (help, histogram) = ("From a request's head to its answer", page_seconds.clone());
        figures.register_with_unit("web_request", help, Unit::Seconds, histogram);
        let commit = CommitFigures::register(&mut figures);
        let tls = TlsFigures::register(&mut figures);
        let index = IndexFigures::register(&mut figures);
        registry.on_commit(move |report| commit.take(report));
        let methods = methods().into_iter().map(|method| (method, MethodFigures::default()));
        let methods = methods.collect();
        Self(Arc::new(Kept {
            figures,
            calls,
            call_seconds,
            methods,
            pages,
            page_seconds,
            tls,
            index,
        }))
    }

    /// Counts a gRPC call. Of a method that does not exist the name is the caller's own text: it is not kept.
    pub(crate) fn called(&self, method: &str, code: tonic::Code, elapsed: Duration) {
        let method = method.trim_start_matches('/');
        let known = self.0.methods.get(method);
        let Some((figures, calls)) = known.zip(known.and_then(|it| it.calls.get(code as usize)))
        else {
            self.counter(method, code).inc();
            return self.histogram(method).observe(elapsed.as_secs_f64());
        };
        calls.get_or_init(|| self.counter(method, code)).inc();
        let seconds = figures.seconds.get_or_init(|| self.histogram(method));
        seconds.observe(elapsed.as_secs_f64());
    }

    fn counter(&self, method: &str, code: tonic::Code) -> Counter {
        let labels = CallLabels { method: method.to_owned(), code: format!("{code:?}") };
        self.0.calls.get_or_create(&labels).clone()
    }

    fn histogram(&self, method: &str) -> Histogram {
        self.0.call_seconds.get_or_create(&MethodLabels { method: method.to_owned() }).clone()
    }

    /// Counts a request for a page, by the route's place in the table, not by what stood in the address.
    pub(crate) fn shown(&self, route: &'static str, status: u16, elapsed: Duration) {
        self.0.pages.get_or_create(&PageLabels { route: route.to_owned(), status }).inc();
        self.0.page_seconds.observe(elapsed.as_secs_f64());
    }

    /// Counts a handshake that failed.
    pub(crate) fn turned_away(&self, interface: &'static str, reason: &'static str) {
        self.0.tls.turned_away.get_or_create(&RefusalLabels { interface, reason }).inc();
    }

    /// Tells until when the server's certificate and the revocation lists are good, in seconds since 1970, and whether
    /// they are what stands in the files.
    pub(crate) fn certificate(&self, expires: i64, revocations: Option<i64>, are_current: bool) {
        self.0.tls.certificate_expiry.set(expires);
        self.0.tls.revocations_expiry.set(revocations.unwrap_or_default());
        self.0.tls.files_current.set(i64::from(are_current));
    }

    /// Everything as text, with the index as it stands now. Reads the registry, so it may wait a little.
    ///
    /// # Errors
    /// As the encoder says; writing into memory does not fail otherwise.
    pub(crate) fn text(
        &self,
        registry: &Registry,
        standing: Standing,
    ) -> Result<String, fmt::Error> {
        self.0.index.read(registry, standing);
        let mut text = String::new();
        encode(&mut text, &self.0.figures)?;
        Ok(text)
    }
}

impl TlsFigures {
    fn register(figures: &mut Figures) -> Self {
        let tls = Self::default();
        let help = "TLS handshakes that failed, by reason";
        figures.register("tls_turned_away", help, tls.turned_away.clone());
        let help = "When the server's certificate expires, since 1970; 0 without TLS";
        let gauge = tls.certificate_expiry.clone();
        figures.register_with_unit("tls_certificate_expiry", help, Unit::Seconds, gauge);
        let help = "When the first revocation list is out of date, since 1970; 0 without one";
        let gauge = tls.revocations_expiry.clone();
        figures.register_with_unit("tls_revocations_expiry", help, Unit::Seconds, gauge);
        let help = "0 while the TLS files are refused and older ones are in use; 0 without TLS";
        figures.register("tls_files_current", help, tls.files_current.clone());
        tls
    }
}

impl CommitFigures {
    fn register(figures: &mut Figures) -> Self {
        let (answered, waiting) = (Histogram::new(ANSWERED), Gauge::default());
        figures.register("commit_callers", "Callers answered by one commit", answered.clone());
        let help = "Callers that waited behind the last commit when it began";
        figures.register("commit_waiting", help, waiting.clone());
        let mut phase = |name: &str, help: &str| {
            let histogram = Histogram::new(WRITE_SECONDS);
            figures.register_with_unit(name, help, Unit::Seconds, histogram.clone());
            histogram
        };
        let help = "What the first caller of a commit had waited for it to begin";
        let queue_seconds = phase("commit_queue", help);
        let lock_seconds = phase("commit_lock", "A commit waiting for readers of the index");
        let help = "Thinking about the changes of a commit, while nobody reads the index";
        let compose_seconds = phase("commit_compose", help);
        let write_seconds = phase("commit_write", "Writing one commit to disk, synced");
        Self { answered, queue_seconds, lock_seconds, compose_seconds, write_seconds, waiting }
    }

    #[expect(clippy::cast_precision_loss, reason = "callers of one commit are few")]
    fn take(&self, report: CommitReport) {
        self.answered.observe(report.answered as f64);
        self.waiting.set(gauged(report.waiting as u64));
        self.queue_seconds.observe(report.queued.as_secs_f64());
        self.lock_seconds.observe(report.locking.as_secs_f64());
        self.compose_seconds.observe(report.composing.as_secs_f64());
        if report.last_event.is_some() {
            self.write_seconds.observe(report.writing.as_secs_f64());
        }
    }
}

impl IndexFigures {
    fn register(figures: &mut Figures) -> Self {
        let index = Self::default();
        figures.register("records", "Source records in the index", index.records.clone());
        figures.register("persons", "Living enterprise IDs", index.persons.clone());
        figures.register(
            "redirects",
            "Enterprise IDs that lead to others",
            index.redirects.clone(),
        );
        figures.register("last_event", "The number of the last event", index.last_event.clone());
        figures.register("open_tasks", "Review tasks that wait", index.open_tasks.clone());
        let (help, gauge) = ("Emergencies that were stated", index.emergencies.clone());
        figures.register("emergencies", help, gauge);
        let (help, gauge) = ("Emergencies that nobody has looked at", &index.emergencies_unseen);
        figures.register("emergencies_unseen", help, gauge.clone());
        let help = "Proposals that wait for a second person";
        figures.register("proposals_waiting", help, index.proposals_waiting.clone());
        let (help, family) = ("Sorted files on disk", index.disk_bytes.clone());
        figures.register_with_unit("disk", help, Unit::Bytes, family);
        figures.register("calls_running", "Calls that are admitted", index.calls_running.clone());
        let counter = index.calls_refused.clone();
        figures.register("calls_refused", "Calls for which there was no place", counter);
        figures.register("ready", "1 while changes are taken", index.ready.clone());
        let (help, gauge) = ("Memory that the process occupies", index.resident_bytes.clone());
        figures.register_with_unit("resident_memory", help, Unit::Bytes, gauge);
        index
    }

    fn read(&self, registry: &Registry, standing: Standing) {
        let RegistryStats { records, persons, redirects, events, .. } = registry.stats();
        self.records.set(gauged(records));
        self.persons.set(gauged(persons));
        self.redirects.set(gauged(redirects));
        self.last_event.set(gauged(events));
        let (stated, unseen) = registry.glass_count();
        self.emergencies.set(gauged(stated as u64));
        self.emergencies_unseen.set(gauged(unseen as u64));
        self.proposals_waiting.set(gauged(registry.proposals_waiting() as u64));
        for (kind, count) in registry.open_task_counts() {
            let labels = KindLabels { kind: kind.as_str() };
            self.open_tasks.get_or_create(&labels).set(gauged(count));
        }
        for (family, bytes) in registry.store_stats().bytes {
            self.disk_bytes.get_or_create(&FamilyLabels { family }).set(gauged(bytes));
        }
        self.calls_running.set(gauged(standing.calls_running as u64));
        let refused = standing.calls_refused.saturating_sub(self.calls_refused.get());
        self.calls_refused.inc_by(refused);
        self.ready.set(i64::from(standing.is_ready));
        self.resident_bytes.set(resident_bytes().unwrap_or_default());
    }
}

fn gauged(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What the process occupies now, where the system tells it.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use empi_model::{Actor, ActorKind, RecordKey, SourceRecord};
    use empi_registry::RegisterRequest;

    use super::*;
    use crate::tests::registry_in;

    #[test]
    fn what_happens_is_counted_and_nothing_of_patients_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let registry = registry_in(dir.path());
        let metrics = Metrics::new(&registry);
        let record = SourceRecord {
            key: RecordKey::new("north", "4711"),
            birth_date: Some("1980-03-12".into()),
            ..SourceRecord::default()
        };
        let actor = Actor { kind: ActorKind::System, name: "north".to_owned() };
        registry.register(RegisterRequest { record, actor, request_id: None }).unwrap();
        for method in ["/empi.v1.RegistryService/RegisterRecord", "/other.Service/Call"] {
            metrics.called(method, tonic::Code::Ok, Duration::from_micros(700));
        }
        metrics.shown("/persons/{id}", 200, Duration::from_millis(3));
        let standing = Standing { calls_running: 3, calls_refused: 7, is_ready: true };
        let text = metrics.text(&registry, standing).unwrap();
        for line in [
            "empi_records 1",
            "empi_persons 1",
            "empi_last_event 1",
            "empi_open_tasks{kind=\"possible_match\"} 0",
            "empi_proposals_waiting 0",
            "empi_calls_running 3",
            "empi_calls_refused_total 7",
            "empi_ready 1",
            "empi_commit_callers_sum 1.0",
            "empi_commit_queue_seconds_count 1",
            "empi_commit_lock_seconds_count 1",
            "empi_commit_compose_seconds_count 1",
            "empi_commit_write_seconds_count 1",
            "empi_grpc_calls_total{method=\"empi.v1.RegistryService/RegisterRecord\",code=\"Ok\"} 1",
            "empi_grpc_calls_total{method=\"other.Service/Call\",code=\"Ok\"} 1",
            "empi_grpc_call_seconds_bucket{le=\"0.001\",method=\"empi.v1.RegistryService/RegisterRecord\"} 1",
            "empi_web_requests_total{route=\"/persons/{id}\",status=\"200\"} 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in\n{text}");
        }
        assert!(!text.contains("4711") && !text.contains("1980"), "{text}");
    }

    #[test]
    fn memory_is_told_where_the_system_tells_it() {
        if cfg!(target_os = "linux") {
            assert!(resident_bytes().unwrap() > 1 << 20);
        }
    }
}
