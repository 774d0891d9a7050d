//! In front of everything else that a gRPC call goes through: whether there is a place for it. Who is refused costs
//! no more than reading a call's headers, and a few bytes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use empi_model::Operation;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::codegen::http::HeaderMap;

use super::Admission;
use crate::access::calls;
use crate::check::Check;
use crate::status;

/// The header that says how long a caller waits (gRPC over HTTP/2, "Timeout").
const TIMEOUT_HEADER: &str = "grpc-timeout";

impl Check for Admission {
    fn check(&self, request: &mut http::Request<Body>) -> Result<(), Status> {
        // Streams wait instead of being refused, each within limits of its own.
        let path = request.uri().path();
        let operation =
            calls::operation(path).filter(|it| *it != Operation::Probe && !calls::is_stream(path));
        if let Some(operation) = operation {
            let now = Instant::now();
            let deadline = timeout(request.headers()).and_then(|time| now.checked_add(time));
            let place = self.enter(operation, now, deadline).map_err(status::full)?;
            request.extensions_mut().insert(Arc::new(place));
        }
        Ok(())
    }
}

/// How long a caller waits; what is not understood is left to the transport, which refuses it.
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(TIMEOUT_HEADER)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let is_number = digits.len() <= 8 && digits.bytes().all(|it| it.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| is_number)?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio_stream::StreamExt as _;
    use tonic::Code;
    use tower::{Layer as _, Service as _};

    use super::*;
    use crate::check::CheckLayer;
    use crate::config::GrpcConfig;

    /// A call whose message must not be read.
    fn call(path: &str) -> http::Request<Body> {
        let frames = tokio_stream::iter([()]).map(|()| -> Result<String, Infallible> {
            panic!("the message of a call that is refused is read")
        });
        let body = Body::new(axum::body::Body::from_stream(frames));
        http::Request::builder().uri(path).body(body).unwrap()
    }

    #[tokio::test]
    async fn who_finds_no_place_is_refused_unread_and_told_when_to_come_again() {
        let limits = GrpcConfig { calls_max: 2, ..GrpcConfig::default() };
        let admission = Admission::new(&limits);
        let inside = |request: http::Request<Body>| async move {
            let mut response = http::Response::new(Body::empty());
            *response.extensions_mut() = request.extensions().clone();
            Ok::<_, Infallible>(response)
        };
        let mut service = CheckLayer(admission.clone()).layer(tower::service_fn(inside));
        let look = "/empi.v1.RegistryService/GetRecord";
        let first = service.call(call(look)).await.unwrap();
        assert!(first.extensions().get::<Arc<crate::admission::Place>>().is_some());
        let refused = service.call(call(look)).await.unwrap();
        let status = Status::from_header_map(refused.headers()).unwrap();
        assert_eq!(status.code(), Code::ResourceExhausted);
        let again = status.metadata().get("grpc-retry-pushback-ms").unwrap().to_str().unwrap();
        assert!((50..10_000).contains(&again.parse::<u32>().unwrap()), "{again}");
        assert_eq!((admission.running(), admission.refused()), (1, 1));
        for open in ["/grpc.health.v1.Health/Check", "/empi.v1.EventService/WatchEvents", "/x"] {
            let answered = service.call(call(open)).await.unwrap();
            assert!(!answered.headers().contains_key(Status::GRPC_STATUS), "{open}");
        }
        drop(first);
        let again = service.call(call(look)).await.unwrap();
        assert!(!again.headers().contains_key(Status::GRPC_STATUS));
    }

    #[test]
    fn the_time_that_a_caller_waits_is_understood() {
        let told = |text: &'static str| {
            timeout(&HeaderMap::from_iter([(
                TIMEOUT_HEADER.parse().unwrap(),
                text.parse().unwrap(),
            )]))
        };
        assert_eq!(told("250m"), Some(Duration::from_millis(250)));
        assert_eq!(told("2S"), Some(Duration::from_secs(2)));
        assert_eq!(told("1H"), Some(Duration::from_secs(3600)));
        assert_eq!(told("99999999n"), Some(Duration::from_nanos(99_999_999)));
        for not_understood in ["", "m", "12", "-1S", "123456789m", "1x"] {
            assert_eq!(told(not_understood), None, "{not_understood}");
        }
    }
}
