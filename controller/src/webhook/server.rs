//! The port of webhooks.
//!
//! Whoever reaches the port may ask, so a call is bounded in bytes and in time, and all calls together in memory. What
//! has not arrived takes no memory, the calls of one address leave memory for those of others, and small calls do not
//! wait for large ones.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use heddle_serve::room::{Room, Share};
use http_body_util::BodyExt;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
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
/// A call of no more bytes than this takes none of the shared room. Most pods are smaller.
const SMALL: usize = 64 << 10;
/// What large calls may take together while they arrive, in bytes.
const MAX_ARRIVING: usize = 64 << 20;
/// What the calls that are judged at a time may bring together, in kilobytes: read into memory an object is many times
/// as long. Large calls and small ones have as much each.
const MAX_TOGETHER: u32 = 4 << 10;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a call is not answered.
type Refusal = (StatusCode, String);

/// What the calls need.
#[derive(Clone)]
pub(crate) struct Webhooks {
    counts: Arc<Counts>,
    template: Template,
    pod_index: PodIndex,
    state: watch::Receiver<ControllerState>,
    room: Arc<Room>,
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

impl Webhooks {
    /// Webhooks that count here and inject this.
    pub(crate) fn new(
        counts: Arc<Counts>,
        template: Template,
        pod_index: PodIndex,
        state: watch::Receiver<ControllerState>,
    ) -> Self {
        let judged = || Arc::new(Semaphore::new(MAX_TOGETHER as usize));
        let (room, small, large) = (Room::new(MAX_ARRIVING), judged(), judged());
        Self { counts, template, pod_index, state, room, small, large }
    }
}

/// Serves until `end`.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: watch::Receiver<Arc<ServerConfig>>,
    webhooks: Webhooks,
    end: CancellationToken,
) {
    heddle_http1::serve(listener, Some(tls), router(webhooks), end.cancelled_owned()).await;
}

fn router(webhooks: Webhooks) -> Router {
    Router::new()
        .route("/validate", post(validated))
        .route("/validate/", post(validated))
        .route("/inject", post(injected))
        .route("/inject/{*environment}", post(injected))
        .route("/ready", get(async || StatusCode::OK))
        .with_state(webhooks)
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
    match answered(webhooks, request, judge).await {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err((code, reason)) => {
            webhooks.counts.unreadable.add(1);
            (code, reason + "\n").into_response()
        }
    }
}

async fn answered(
    webhooks: &Webhooks,
    request: Request,
    judge: impl FnOnce(&review::Request) -> Answer + Send + 'static,
) -> Result<Vec<u8>, Refusal> {
    let mut share = webhooks.room.share(&sender(&request));
    let body = tokio::time::timeout(PATIENCE, whole(request.into_body(), &mut share)).await;
    let late = |_| (StatusCode::REQUEST_TIMEOUT, "the request body did not arrive in time".to_owned());
    let body = body.map_err(late)??;
    let judged = if body.len() <= SMALL { &webhooks.small } else { &webhooks.large };
    let size = u32::try_from(body.len() >> 10).unwrap_or(MAX_TOGETHER).saturating_add(1);
    let room = judged.clone().acquire_many_owned(size).await;
    let room = room.map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    let answered = tokio::task::spawn_blocking(move || {
        let answered = answer(&body, judge);
        drop((room, share));
        answered
    });
    let answered = answered.await.unwrap_or_else(|error| Err(error.to_string()));
    answered.map_err(|reason| (StatusCode::BAD_REQUEST, reason))
}

/// The address of the caller.
fn sender(request: &Request) -> String {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map(|peer| peer.0.ip().to_canonical().to_string()).unwrap_or_default()
}

/// The whole body. What has not arrived takes no room.
async fn whole(mut body: Body, share: &mut Share) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = bytes.len() + data.len();
        if length > MAX_BODY {
            return Err((StatusCode::PAYLOAD_TOO_LARGE, "the object is larger than 3 megabytes".to_owned()));
        }
        if length > SMALL {
            share.grow(data.len()).await;
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// The whole answer.
fn answer(body: &[u8], judge: impl FnOnce(&review::Request) -> Answer) -> Result<Vec<u8>, String> {
    let request = review::read(body)?;
    let answer = judge(&request);
    serde_json::to_vec(&review::write(&request.uid, answer)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
