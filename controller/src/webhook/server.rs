//! The port of webhooks: HTTPS with HTTP/1.1, which is what API servers speak to webhooks.
//!
//! Whoever reaches the port may ask, so a call is bounded in bytes and in time, and all calls together in memory.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http_body_util::{BodyExt, Limited};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::analysis;
use super::counts::Counts;
use super::inject::{self, Template};
use super::review::{self, Answer};
use super::validate;
use crate::source::pod_index::PodIndex;
use crate::writer::ControllerState;

/// The longest call, in bytes: what an API server takes in one object.
const MAX_BODY: usize = 3 << 20;
/// What all calls under way may bring together, in kilobytes: read into memory an object is many times as long.
const MAX_TOGETHER: u32 = 4 << 10;
/// Connections at a time.
const MAX_CONNECTIONS: usize = 512;
/// How long a handshake, a header or a body may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the calls need.
#[derive(Clone)]
pub(crate) struct Webhooks {
    counts: Arc<Counts>,
    template: Template,
    pod_index: PodIndex,
    state: watch::Receiver<ControllerState>,
    room: Arc<Semaphore>,
}

impl Webhooks {
    /// Webhooks that count here and inject this.
    pub(crate) fn new(
        counts: Arc<Counts>,
        template: Template,
        pod_index: PodIndex,
        state: watch::Receiver<ControllerState>,
    ) -> Self {
        Self { counts, template, pod_index, state, room: Arc::new(Semaphore::new(MAX_TOGETHER as usize)) }
    }
}

/// Serves until `end`.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: watch::Receiver<Arc<ServerConfig>>,
    webhooks: Webhooks,
    end: CancellationToken,
) {
    let router = Router::new()
        .route("/validate", post(validated))
        .route("/validate/", post(validated))
        .route("/inject", post(injected))
        .route("/inject/{*environment}", post(injected))
        .route("/ready", get(async || StatusCode::OK))
        .with_state(webhooks);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = end.cancelled() => return,
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                let mut tls = ServerConfig::clone(&tls.borrow());
                tls.alpn_protocols = vec![b"http/1.1".to_vec()];
                connections.spawn(connection(stream, peer, Arc::new(tls), router.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, tls: Arc<ServerConfig>, router: Router) {
    let handshake = tokio::time::timeout(PATIENCE, tokio_rustls::TlsAcceptor::from(tls).accept(stream));
    let Ok(Ok(stream)) = handshake.await else {
        tracing::debug!(%peer, "the TLS handshake with a client of the webhook failed");
        return;
    };
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await {
        tracing::debug!(%peer, %error, "the connection of a webhook client failed");
    }
}

async fn validated(State(webhooks): State<Webhooks>, request: Request) -> Response {
    let counts = webhooks.counts.clone();
    let snapshot = webhooks.state.borrow().snapshot.clone();
    ask(&webhooks, request, move |request| {
        let mut answer = validate::judge(request);
        if answer.refused.is_none() && request.operation != "DELETE" {
            answer.warnings.extend(analysis::warnings(&request.object, &request.namespace, &snapshot));
        }
        if answer.refused.is_none() {
            counts.valid.add(1);
        } else {
            counts.invalid.add(1);
        }
        answer
    })
    .await
}

async fn injected(State(webhooks): State<Webhooks>, request: Request) -> Response {
    let (counts, template) = (webhooks.counts.clone(), webhooks.template.borrow().clone());
    let snapshot = webhooks.state.borrow().snapshot.clone();
    let (native, path) = (webhooks.pod_index.has_native_sidecars(), request.uri().path().to_owned());
    ask(&webhooks, request, move |request| {
        let environment = path.strip_prefix("/inject").unwrap_or_default();
        let answer = inject::judge(request, environment, template.as_deref(), native, &snapshot);
        match (&answer.refused, &answer.patch) {
            (Some(_), _) => counts.uninjected.add(1),
            (None, Some(_)) => counts.injected.add(1),
            (None, None) => counts.skipped.add(1),
        }
        answer
    })
    .await
}

/// Reads the question in bounded memory, and lets it be judged outside the async workers.
async fn ask(
    webhooks: &Webhooks,
    request: Request,
    judge: impl FnOnce(&review::Request) -> Answer + Send + 'static,
) -> Response {
    let (parts, body) = request.into_parts();
    let length = length(&parts.headers);
    if length.is_some_and(|length| length > MAX_BODY) {
        webhooks.counts.unreadable.add(1);
        return (StatusCode::PAYLOAD_TOO_LARGE, "the object is larger than 3 megabytes\n").into_response();
    }
    let size = u32::try_from(length.unwrap_or(MAX_BODY) >> 10).unwrap_or(MAX_TOGETHER).saturating_add(1);
    // Held until the answer is made; who finds no room waits.
    let Ok(_room) = webhooks.room.clone().acquire_many_owned(size).await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let answered = match whole(body).await {
        Ok(body) => {
            let answered = tokio::task::spawn_blocking(move || answer(&body, judge)).await;
            answered.unwrap_or_else(|error| Err(error.to_string()))
        }
        Err(refusal) => Err(refusal),
    };
    match answered {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(reason) => {
            webhooks.counts.unreadable.add(1);
            (StatusCode::BAD_REQUEST, reason + "\n").into_response()
        }
    }
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn whole(body: Body) -> Result<Vec<u8>, String> {
    let body = tokio::time::timeout(PATIENCE, Limited::new(body, MAX_BODY).collect()).await;
    let body = body.map_err(|_| "the request body did not arrive in time")?.map_err(|error| error.to_string())?;
    Ok(body.to_bytes().to_vec())
}

/// The whole answer.
fn answer(body: &[u8], judge: impl FnOnce(&review::Request) -> Answer) -> Result<Vec<u8>, String> {
    let request = review::read(body)?;
    let answer = judge(&request);
    serde_json::to_vec(&review::write(&request.uid, answer)).map_err(|error| error.to_string())
}
