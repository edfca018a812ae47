//! Calls over loopback: Envoy's admin interface, and the application's metrics. Each has a time limit and a size limit.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// The largest body that is read. Envoy's metrics of a large mesh are below.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// A client for this machine.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    client: Client<HttpConnector, Empty<Bytes>>,
}

/// Why a call on this machine failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalError {
    /// The path is not one.
    #[error("{0}")]
    Request(#[from] http::Error),
    /// No connection, or a broken one.
    #[error("{0}")]
    Connect(#[from] hyper_util::client::legacy::Error),
    /// The body broke off or is too long.
    #[error("cannot read the response body: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    /// No answer in time.
    #[error("no response within {0:?}")]
    Timeout(Duration),
    /// Another status than 200.
    #[error("status {0}")]
    Status(StatusCode),
}

impl Local {
    /// A client with no connection yet.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// The body of the answer.
    ///
    /// # Errors
    /// When there is no whole answer with status 200 within the limit.
    pub(crate) async fn call(
        &self,
        method: Method,
        at: SocketAddr,
        path: &str,
        limit: Duration,
    ) -> Result<Bytes, LocalError> {
        let uri = Uri::builder().scheme("http").authority(at.to_string()).path_and_query(path).build()?;
        let request = Request::builder().method(method).uri(uri);
        let plain = HeaderValue::from_static("text/plain; version=0.0.4, */*;q=0.1");
        let request = request.header(header::ACCEPT, plain).body(Empty::new())?;
        let answer = async {
            let answer = self.client.request(request).await?;
            if answer.status() != StatusCode::OK {
                return Err(LocalError::Status(answer.status()));
            }
            let body = Limited::new(answer.into_body(), MAX_BODY).collect().await.map_err(LocalError::Body)?;
            Ok(body.to_bytes())
        };
        tokio::time::timeout(limit, answer).await.unwrap_or(Err(LocalError::Timeout(limit)))
    }
}
