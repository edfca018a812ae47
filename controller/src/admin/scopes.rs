//! The log levels, as istiod's ControlZ shows them: `/scopej` is for `heddlectl admin log` and `istioctl admin log`,
//! `/scopez` for people.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::json;
use crate::telemetry::{self, Level, Log, SCOPES, Scope};

/// The level of stack traces, which no event has.
const NO_TRACES: &str = "none";

/// The longest change, in bytes.
const MAX_CHANGE: usize = 4 << 10;
/// How long a change may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// A change of a scope. An empty level stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Change {
    output_level: String,
    stack_trace_level: String,
    log_callers: bool,
}

/// The pages. Whoever reaches them may change the levels.
pub(super) fn router(log: Log) -> Router {
    let all = get(async |State(log): State<Log>| json(&SCOPES.iter().map(|scope| entry(&log, scope)).collect()));
    Router::new()
        .route("/scopej", all.clone())
        .route("/scopej/", all)
        .route("/scopej/{scope}", get(one).put(change))
        .route("/scopez", get(page))
        .route("/scopez/", get(page))
        .with_state(log)
}

fn entry(log: &Log, scope: &Scope) -> Value {
    json!({
        "name": scope.name, "description": scope.description, "output_level": log.levels().of(scope.name).to_string(),
        "stack_trace_level": NO_TRACES, "log_callers": false,
    })
}

async fn one(State(log): State<Log>, Path(name): Path<String>) -> Response {
    match telemetry::find(&name) {
        Some(scope) => json(&entry(&log, scope)),
        None => refused(&telemetry::LevelError::Scope(name)),
    }
}

async fn change(State(log): State<Log>, Path(name): Path<String>, body: Body) -> Response {
    let Ok(body) = tokio::time::timeout(PATIENCE, to_bytes(body, MAX_CHANGE)).await else {
        return StatusCode::REQUEST_TIMEOUT.into_response();
    };
    let read = body.map_err(|error| error.to_string());
    let read = read.and_then(|body| serde_json::from_slice(&body).map_err(|error| error.to_string()));
    let change: Change = match read {
        Ok(change) => change,
        Err(error) => return refused(&error),
    };
    if change.log_callers || !["", NO_TRACES].contains(&change.stack_trace_level.as_str()) {
        return refused(&"heddled logs no stack traces and no callers");
    }
    if change.output_level.is_empty() && telemetry::find(&name).is_some() {
        return StatusCode::ACCEPTED.into_response();
    }
    match Level::parse(&change.output_level).and_then(|level| log.set(&name, level)) {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(error) => refused(&error),
    }
}

fn refused(error: &dyn std::fmt::Display) -> Response {
    (StatusCode::BAD_REQUEST, json(&json!({"error": error.to_string()}))).into_response()
}

async fn page(State(log): State<Log>) -> Response {
    let levels = log.levels();
    let row = |scope: &Scope| {
        let (name, level, description) = (scope.name, levels.of(scope.name), scope.description);
        format!("<tr><td>{name}</td><td>{level}</td><td>{description}</td></tr>\n")
    };
    let rows: String = SCOPES.iter().map(row).collect();
    let page = format!(
        "<!doctype html><title>Log levels of heddled</title><h1>Log levels</h1>\n<table>\n\
         <tr><th>scope</th><th>level</th><th>events</th></tr>\n{rows}</table>\n\
         <p>Change a level with <code>heddlectl admin log --level ads:debug</code>.</p>\n"
    );
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}
