//! Productpage: the page that people look at, and the same as JSON.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;

use crate::instance::Instance;
use crate::page;
use crate::peer;

/// The only book there is.
const BOOK: &str = "0";

#[derive(Deserialize)]
struct Login {
    user: String,
}

/// The service's pages.
pub(super) fn router() -> Router<Arc<Instance>> {
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/productpage") }))
        .route("/productpage", get(productpage))
        .route("/login", get(login))
        .route("/logout", get(logout))
        .route("/api/v1/products/{id}", get(details))
        .route("/api/v1/products/{id}/reviews", get(reviews))
        .route("/api/v1/products/{id}/ratings", get(ratings))
}

async fn productpage(State(instance): State<Arc<Instance>>, headers: HeaderMap) -> Html<String> {
    let headers = with_user(headers);
    let (details, reviews) = (at("details", BOOK), at("reviews", BOOK));
    let (details, reviews) =
        tokio::join!(instance.outbound.get(&details, &headers), instance.outbound.get(&reviews, &headers));
    let user = headers.get("end-user").and_then(|user| user.to_str().ok());
    Html(page::render(&page::Content {
        served_by: &instance.name,
        caller: peer::spiffe_id(&headers).as_deref(),
        user,
        details: &details,
        reviews: &reviews,
    }))
}

async fn login(Query(login): Query<Login>) -> Response {
    let user: String = login.user.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    remember(&format!("user={user}; Path=/; HttpOnly; SameSite=Lax"))
}

async fn logout() -> Response {
    remember("user=; Path=/; Max-Age=0")
}

async fn details(State(instance): State<Arc<Instance>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    ask(&instance, "details", &id, headers).await
}

async fn reviews(State(instance): State<Arc<Instance>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    ask(&instance, "reviews", &id, headers).await
}

async fn ratings(State(instance): State<Arc<Instance>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    ask(&instance, "ratings", &id, headers).await
}

async fn ask(instance: &Instance, service: &str, id: &str, headers: HeaderMap) -> Response {
    super::hand_on(instance.outbound.get(&at(service, id), &with_user(headers)).await)
}

/// Where a service answers for a book. Anything but letters and digits in the id is dropped: it came
/// from outside and becomes part of a URI.
fn at(service: &str, id: &str) -> String {
    let id: String = id.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    format!("http://{service}:9080/{service}/{id}")
}

/// Who is logged in is said to the other services by `end-user`, so that routes can look at it.
fn with_user(mut headers: HeaderMap) -> HeaderMap {
    let user = headers
        .get(COOKIE)
        .and_then(|cookies| cookies.to_str().ok())
        .and_then(|cookies| cookies.split(';').find_map(|pair| pair.trim().strip_prefix("user=")))
        .and_then(|user| HeaderValue::from_str(user).ok());
    if let Some(user) = user.filter(|user| !user.is_empty()) {
        headers.entry("end-user").or_insert(user);
    }
    headers
}

fn remember(cookie: &str) -> Response {
    match HeaderValue::from_str(cookie) {
        Ok(cookie) => ([(SET_COOKIE, cookie)], Redirect::to("/productpage")).into_response(),
        Err(_) => Redirect::to("/productpage").into_response(),
    }
}
