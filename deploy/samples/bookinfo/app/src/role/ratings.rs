//! Ratings: how many stars each reader gave.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use serde_json::{Value, json};

use crate::instance::Instance;

/// The service's pages.
pub(super) fn router() -> Router<Arc<Instance>> {
    Router::new().route("/ratings/{id}", get(stars))
}

async fn stars(State(instance): State<Arc<Instance>>, Path(id): Path<String>, headers: HeaderMap) -> Json<Value> {
    let stars = json!({ "id": id, "ratings": { "Juno": 5, "Bertram": 4 } });
    super::signed(&instance, &headers, stars)
}
