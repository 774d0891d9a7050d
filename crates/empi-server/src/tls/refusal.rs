//! Why somebody is turned away before a word was said, in words for an operator.

use std::io;

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    PlainText,
    OldProtocol,
    NoCertificate,
    Expired,
    NotYetValid,
    UnknownAuthority,
    /// The certificate is good, and no client of the configuration has it.
    UnknownCaller,
    Revoked,
    NoRevocationList,
    OldRevocationList,
    WrongUse,
    /// The other side does not accept the server's certificate.
    NotAccepted,
    TooSlow,
    WentAway,
    Other,
}

impl Refusal {
    /// What an error of a handshake means.
    pub(crate) fn of(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match inner {
            None => Self::WentAway,
            Some(Error::NoCertificatesPresented) => Self::NoCertificate,
            Some(Error::InvalidCertificate(error)) => Self::of_certificate(error),
            // Whoever names no kinds of signatures speaks a version that had none.
            Some(Error::PeerIncompatible(
                PeerIncompatible::SignatureAlgorithmsExtensionRequired
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::SupportedVersionsExtensionRequired,
            ))
            | Some(Error::AlertReceived(AlertDescription::ProtocolVersion)) => Self::OldProtocol,
            Some(Error::AlertReceived(
                AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnsupportedCertificate,
            )) => Self::NotAccepted,
            Some(Error::InvalidMessage(_)) => Self::PlainText,
            Some(_) => Self::Other,
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        use CertificateError as C;
        match error {
            C::Expired | C::ExpiredContext { .. } => Self::Expired,
            C::NotValidYet | C::NotValidYetContext { .. } => Self::NotYetValid,
            C::UnknownIssuer | C::BadSignature => Self::UnknownAuthority,
            C::Revoked => Self::Revoked,
            C::UnknownRevocationStatus => Self::NoRevocationList,
            C::ExpiredRevocationList | C::ExpiredRevocationListContext { .. } => {
                Self::OldRevocationList
            }
            C::InvalidPurpose | C::InvalidPurposeContext { .. } => Self::WrongUse,
            C::ApplicationVerificationFailure => Self::UnknownCaller,
            _ => Self::Other,
        }
    }

    /// One word for the figures.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::PlainText => "plain_text",
            Self::OldProtocol => "old_protocol",
            Self::NoCertificate => "no_certificate",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::UnknownAuthority => "unknown_authority",
            Self::UnknownCaller => "unknown_caller",
            Self::Revoked => "revoked",
            Self::NoRevocationList => "no_revocation_list",
            Self::OldRevocationList => "old_revocation_list",
            Self::WrongUse => "wrong_use",
            Self::NotAccepted => "not_accepted",
            Self::TooSlow => "too_slow",
            Self::WentAway => "went_away",
            Self::Other => "other",
        }
    }

    /// One sentence for the log.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::PlainText => {
                "a caller spoke plain text on a TLS port: it must be told to use TLS (https)"
            }
            Self::OldProtocol => {
                "a caller knows no TLS newer than 1.1: it must speak TLS 1.2 or 1.3"
            }
            Self::NoCertificate => "a caller showed no certificate, and must",
            Self::Expired => "a caller's certificate has expired: it needs a new one",
            Self::NotYetValid => "a caller's certificate is not valid yet: compare the clocks",
            Self::UnknownAuthority => {
                "a caller's certificate is of an authority that is not among tls.client_authorities"
            }
            Self::UnknownCaller => {
                "a caller's certificate is good, but no client of the configuration has its name: see \
                 `certificate` in [[fhir.clients]]"
            }
            Self::Revoked => "a caller's certificate was revoked",
            Self::NoRevocationList => {
                "a caller's authority has no list among tls.client_revocations, so nobody knows what it revoked"
            }
            Self::OldRevocationList => {
                "the revocation list of a caller's authority is out of date: put a new one into tls.client_revocations"
            }
            Self::WrongUse => "a caller's certificate is not one for clients (extended key usage)",
            Self::NotAccepted => {
                "a caller does not accept the server's certificate: it knows the server by another name, trusts \
                 another authority, or has another time"
            }
            Self::TooSlow => "a handshake took longer than tls.handshake_ms_max",
            Self::WentAway => "a caller went away in the middle of a handshake",
            Self::Other => "a TLS handshake failed: the two sides have nothing in common",
        }
    }
}
