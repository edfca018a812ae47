//! The control pages: what an instance saw, and telling it to do wrong.
//!
//! They are for whoever runs the demo and are asked for on the instance's own address, beside the
//! sidecar and not through it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Serialize;

use crate::fault::Fault;
use crate::instance::Instance;
use crate::peer;

/// How many different callers are told apart; a sample must not grow without bound either.
const CALLERS: usize = 64;

/// What an instance saw since it started or since the last reset.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Seen {
    /// All requests but those of the control pages and of health checks.
    pub(crate) requests: u64,
    /// Requests by the caller's SPIFFE id; `plain` for those that carried none.
    pub(crate) callers: BTreeMap<String, u64>,
}

/// The control pages.
pub(crate) fn router(instance: &Arc<Instance>) -> Router {
    Router::new()
        .route("/control/seen", get(seen))
        .route("/control/reset", post(reset))
        .route("/control/fault", put(set_fault))
        .with_state(Arc::clone(instance))
}

/// Counts a request and does what the instance was told to do wrong to it.
pub(crate) async fn observe(State(instance): State<Arc<Instance>>, request: Request, next: Next) -> Response {
    count(&instance, &request);
    let verdict = instance.fault.lock().unwrap_or_else(PoisonError::into_inner).next();
    if !verdict.delay.is_zero() {
        tokio::time::sleep(verdict.delay).await;
    }
    match verdict.status {
        Some(status) => (status, format!("{} was told to fail\n", instance.name)).into_response(),
        None => next.run(request).await,
    }
}

fn count(instance: &Instance, request: &Request) {
    let caller = peer::spiffe_id(request.headers()).unwrap_or_else(|| "plain".to_owned());
    let mut seen = instance.seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.requests += 1;
    if seen.callers.len() < CALLERS || seen.callers.contains_key(&caller) {
        *seen.callers.entry(caller).or_default() += 1;
    }
}

async fn seen(State(instance): State<Arc<Instance>>) -> Json<Seen> {
    Json(instance.seen.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

async fn reset(State(instance): State<Arc<Instance>>) {
    *instance.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen::default();
    *instance.fault.lock().unwrap_or_else(PoisonError::into_inner) = Fault::default();
}

async fn set_fault(State(instance): State<Arc<Instance>>, Json(fault): Json<Fault>) {
    *instance.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
}
