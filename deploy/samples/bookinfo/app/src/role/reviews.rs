//! Reviews: what readers said, from v2 on with the stars that they gave.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use serde_json::{Value, json};

use crate::instance::Instance;

/// Readers and their words.
const REVIEWS: [(&str, &str); 2] = [
    ("Juno", "I had never dressed a loom before; a week after the third chapter my first cloth came off it."),
    ("Bertram", "Thorough on heddles and sheds, a little dry on dyes. The fold-out drafts alone are worth the price."),
];

/// The service's pages.
pub(super) fn router() -> Router<Arc<Instance>> {
    Router::new().route("/reviews/{id}", get(reviews))
}

async fn reviews(State(instance): State<Arc<Instance>>, Path(id): Path<String>, headers: HeaderMap) -> Json<Value> {
    let colour = match instance.version.as_str() {
        "v2" => Some("black"),
        "v3" => Some("red"),
        _ => None,
    };
    let mut body = json!({ "id": id });
    let ratings = match colour {
        None => Value::Null,
        Some(_) => ratings(&instance, &id, &headers).await,
    };
    body["reviews"] = REVIEWS
        .iter()
        .map(|(reader, text)| {
            let mut review = json!({ "reviewer": reader, "text": text });
            if let Some(colour) = colour {
                review["rating"] = rating(&ratings, reader, colour);
            }
            review
        })
        .collect();
    if colour.is_some() {
        body["ratedBy"] = ratings["podname"].clone();
    }
    super::signed(&instance, &headers, body)
}

/// What ratings says; null when it does not answer well, as reviews are worth reading without.
async fn ratings(instance: &Instance, id: &str, headers: &HeaderMap) -> Value {
    let answer = instance.outbound.get(&format!("http://ratings:9080/ratings/{id}"), headers).await;
    if !answer.status.is_success() {
        return json!({ "error": answer.status.as_u16() });
    }
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}

fn rating(ratings: &Value, reader: &str, colour: &str) -> Value {
    match &ratings["ratings"][reader] {
        Value::Null => json!({ "error": "ratings are not available", "status": ratings["error"] }),
        stars => json!({ "stars": stars, "color": colour }),
    }
}
