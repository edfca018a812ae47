//! Details: what is known of the book.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use serde_json::{Value, json};

use crate::instance::Instance;

/// The service's pages.
pub(super) fn router() -> Router<Arc<Instance>> {
    Router::new().route("/details/{id}", get(book))
}

async fn book(State(instance): State<Arc<Instance>>, Path(id): Path<String>, headers: HeaderMap) -> Json<Value> {
    let book = json!({
        "id": id,
        "title": "The Weaver's Companion",
        "author": "Ada Shedwell",
        "year": 1893,
        "type": "hardcover",
        "pages": 312,
        "publisher": "Shuttle & Reed",
        "language": "English",
    });
    super::signed(&instance, &headers, book)
}
