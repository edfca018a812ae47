//! The four services.

mod details;
mod productpage;
mod ratings;
mod reviews;

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use clap::ValueEnum;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::control;
use crate::instance::Instance;
use crate::outbound::Answer;
use crate::peer;

/// Which of the services an instance plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// The page that people look at; it asks details and reviews.
    Productpage,
    /// What is known of the book.
    Details,
    /// How many stars each reader gave.
    Ratings,
    /// What readers said; v2 and v3 ask ratings.
    Reviews,
}

impl Role {
    /// The name of the service.
    pub(crate) fn service(self) -> &'static str {
        match self {
            Self::Productpage => "productpage",
            Self::Details => "details",
            Self::Ratings => "ratings",
            Self::Reviews => "reviews",
        }
    }
}

/// All pages of an instance: those of its role, which are counted, its health and its control.
pub(crate) fn router(instance: &Arc<Instance>) -> Router {
    let pages = match instance.role {
        Role::Productpage => productpage::router(),
        Role::Details => details::router(),
        Role::Ratings => ratings::router(),
        Role::Reviews => reviews::router(),
    };
    pages
        .route_layer(middleware::from_fn_with_state(Arc::clone(instance), control::observe))
        .with_state(Arc::clone(instance))
        .route("/health", get(|| async { "ok\n" }))
        .merge(control::router(instance))
}

/// Adds to an answer who gave it and who asked.
fn signed(instance: &Instance, headers: &http::HeaderMap, mut body: Value) -> Json<Value> {
    if let Value::Object(fields) = &mut body {
        fields.insert("podname".to_owned(), json!(instance.name));
        fields.insert("version".to_owned(), json!(instance.version));
        fields.insert("caller".to_owned(), json!(peer::spiffe_id(headers)));
    }
    Json(body)
}

/// Hands another service's answer to the caller as it is.
fn hand_on(answer: Answer) -> Response {
    let kind = if answer.status.is_success() { "application/json" } else { "text/plain" };
    (answer.status, [(CONTENT_TYPE, kind)], answer.body).into_response()
}
