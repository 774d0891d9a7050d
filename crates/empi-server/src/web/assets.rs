//! Styles and scripts, compiled into the program. Their names carry a hash of what is in them, so that browsers
//! keep them for ever and never have an old one.

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Path;
use axum::http::Response;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::response::IntoResponse as _;

use super::answer::Refusal;

/// One file.
struct Asset {
    name: String,
    kind: &'static str,
    bytes: &'static [u8],
}

impl Asset {
    fn new(stem: &str, ending: &str, kind: &'static str, bytes: &'static [u8]) -> Self {
        let hash = xxhash_rust::xxh3::xxh3_64(bytes);
        Self { name: format!("{stem}-{hash:016x}.{ending}"), kind, bytes }
    }

    fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("empi", "css", "text/css; charset=utf-8", include_bytes!("assets/empi.css"))
});
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let kind = "text/javascript; charset=utf-8";
    Asset::new("empi", "js", kind, include_bytes!("assets/empi.js"))
});
static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("empi", "svg", "image/svg+xml", include_bytes!("assets/empi.svg")));

/// Where the styles of every page are.
pub(super) fn style() -> String {
    STYLE.path()
}

/// Where the script of every page is.
pub(super) fn script() -> String {
    SCRIPT.path()
}

/// Where the icon of every page is.
pub(super) fn icon() -> String {
    ICON.path()
}

pub(super) async fn show(Path(name): Path<String>) -> Response<Body> {
    let found = [&*STYLE, &*SCRIPT, &*ICON].into_iter().find(|asset| asset.name == name);
    let Some(asset) = found else { return Refusal::not_found().into_response() };
    let mut response = Response::new(Body::from(asset.bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    let for_ever = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(CACHE_CONTROL, for_ever);
    response
}
