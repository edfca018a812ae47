//! Requests to `heddled` itself: to the pods of a control plane through the API server, or to an address.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::server::{ApiServer, Server};

/// The largest response that is read, in bytes.
const MAX_ANSWER: usize = 256 << 20;
/// The longest wait for a response.
const PATIENCE: Duration = Duration::from_secs(30);

/// Selects the processes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Target {
    #[command(flatten)]
    api_server: ApiServer,
    /// Set the namespace of the control plane.
    #[arg(short = 'i', long = "istioNamespace", default_value = "istio-system", value_name = "NAME")]
    namespace: String,
    /// Set the revision of the control plane.
    #[arg(long, default_value = "default", value_name = "NAME")]
    revision: String,
    /// Connect to this address, and not to the pods of a cluster. heddled answers on loopback only.
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,
}

/// One process.
pub(crate) struct Instance {
    /// The name of its pod, or its address.
    pub(crate) name: String,
    place: Place,
}

enum Place {
    Address,
    Pod { server: Server, namespace: String },
}

/// The response to a request.
pub(crate) struct Answer {
    pub(crate) status: http::StatusCode,
    pub(crate) body: Bytes,
}

impl Target {
    /// All running pods of the control plane, or the one that is named, or the address.
    pub(crate) async fn instances(&self, pod: Option<&str>) -> Result<Vec<Instance>> {
        if let Some(address) = &self.address {
            return Ok(vec![Instance { name: address.clone(), place: Place::Address }]);
        }
        let server = self.api_server.server().await;
        let server = server.context("no cluster to ask; --address names a heddled without a cluster")?;
        let (namespace, revision) = (&self.namespace, &self.revision);
        let selector = format!("labelSelector=app%3Distiod%2Cistio.io%2Frev%3D{revision}");
        let running = "fieldSelector=status.phase%3DRunning";
        let pods = server.list(&format!("/api/v1/namespaces/{namespace}/pods?{selector}&{running}")).await?;
        let names = pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str());
        let names: Vec<&str> = names.filter(|name| pod.is_none_or(|pod| pod == *name)).collect();
        if names.is_empty() {
            let which = pod.map_or_else(|| format!("no pod of revision {revision}"), |pod| format!("no pod {pod}"));
            bail!("{which} of heddled is running in namespace {namespace}");
        }
        let instance = |name: &str| Instance {
            name: name.to_owned(),
            place: Place::Pod { server: server.clone(), namespace: namespace.clone() },
        };
        Ok(names.into_iter().map(instance).collect())
    }
}

impl Instance {
    /// Sends a request to a port of the process. An address has its own port.
    pub(crate) async fn call(&self, port: u16, method: http::Method, path: &str, body: Vec<u8>) -> Result<Answer> {
        let call = async {
            match &self.place {
                Place::Address => {
                    let stream = TcpStream::connect(&self.name).await;
                    send(stream.with_context(|| format!("cannot reach {}", self.name))?, method, path, body).await
                }
                Place::Pod { server, namespace } => {
                    let mut forward = server.forward(namespace, &self.name, port).await?;
                    let stream = forward.take_stream(port).context("the API server forwards no such port")?;
                    let answer = send(stream, method, path, body).await;
                    forward.abort();
                    answer
                }
            }
        };
        let place = || format!("port {port} of {}", self.name);
        let limited = tokio::time::timeout(PATIENCE, call).await;
        limited
            .with_context(|| format!("{} did not answer within {} s", place(), PATIENCE.as_secs()))?
            .with_context(place)
    }

    /// Reads a page that is JSON.
    pub(crate) async fn json(&self, port: u16, path: &str) -> Result<Value> {
        let answer = self.call(port, http::Method::GET, path, Vec::new()).await?;
        ensure!(answer.status.is_success(), "{} answered {} to {path}", self.name, answer.status);
        serde_json::from_slice(&answer.body).with_context(|| format!("{path} of {} is not valid JSON", self.name))
    }
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    method: http::Method,
    path: &str,
    body: Vec<u8>,
) -> Result<Answer> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = http::Request::builder().method(method).uri(path).header("host", "localhost");
    let answer = async {
        let answer = sender.send_request(request.body(Full::new(Bytes::from(body)))?).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        Ok(Answer { status, body: body.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes() })
    };
    // The connection ends after the answer, or without one.
    tokio::select! {
        biased;
        answer = answer => answer,
        ended = connection => bail!("the connection ended without an answer: {ended:?}"),
    }
}
