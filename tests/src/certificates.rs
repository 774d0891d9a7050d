//! Certificates for tests of TLS, made on the spot.

use std::os::unix::fs::PermissionsExt as _;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

use crate::Folder;

/// Somebody who vouches for others.
#[derive(Debug)]
pub struct CertificateAuthority(CertifiedIssuer<'static, KeyPair>);

/// The files of a certificate and its key, as arguments.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// The certificate.
    pub certificate: String,
    /// Its key, which only its owner may read.
    pub key: String,
}

impl CertificateAuthority {
    /// A new one.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("there is chance");
        Self(CertifiedIssuer::self_signed(params, key).expect("it vouches for itself"))
    }

    /// Its own certificate, as a file.
    #[must_use]
    pub fn save(&self, folder: &Folder, file: &str) -> String {
        folder.write(file, self.0.pem())
    }

    /// A certificate for a name, until the beginning of a year, for a server or a client, in the files `FILE.pem` and
    /// `FILE.key`; those that were there are replaced.
    #[must_use]
    pub fn issue(&self, folder: &Folder, file: &str, name: &str, until: i32) -> CertificateFiles {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("it is a name");
        (params.not_before, params.not_after) =
            (date_time_ymd(1999, 1, 1), date_time_ymd(until, 1, 1));
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("there is chance");
        let made = params.signed_by(&key, &self.0).expect("the authority signs");
        let files = CertificateFiles {
            certificate: folder.write(&format!("{file}.pem"), made.pem()),
            key: folder.write(&format!("{file}.key"), key.serialize_pem()),
        };
        let owner = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&files.key, owner).expect("the file is ours");
        files
    }
}
