//! Limits of the web pages.

use std::time::Duration;

use serde::Deserialize;

/// Limits of the web pages. All are at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebConfig {
    /// Connections at a time; more wait until one closes.
    pub connections_max: usize,
    /// Bytes of the head of a request.
    pub header_bytes_max: usize,
    /// Bytes of a form.
    pub form_bytes_max: usize,
    /// Milliseconds until a request is given up.
    pub request_ms_max: u64,
    /// Milliseconds that a connection may take for the head of its next request.
    pub idle_ms_max: u64,
    /// Sessions at a time.
    pub sessions_max: usize,
    /// Seconds without a request after which somebody has to sign in again.
    pub session_idle_seconds_max: u64,
    /// Seconds after which somebody has to sign in again, whatever they did.
    pub session_seconds_max: u64,
    /// Whether whatever stands in front adds TLS to every page: then browsers are told to come back over nothing
    /// else. Where the front says so itself, in `X-Forwarded-Proto` or `Forwarded`, it need not be said here, nor where the
    /// server speaks TLS (`[tls]`).
    pub over_tls: bool,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            connections_max: 512,
            header_bytes_max: 16 << 10,
            form_bytes_max: 64 << 10,
            request_ms_max: 10_000,
            idle_ms_max: 30_000,
            sessions_max: 10_000,
            session_idle_seconds_max: 15 * 60,
            session_seconds_max: 10 * 60 * 60,
            over_tls: false,
        }
    }
}

impl WebConfig {
    /// Each limit that counts something, by its name in the file, with its largest sensible value.
    pub(crate) const fn bounds(&self) -> [(&'static str, u64, u64); 8] {
        let (count, time) = (1 << 30, u32::MAX as u64);
        [
            ("web.connections_max", self.connections_max as u64, count),
            // The least that the HTTP library takes.
            ("web.header_bytes_max", self.header_bytes_max as u64, count),
            ("web.form_bytes_max", self.form_bytes_max as u64, count),
            ("web.request_ms_max", self.request_ms_max, time),
            ("web.idle_ms_max", self.idle_ms_max, time),
            ("web.sessions_max", self.sessions_max as u64, count),
            ("web.session_idle_seconds_max", self.session_idle_seconds_max, time),
            ("web.session_seconds_max", self.session_seconds_max, time),
        ]
    }

    pub(super) const fn request_time_max(&self) -> Duration {
        Duration::from_millis(self.request_ms_max)
    }

    pub(super) const fn idle_time_max(&self) -> Duration {
        Duration::from_millis(self.idle_ms_max)
    }

    pub(super) const fn session_idle_time_max(&self) -> Duration {
        Duration::from_secs(self.session_idle_seconds_max)
    }

    pub(super) const fn session_time_max(&self) -> Duration {
        Duration::from_secs(self.session_seconds_max)
    }
}
