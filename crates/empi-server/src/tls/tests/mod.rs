//! Handshakes with certificates that are made for each test, by a clock that stands still.

mod handshakes;
mod reloading;
mod served;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use empi_model::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber, date_time_ymd,
};
use tempfile::TempDir;

use super::*;
use crate::fhir::{FhirClient, FhirConfig};
use crate::tests::registry_in;

/// 2026-06-01, in milliseconds since 1970.
const NOW: i64 = 1_780_272_000_000;

/// A clock that is set by hand.
#[derive(Clone)]
pub(crate) struct Set(Arc<AtomicI64>);

impl Clock for Set {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Somebody who vouches for others.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    issued: AtomicI64,
}

/// A certificate and its key in PEM, and its number.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
    number: u8,
}

/// What a certificate is good for.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    Server,
    Client,
    Both,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, issued: AtomicI64::new(1) }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a name, good from the beginning of one year to that of another.
    pub(crate) fn issue_for(&self, name: &str, usage: Use, (from, to): (i32, i32)) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let number = self.issued.fetch_add(1, Ordering::SeqCst) as u8;
        params.distinguished_name.push(DnType::CommonName, format!("{name} system"));
        params.serial_number = Some(SerialNumber::from_slice(&[number]));
        (params.not_before, params.not_after) =
            (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        params.use_authority_key_identifier_extension = true;
        use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
        params.extended_key_usages = match usage {
            Use::Server => vec![ServerAuth],
            Use::Client => vec![ClientAuth],
            Use::Both => vec![ServerAuth, ClientAuth],
        };
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem(), number }
    }

    pub(crate) fn issue(&self, name: &str, usage: Use) -> Identity {
        self.issue_for(name, usage, (2026, 2027))
    }

    /// What answers handshakes as somebody else's server on this machine, from 1970 on.
    pub(crate) fn acceptor(&self) -> tokio_rustls::TlsAcceptor {
        use rustls::pki_types::pem::PemObject as _;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer};
        let identity = self.issue_for("localhost", Use::Server, (1970, 2100));
        let chain = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
        let provider = Arc::new(crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .unwrap();
        tokio_rustls::TlsAcceptor::from(Arc::new(config))
    }

    /// The list of what it revoked, out of date in 2027.
    pub(crate) fn revoke(&self, identities: &[&Identity]) -> String {
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2027, 1, 1),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: identities
                .iter()
                .map(|identity| RevokedCertParams {
                    serial_number: SerialNumber::from_slice(&[identity.number]),
                    revocation_time: date_time_ymd(2026, 2, 1),
                    reason_code: None,
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// A server's files, whoever vouches for them and for callers, and the clock.
pub(crate) struct Scene {
    pub(crate) dir: TempDir,
    pub(crate) clock: Set,
    pub(crate) servers: Authority,
    pub(crate) clients: Authority,
    pub(crate) engine: Identity,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
        let engine = clients.issue("engine.example", Use::Client);
        let dir = tempfile::tempdir().unwrap();
        let scene =
            Self { dir, clock: Set(Arc::new(AtomicI64::new(NOW))), servers, clients, engine };
        scene.show(&scene.servers.issue("localhost", Use::Server));
        scene.write("clients.pem", &scene.clients.pem());
        scene.write("clients.crl", &scene.clients.revoke(&[]));
        scene.write("servers.pem", &scene.servers.pem());
        scene
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file that only its owner reads.
    pub(crate) fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(self.file(name), text).unwrap();
        let owner = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(self.file(name), owner).unwrap();
    }

    /// Makes a certificate the server's.
    pub(crate) fn show(&self, identity: &Identity) {
        self.write("server.pem", &identity.certificate);
        self.write("server.key", &identity.key);
    }

    /// Everybody must show a certificate over gRPC and MLLP, and may on the web; the engine's is known.
    pub(crate) fn config(&self) -> ServerConfig {
        let tls = TlsConfig {
            certificates: Some(self.file("server.pem")),
            key: Some(self.file("server.key")),
            client_authorities: Some(self.file("clients.pem")),
            client_revocations: Some(self.file("clients.crl")),
            ..TlsConfig::default()
        };
        let engine = FhirClient {
            name: "engine".to_owned(),
            certificate: Some("engine.example".to_owned()),
            application: "REG".to_owned(),
            facility: "NORTH".to_owned(),
            ..FhirClient::default()
        };
        let fhir = FhirConfig { clients: vec![engine], ..FhirConfig::default() };
        ServerConfig { tls, fhir, ..ServerConfig::default() }
    }

    pub(crate) fn tls(&self, config: &ServerConfig) -> Result<Tls, TlsError> {
        Ok(Tls::load(config, Arc::new(self.clock.clone()))?.expect("a certificate is configured"))
    }

    /// Somebody who trusts the server, and shows a certificate or none.
    pub(crate) fn caller(&self, identity: Option<&Identity>) -> Outgoing {
        self.caller_who_trusts("servers.pem", identity)
    }

    pub(crate) fn caller_who_trusts(&self, file: &str, identity: Option<&Identity>) -> Outgoing {
        let own = identity.map(|identity| {
            let files = ["own.pem", "own.key"];
            self.write(files[0], &identity.certificate);
            self.write(files[1], &identity.key);
            (self.file(files[0]), self.file(files[1]))
        });
        let config =
            OutgoingConfig { authorities: self.file(file), name: Some("localhost".to_owned()) };
        Outgoing::load(&config, own, Arc::new(self.clock.clone())).unwrap()
    }
}
