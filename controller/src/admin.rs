//! The pages that people and probes read: `/ready`, `/version`, `/metrics` and `/debug`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use heddle_ca::Authority;
use heddle_serve::push::Published;
use heddle_serve::registry::{ConnectionRegistry, ProxyState};
use heddle_xds_api::TypeUrl;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::Layer;
use tower::util::MapRequestLayer;

use crate::telemetry::Log;
use crate::writer::ControllerState;

mod dump;
mod inspect;
mod issues;
mod metrics;
mod objects;
mod path;
mod scopes;
mod sync;
mod version;

/// What the pages show.
#[derive(Clone)]
pub(crate) struct Pages {
    /// Connected proxies.
    pub registry: Arc<ConnectionRegistry>,
    /// The newest revision and what is wrong with files.
    pub state: watch::Receiver<ControllerState>,
    /// What the objects lead to and select.
    pub bindings: watch::Receiver<Arc<heddle_store::Bindings>>,
    /// What streams are answered from.
    pub published: watch::Receiver<Option<Published>>,
    /// The authority of the moment; none before it was loaded.
    pub authority: watch::Receiver<Option<Arc<Authority>>>,
    /// What compilation found wrong, and how it went.
    pub compiled: Arc<crate::generate::CountedCompiler>,
    /// Calls of webhooks.
    pub webhooks: Arc<crate::webhook::Counts>,
    /// Reviews of tokens.
    pub tokens: Arc<crate::auth::Counts>,
    /// The cluster's name.
    pub cluster: String,
    /// The name of this process.
    pub pod: String,
    /// When the process started.
    pub started: Instant,
}

/// The pages below `/debug/`: the name, the query that it needs, and what it is for.
const INDEX: &[(&str, &str, &str)] = &[
    ("syncz", "", "what each proxy was sent and has acknowledged"),
    ("adsz", "", "connected proxies"),
    ("connections", "", "a short list of connected proxies"),
    ("configz", "", "the objects that configure the mesh"),
    ("registryz", "", "services"),
    ("endpointz", "", "endpoints of services"),
    ("issuez", "", "issues of objects and files"),
    ("mesh", "", "mesh-wide settings"),
    ("clusterz", "", "clusters whose objects are read"),
    ("config_dump", OF_PROXY, "the configuration of a proxy, as Envoy's config dump"),
    ("edsz", OF_PROXY, "the endpoints of a proxy"),
    ("ndsz", OF_PROXY, "the name table of a proxy"),
    ("list", "", "the names of these pages"),
];

/// The pages that are about one proxy, and the type that its stream subscribes to.
const PROXY_PAGES: [(&str, TypeUrl); 3] =
    [("/debug/config_dump", TypeUrl::Cluster), ("/debug/edsz", TypeUrl::Endpoint), ("/debug/ndsz", TypeUrl::NameTable)];
/// The query that they need.
const OF_PROXY: &str = "?proxyID=<pod>.<namespace>";

/// `istioctl` knows these words, and then asks the next pod of the control plane.
const NOT_CONNECTED: &str = "Proxy not connected to this Pilot instance. It may be connected to another instance.\n";

/// Which proxy a page is about.
#[derive(Debug, Deserialize)]
struct Of {
    #[serde(rename = "proxyID")]
    proxy: Option<String>,
    namespace: Option<String>,
}

/// Serves the pages until `end`.
pub(crate) async fn serve(listener: TcpListener, pages: Pages, end: CancellationToken) {
    serve_router(listener, router(pages), end).await;
}

/// Serves the log levels until `end`.
pub(crate) async fn serve_levels(listener: TcpListener, log: Log, end: CancellationToken) {
    serve_router(listener, scopes::router(log), end).await;
}

async fn serve_router(listener: TcpListener, router: Router, end: CancellationToken) {
    // Before the router, which knows a path by its text.
    let service = MapRequestLayer::new(path::clean).layer(router.fallback(no_page));
    heddle_http1::serve(listener, None, service, end.cancelled_owned()).await;
}

fn router(pages: Pages) -> Router {
    Router::new()
        .route("/ready", get(ready))
        .route("/version", get(async || version::text()))
        .route("/metrics", get(|State(pages): State<Pages>| async move { metrics::page(&pages) }))
        .merge(debug().layer(from_fn(only_this_machine)))
        .with_state(pages)
}

/// The pages that say much of the mesh. Who may read them is for the caller to say.
fn debug() -> Router<Pages> {
    let pages = Router::new()
        .route("/debug", get(index))
        .route("/debug/", get(index))
        .route("/debug/list", get(list))
        .route("/debug/syncz", get(syncz))
        .route("/debug/adsz", get(|State(pages): State<Pages>| async move { json(&sync::clients(&pages)) }))
        .route("/debug/connections", get(|State(pages): State<Pages>| async move { json(&sync::connections(&pages)) }))
        .route("/debug/configz", get(|State(pages): State<Pages>| async move { json(&objects::configz(&pages)) }))
        .route("/debug/registryz", get(|State(pages): State<Pages>| async move { json(&objects::registryz(&pages)) }))
        .route("/debug/endpointz", get(|State(pages): State<Pages>| async move { json(&objects::endpointz(&pages)) }))
        .route("/debug/mesh", get(|State(pages): State<Pages>| async move { json(&objects::mesh(&pages)) }))
        .route("/debug/issuez", get(|State(pages): State<Pages>| async move { json(&issues::issuez(&pages)) }))
        .route("/debug/clusterz", get(|State(pages): State<Pages>| async move { json(&objects::clusterz(&pages)) }));
    PROXY_PAGES.into_iter().fold(pages, |pages, (path, url)| {
        let of_proxy = move |State(pages): State<Pages>, Query(of): Query<Of>| proxy_page(pages, of, url);
        pages.route(path, get(of_proxy))
    })
}

/// Configuration says much of a mesh: debug pages answer callers of this machine only.
async fn only_this_machine(ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request, next: Next) -> Response {
    if peer.ip().to_canonical().is_loopback() {
        return next.run(request).await;
    }
    tracing::warn!(%peer, page = request.uri().path(), "refused a debug page, because the client is not on loopback");
    StatusCode::FORBIDDEN.into_response()
}

/// `istioctl` knows an unknown page by these words, and then lists the pages that there are.
async fn no_page() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}

async fn ready(State(pages): State<Pages>) -> StatusCode {
    // Streams wait for the first revision, callers for the authority.
    let ready = pages.published.borrow().is_some() && pages.authority.borrow().is_some();
    if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn index() -> Response {
    let line = |(name, query, what): &(&str, &str, &str)| {
        let page = format!("/debug/{name}{query}");
        format!("<li><a href=\"{page}\">{page}</a> {what}</li>\n")
    };
    let list: String = INDEX.iter().map(line).collect();
    let page = format!("<!doctype html><title>heddled</title><h1>heddled</h1><ul>\n{list}</ul>\n");
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

async fn list() -> Response {
    json(&INDEX.iter().map(|(name, _, _)| *name).collect::<Vec<_>>().into())
}

async fn syncz(State(pages): State<Pages>, Query(of): Query<Of>) -> Response {
    json(&sync::syncz(&pages, of.namespace.as_deref()))
}

async fn proxy_page(pages: Pages, of: Of, url: TypeUrl) -> Response {
    match of.proxy {
        Some(name) => shown(pages.registry.find(&name, url), url).await,
        None => (StatusCode::BAD_REQUEST, "You must provide a proxyID in the query string\n").into_response(),
    }
}

/// What a proxy was sent of a type, if it is connected. Of clusters all that an Envoy has is shown.
async fn shown(proxy: Option<ProxyState>, url: TypeUrl) -> Response {
    let Some(state) = proxy else { return (StatusCode::NOT_FOUND, NOT_CONNECTED).into_response() };
    // Thousands of resources become JSON: not on a thread that serves streams.
    match tokio::task::spawn_blocking(move || dump::page(&state, url)).await {
        Ok(dump) => json(&dump),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn json(value: &Value) -> Response {
    let text = serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
