//! A client of the Kubernetes API: one connection, many requests on it at once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::SERVER;
use crate::http::tls_config;

/// How long a request may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A connection with the rights of the administrator; clones share it.
#[derive(Clone, Debug)]
pub struct Api(SendRequest<Full<Bytes>>);

/// What the server said.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code of HTTP.
    pub status: u16,
    /// The object, or the `Status`; a string when it is no JSON.
    pub body: Value,
}

impl Api {
    pub(super) async fn connect(folder: &Path) -> Result<Self> {
        let read = |file: &str| std::fs::read_to_string(folder.join(file));
        let tls = tls_config(&read("ca.crt")?, Some((&read("admin.crt")?, &read("admin.key")?)))?;
        let mut tls = Arc::unwrap_or_clone(tls);
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(SERVER).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("127.0.0.1")?;
        let stream = TlsConnector::from(Arc::new(tls)).connect(name, stream).await?;
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// Asks for a path with its query.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.call(Method::GET, path, None).await
    }

    /// Sends an object to a path with its query.
    pub async fn post(&self, path: &str, object: &Value) -> Result<Answer> {
        self.call(Method::POST, path, Some(object)).await
    }

    /// Applies an object at its path, whatever is there; fields that others own are taken from them.
    pub async fn apply(&self, path: &str, object: &Value) -> Result<Answer> {
        self.call(Method::PATCH, &format!("{path}?fieldManager=test&force=true"), Some(object)).await
    }

    /// Any request; a PATCH applies. An answer that refuses is an answer; only a connection that breaks is an error.
    pub async fn call(&self, method: Method, path: &str, object: Option<&Value>) -> Result<Answer> {
        let what = format!("{method} {path}");
        let body = object.map(serde_json::to_vec).transpose()?.unwrap_or_default();
        let content = if method == Method::PATCH { "application/apply-patch+yaml" } else { "application/json" };
        let request = Request::builder().method(method).uri(format!("https://{SERVER}{path}"));
        let request = request.header("content-type", content).body(Full::new(Bytes::from(body)))?;
        let send = async {
            let response = self.0.clone().send_request(request).await?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await?.to_bytes();
            let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
            Ok::<_, anyhow::Error>(Answer { status, body: serde_json::from_slice(&body).unwrap_or_else(|_| text()) })
        };
        tokio::time::timeout(LIMIT, send).await.context("no answer in 30 s").flatten().with_context(|| what)
    }
}

impl Answer {
    /// Whether the server took it.
    #[must_use]
    pub fn accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The `message` of a `Status`; empty for another object.
    #[must_use]
    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
}
