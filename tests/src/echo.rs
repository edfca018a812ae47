//! A service to call: it says who it is and what it was asked, and behaves as the query wants it to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The largest body that is read, in bytes; more is answered with 413.
const BODY_LIMIT: usize = 1 << 20;

/// A running echo service over HTTP/1.1; it ends when dropped.
///
/// It answers JSON: `{"name", "method", "uri", "headers": {..}, "body"}`. `?status=503` sets the status, and
/// `?delay=250` waits so many milliseconds first.
#[derive(Debug)]
pub struct Echo {
    /// Where it listens.
    pub address: SocketAddr,
    hits: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Echo {
    /// Listens at `address`, with port 0 at any free one, and answers as `name`.
    pub async fn start(name: &str, address: &str) -> Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let (address, hits) = (listener.local_addr()?, Arc::new(AtomicU64::new(0)));
        let task = tokio::spawn(serve(listener, Arc::from(name), Arc::clone(&hits)));
        Ok(Self { address, hits, task })
    }

    /// How many requests have arrived.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, name: Arc<str>, hits: Arc<AtomicU64>) {
    // Dropped with the task, and with it every open connection.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (name, hits) = (Arc::clone(&name), Arc::clone(&hits));
        let service = service_fn(move |request| {
            hits.fetch_add(1, Ordering::Relaxed);
            answer(Arc::clone(&name), request)
        });
        connections.spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(name: Arc<str>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, http::Error> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        return Response::builder().status(StatusCode::PAYLOAD_TOO_LARGE).body(Full::default());
    };
    let query = parts.uri.query().unwrap_or_default();
    if let Some(delay) = parameter(query, "delay") {
        tokio::time::sleep(Duration::from_millis(delay.min(60_000))).await;
    }
    let headers: serde_json::Map<_, _> = parts
        .headers
        .iter()
        .map(|(key, value)| (key.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned().into()))
        .collect();
    let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    let said = json!({"name": &*name, "method": parts.method.as_str(), "uri": parts.uri.to_string(),
        "headers": headers, "body": body});
    let status = parameter(query, "status").and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
    Response::builder().status(status).header("content-type", "application/json").body(Full::from(said.to_string()))
}

fn parameter(query: &str, name: &str) -> Option<u64> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?.1.parse().ok()
}
