//! Every route of the web pages, with the operation that it stands for. There is no other way to a page: what is
//! not in this table is not served, and what is in it has an operation, and so a line in `access`.

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};

use super::Web;
use super::access::Operation;
use super::answer::{Refusal, is_over_tls, protect};
use super::gate::{Guarded, gate, refused};
use super::pages::{
    account, alike, approvals, audit, consent, decide, elsewhere, emergency, erase, labels,
    operation, overview, person, quality, search, sign_in, state, task, tuning, undo, users,
    worklist,
};
use crate::listen::Peer;

/// One line of the table.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) operation: Operation,
    page: MethodRouter<Web>,
}

fn show<H, T>(path: &'static str, operation: Operation, page: H) -> Route
where
    H: Handler<T, Web>,
    T: 'static,
{
    Route { method: Method::GET, path, operation, page: get(page) }
}

fn take<H, T>(path: &'static str, operation: Operation, page: H) -> Route
where
    H: Handler<T, Web>,
    T: 'static,
{
    Route { method: Method::POST, path, operation, page: post(page) }
}

/// The table.
pub(super) fn table() -> Vec<Route> {
    use Operation::{
        Approve, BreakGlass, ChangeIdentities, ChangeUsers, Decide, DecideMany, DrawSample,
        ErasePersons, Label, OwnAccount, Probe, ReviewGlass, SetConsent, SignIn, Tune, ViewAudit,
        ViewPersons, ViewQuality, ViewQueue, ViewUsers,
    };
    vec![
        show("/livez", Probe, state::lives),
        show("/readyz", Probe, state::is_ready),
        show("/metrics", Probe, state::figures),
        show("/assets/{name}", Probe, super::assets::show),
        show("/sign-in", SignIn, sign_in::show),
        take("/sign-in", SignIn, sign_in::take),
        show("/sign-in/elsewhere", SignIn, elsewhere::leave),
        show("/sign-in/return", SignIn, elsewhere::back),
        take("/sign-out", OwnAccount, sign_in::leave),
        show("/", OwnAccount, overview::show),
        show("/password", OwnAccount, account::show_password),
        take("/password", OwnAccount, account::take_password),
        take("/theme", OwnAccount, account::take_theme),
        show("/worklist", ViewQueue, worklist::show),
        show("/worklist/after/{place}", ViewQueue, worklist::show_after),
        take("/worklist", ViewQueue, worklist::take),
        take("/worklist/next", Decide, decide::take_next),
        show("/tasks/{id}", ViewQueue, task::show),
        take("/tasks/{id}", Decide, decide::take),
        take("/tasks/{id}/claim", Decide, decide::claim),
        take("/events/{id}/undo", Decide, undo::take),
        show("/alike/{pattern}", ViewQueue, alike::show),
        take("/alike/{pattern}", DecideMany, alike::take),
        take("/events/undo", DecideMany, undo::take_all),
        show("/search", ViewPersons, search::show),
        take("/search", ViewPersons, search::take),
        show("/persons/{id}", ViewPersons, person::show),
        take("/persons/{id}/compare", ViewPersons, operation::compare),
        show("/persons/{id}/emergency", BreakGlass, elsewhere::leave_in_emergency),
        take("/persons/{id}/emergency", BreakGlass, emergency::state),
        take("/persons/{id}/consent", SetConsent, consent::take),
        take("/operations/preview", ChangeIdentities, operation::preview),
        take("/operations", ChangeIdentities, operation::take),
        show("/persons/{id}/erase", ErasePersons, erase::show),
        take("/persons/{id}/erase", ErasePersons, erase::take),
        show("/events/{id}/certificate.json", ErasePersons, erase::hand_out),
        show("/approvals", ViewQueue, approvals::list),
        show("/approvals/{id}", ViewQueue, approvals::show),
        take("/approvals/{id}", Approve, approvals::take),
        show("/quality", ViewQuality, quality::show),
        show("/quality.csv", ViewQuality, quality::export),
        show("/labels", Label, labels::show),
        take("/labels", DrawSample, labels::draw),
        show("/labels/next", Label, labels::next),
        take("/labels/next", Label, labels::take),
        take("/labels/back", Label, labels::take_back),
        show("/tuning", Tune, tuning::show),
        show("/tuning/model.toml", Tune, tuning::model),
        take("/tuning/count", Tune, tuning::count),
        take("/tuning/stop", Tune, tuning::stop),
        take("/tuning/replay", Tune, tuning::replay),
        take("/tuning/promote", Tune, tuning::promote),
        take("/tuning/rollback", Tune, tuning::roll_back),
        show("/audit", ViewAudit, audit::show),
        take("/audit", ViewAudit, audit::take),
        show("/emergencies", ReviewGlass, emergency::show),
        take("/emergencies/{number}", ReviewGlass, emergency::review),
        show("/users", ViewUsers, users::show),
        take("/users", ChangeUsers, users::add),
        take("/users/{name}", ChangeUsers, users::change),
    ]
}

/// The pages behind their gate.
pub(super) fn router(web: Web) -> Router {
    let mut router = Router::new();
    for Route { method, path, operation, page } in table() {
        let guarded = Guarded { web: web.clone(), operation, method, path };
        router = router.route(path, page.layer(from_fn_with_state(guarded, gate)));
    }
    let unknown = || async { refused(&Refusal::not_found(), None) };
    let config = web.0.config;
    let protected = move |request: Request, next: Next| async move {
        let peer = request.extensions().get::<Peer>();
        let is_over_tls = config.over_tls
            || peer.is_some_and(|peer| peer.is_encrypted)
            || is_over_tls(request.headers());
        let mut response = next.run(request).await;
        protect(response.headers_mut(), is_over_tls);
        response
    };
    router.fallback(unknown).layer(from_fn(protected)).with_state(web)
}
