//! In front of every gRPC service: who calls, by which token or certificate, for what.

use std::sync::Arc;

use empi_model::{Domains, Interface, Operation, Purpose, Secret};
use tonic::body::Body;
use tonic::codegen::http;
use tonic::{Extensions, Status};

use super::lasting::{Means, Proof};
use super::{Caller, Denial, Origin, Permit, Subject, bearer, calls};
use crate::admission::Place;
use crate::check::Check;
use crate::door::Door;
use crate::exchange::Exchange;
use crate::listen::Peer;

/// The header that says what a call is for, as a code of HL7's PurposeOfUse.
pub(crate) const PURPOSE_HEADER: &str = "x-purpose-of-use";

/// Who calls, and which operation: what a handler finds beside its request.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) caller: Arc<Caller>,
    pub(crate) operation: Operation,
    /// The place of a call that was let in.
    pub(crate) place: Option<Arc<Place>>,
    /// By what the caller of a stream is known, which may end while it stands.
    pub(super) proof: Option<Proof>,
}

impl Entry {
    /// The entry of a request. Every request that came in through the layer has one.
    pub(crate) fn of(extensions: &Extensions) -> Result<Self, Status> {
        let entry = extensions.get::<Self>().cloned();
        entry.ok_or_else(|| Status::permission_denied("the call has no operation"))
    }

    /// Leave for what the call is about; within a stream, for each part of it.
    pub(crate) fn permit(&self, door: &Door, subject: Subject<'_>) -> Result<Permit, Denial> {
        if self.proof.as_ref().is_some_and(|proof| !proof.holds(door, &self.caller)) {
            return Err(Denial::NoLonger);
        }
        let permit = door.admit(&self.caller, self.operation, subject)?;
        Ok(permit.with_place(self.place.clone()))
    }
}

/// Asks who calls.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) door: Door,
    /// Knows the clients that show a certificate.
    pub(crate) exchange: Arc<Exchange>,
}

impl Check for Access {
    fn check(&self, request: &mut http::Request<Body>) -> Result<(), Status> {
        // A method that does not exist has no operation, and gets its answer from the router.
        if let Some(entry) = entry((&self.door, &self.exchange), request)? {
            request.extensions_mut().insert(entry);
        }
        Ok(())
    }
}

/// Who calls for which operation. What a role may never do is refused here, before a message is read.
fn entry(
    (door, exchange): (&Door, &Arc<Exchange>),
    request: &http::Request<Body>,
) -> Result<Option<Entry>, Status> {
    let path = request.uri().path();
    let Some(operation) = calls::operation(path) else {
        // Of ours, and without a line: nobody may.
        let is_ours = path.starts_with("/empi.v1.") && calls_of_ours().contains(&path[1..]);
        return if is_ours {
            Err(Status::permission_denied("no role may call this"))
        } else {
            Ok(None)
        };
    };
    let headers = request.headers();
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let peer = request.extensions().get::<Peer>();
    let address = peer.and_then(|peer| peer.address).map(|address| address.ip());
    let origin = Origin { interface: Interface::Grpc, address };
    let certificate = peer.and_then(|peer| peer.certificate.as_deref());
    let by_certificate = certificate.and_then(|it| exchange.callers.of_certificate(it));
    let token = text("authorization").map(bearer);
    let proof = calls::is_stream(path).then(|| {
        let by = match (token.flatten(), &by_certificate) {
            (Some(token), _) => Means::Token(Secret::new(token.to_owned())),
            (None, Some(_)) => Means::Certificate,
            (None, None) => Means::Word,
        };
        Proof { exchange: Arc::clone(exchange), by }
    });
    let caller = match (token, by_certificate) {
        (Some(Some(token)), _) => {
            exchange.of_token(door, token, origin.clone()).unwrap_or_else(|| Caller::nobody(origin))
        }
        (Some(None), _) => Caller::nobody(origin),
        (None, Some(client)) => exchange.caller(client, origin),
        (None, None) if exchange.is_open(door) => Caller::at_their_word(origin),
        (None, None) => Caller::nobody(origin),
    };
    let purpose = match text(PURPOSE_HEADER) {
        None => Purpose::Unsaid,
        Some(code) => Purpose::from_code(code).ok_or_else(|| {
            Status::invalid_argument(format!("`{PURPOSE_HEADER}` is no purpose of use"))
        })?,
    };
    let caller = Arc::new(caller.for_purpose(purpose));
    door.admit(&caller, operation, Subject::Named)?;
    let place = request.extensions().get().cloned();
    Ok(Some(Entry { caller, operation, place, proof }))
}

/// The paths of all methods of ours, without the first slash.
fn calls_of_ours() -> &'static std::collections::BTreeSet<String> {
    static PATHS: std::sync::LazyLock<std::collections::BTreeSet<String>> =
        std::sync::LazyLock::new(methods);
    &PATHS
}

/// Every method of the contract, such as `empi.v1.RegistryService/GetPerson`, as the descriptor tells.
pub(crate) fn methods() -> std::collections::BTreeSet<String> {
    use prost::Message as _;
    let files = prost_types::FileDescriptorSet::decode(empi_proto::FILE_DESCRIPTOR_SET);
    let mut paths = std::collections::BTreeSet::new();
    for file in files.map(|files| files.file).unwrap_or_default() {
        for service in &file.service {
            for method in &service.method {
                paths.insert(format!("{}.{}/{}", file.package(), service.name(), method.name()));
            }
        }
    }
    paths
}

/// A caller that belongs to the server itself, such as who is told of changes: it asks, and changes nothing.
pub(crate) fn reader_of_its_own(name: &str, interface: Interface) -> Arc<Caller> {
    let origin = Origin { interface, address: None };
    Arc::new(Caller::known(name, vec![empi_model::Role::Reader], Domains::none(), origin))
}
