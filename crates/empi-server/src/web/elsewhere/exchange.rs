//! The exchange of a code for an identity, at the provider's token endpoint (RFC 6749 §4.1.3).

use axum::body::Body;
use axum::http::{Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;

use super::Elsewhere;
use crate::tls::OutgoingError;

/// Most bytes of the provider's answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Why there is no identity. Tells nothing of what was sent or answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// There is no connection by TLS.
    #[error("{0}")]
    Connection(#[from] OutgoingError),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    /// It says no.
    #[error("it answers with {0}")]
    Refused(u16),
    /// Its answer is none.
    #[error("its answer has no identity token, or is too long")]
    Answer,
    /// It took too long.
    #[error("it takes too long")]
    Late,
}

#[derive(Deserialize)]
struct Answer {
    id_token: String,
}

impl Elsewhere {
    /// The identity token that a code is good for.
    pub(super) async fn exchange(
        &self,
        code: &str,
        verifier: &str,
    ) -> Result<String, ExchangeError> {
        let (address, path) = self.config.token_place().ok_or(ExchangeError::Answer)?;
        let stream = self.outgoing()?.connect(&address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the answer, or with the sender below.
        let running = tokio::spawn(connection);
        let answer = sender.send_request(self.request(path, code, verifier)?).await;
        let answer = async {
            let answer = answer?;
            let status = answer.status().as_u16();
            if status != 200 {
                return Err(ExchangeError::Refused(status));
            }
            let body = axum::body::to_bytes(Body::new(answer.into_body()), ANSWER_BYTES_MAX).await;
            let body = body.map_err(|_| ExchangeError::Answer)?;
            let answer: Answer =
                serde_json::from_slice(&body).map_err(|_| ExchangeError::Answer)?;
            Ok(answer.id_token)
        };
        let answer = answer.await;
        running.abort();
        answer
    }

    fn request(
        &self,
        path: &str,
        code: &str,
        verifier: &str,
    ) -> Result<Request<Body>, ExchangeError> {
        let config = &self.config;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &config.redirect)
            .append_pair("client_id", &config.client_id)
            .append_pair("code_verifier", verifier);
        let host = config.token_place().map(|(address, _)| address).unwrap_or_default();
        let mut request = Request::post(path)
            .header(header::HOST, host.trim_end_matches(":443"))
            .header(header::ACCEPT, "application/json")
            .header(header::CONNECTION, "close")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(secret) = &self.secret {
            // RFC 6749 §2.3.1: both are form-encoded first.
            let encoded = |text: &str| -> String {
                form_urlencoded::byte_serialize(text.as_bytes()).collect()
            };
            let pair = format!("{}:{}", encoded(&config.client_id), encoded(secret.expose()));
            request =
                request.header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair)));
        }
        request.body(Body::from(form.finish())).map_err(|_| ExchangeError::Answer)
    }
}
