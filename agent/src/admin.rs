//! Calls over loopback: to Envoy's admin interface, and to the application's metrics. Each call has a time limit and a
//! size limit.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// The largest body that is read. The metrics of an Envoy in a large mesh are smaller.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// A client for calls on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    client: Client<HttpConnector, Empty<Bytes>>,
}

/// Why a call on this machine failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalError {
    /// The path is invalid.
    #[error("{0}")]
    Request(#[from] http::Error),
    /// There is no connection, or it is broken.
    #[error("{0}")]
    Connect(#[from] hyper_util::client::legacy::Error),
    /// The body ended too early, or it is too long.
    #[error("cannot read the response body: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    /// There was no response in time.
    #[error("no response within {0:?}")]
    Timeout(Duration),
    /// The status is not 200.
    #[error("status {0}")]
    Status(StatusCode),
}

impl Local {
    /// A client without a connection.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// The body of the response.
    ///
    /// # Errors
    /// When there is no complete response with status 200 within the limit.
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
