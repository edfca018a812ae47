//! The agent's pages on port 15020: readiness, merged metrics, and two ways to stop, for clients on this machine only.

mod counters;
mod metrics;
mod readiness;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode, Uri, header};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::admin::Local;
use crate::envoy::Phase;
use crate::probes::Probes;
use crate::svid::Current;
use metrics::merged;
use readiness::{NotReady, ready};

pub(crate) use counters::Counters;
pub(crate) use metrics::Sources;

/// The shared state of the pages.
#[derive(Debug)]
pub(crate) struct Status {
    /// The client for Envoy and the application.
    pub(crate) local: Local,
    /// Their addresses.
    pub(crate) sources: Sources,
    /// The probes and hooks of the application.
    pub(crate) probes: Probes,
    /// The counters of the agent.
    pub(crate) counters: Arc<Counters>,
    /// The current certificate.
    pub(crate) current: watch::Receiver<Current>,
    /// The phase of the shutdown.
    pub(crate) phase: watch::Sender<Phase>,
}

/// Serves until the process ends.
pub(crate) async fn serve(socket: TcpListener, status: Arc<Status>) {
    let router = Router::new()
        .route("/healthz/ready", get(readiness))
        .route("/stats/prometheus", get(metrics))
        .route("/metrics", get(metrics))
        .route("/drain", post(drain))
        .route("/quitquitquit", post(quit))
        .route("/app-health/{container}/{probe}", get(probe))
        .route("/app-lifecycle/{container}/{hook}", get(probe))
        .with_state(status);
    heddle_http1::serve(socket, None, router, std::future::pending()).await;
}

async fn readiness(State(status): State<Arc<Status>>) -> Response {
    let verdict = if *status.phase.borrow() == Phase::Running {
        ready(&status.local, status.sources.admin).await
    } else {
        Err(NotReady::Draining)
    };
    match verdict {
        Ok(()) => StatusCode::OK.into_response(),
        Err(reason) => {
            tracing::debug!(%reason, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response()
        }
    }
}

async fn metrics(State(status): State<Arc<Status>>) -> Response {
    let current = status.current.borrow().clone();
    let page = merged(&status.local, &status.sources, &status.counters, &current).await;
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response()
}

/// Runs a probe of the application for the kubelet.
async fn probe(State(status): State<Arc<Status>>, uri: Uri, headers: HeaderMap) -> Response {
    match status.probes.ask(uri.path(), &headers).await {
        Some(answer) => (answer.status, answer.body).into_response(),
        None => (StatusCode::NOT_FOUND, "the pod has no probe with this path\n").into_response(),
    }
}

/// Drains Envoy. The preStop hook of a pod calls it.
async fn drain(State(status): State<Arc<Status>>, ConnectInfo(peer): ConnectInfo<SocketAddr>) -> Response {
    advance(&status, peer, Phase::Draining)
}

/// Stops the agent. A job calls it when its work is done.
async fn quit(State(status): State<Arc<Status>>, ConnectInfo(peer): ConnectInfo<SocketAddr>) -> Response {
    advance(&status, peer, Phase::Terminating)
}

fn advance(status: &Status, peer: SocketAddr, to: Phase) -> Response {
    if !peer.ip().to_canonical().is_loopback() {
        return (StatusCode::FORBIDDEN, "only clients on loopback are allowed\n").into_response();
    }
    status.phase.send_if_modified(|phase| {
        let further = to > *phase;
        *phase = to.max(*phase);
        further
    });
    (StatusCode::OK, "OK").into_response()
}
