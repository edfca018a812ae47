//! `ISTIO_KUBE_APP_PROBERS`: a JSON object of pages and what they stand for.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

/// What Kubernetes takes where a probe has no time limit.
const TIMEOUT: u64 = 1;
/// Pages that are taken at most; a pod has five a container.
const MOST: usize = 1000;

/// What a page stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prober {
    /// What is asked.
    pub(crate) action: Action,
    /// How long it may take.
    pub(crate) timeout: Duration,
}

/// What is asked of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// A page, whose status is the answer.
    Http(HttpGet),
    /// A connection.
    Tcp {
        /// Another host than the pod.
        host: Option<String>,
        /// The port.
        port: u16,
    },
    /// gRPC's health service.
    Grpc {
        /// The port.
        port: u16,
        /// The service whose health is asked; empty is the whole server's.
        service: String,
    },
}

/// A page of the application.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpGet {
    /// Its path, perhaps with a query.
    #[serde(default)]
    pub(crate) path: String,
    /// The port.
    pub(crate) port: u16,
    /// Another host than the pod.
    #[serde(default)]
    pub(crate) host: Option<String>,
    /// `HTTP` or `HTTPS`.
    #[serde(default)]
    pub(crate) scheme: Option<String>,
    /// Headers to send.
    #[serde(default)]
    pub(crate) http_headers: Vec<Header>,
}

/// A header to send.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Header {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    #[serde(default)]
    pub(crate) value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    http_get: Option<HttpGet>,
    tcp_socket: Option<Socket>,
    grpc: Option<Grpc>,
    #[serde(default)]
    timeout_seconds: Option<u64>,
}

#[derive(Deserialize)]
struct Socket {
    port: u16,
    host: Option<String>,
}

#[derive(Deserialize)]
struct Grpc {
    port: u16,
    service: Option<String>,
}

/// Reads the variable.
///
/// # Errors
/// Says what is wrong.
pub(crate) fn probers(text: &str) -> Result<BTreeMap<String, Prober>, String> {
    let given: BTreeMap<String, Given> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if given.len() > MOST {
        return Err(format!("there are more than {MOST} probes"));
    }
    given.into_iter().map(|(path, given)| Ok((path.clone(), prober(given).ok_or_else(|| nothing(&path))?))).collect()
}

fn nothing(path: &str) -> String {
    format!("{path} asks nothing: no httpGet, tcpSocket or grpc")
}

fn prober(given: Given) -> Option<Prober> {
    let action = match given {
        Given { http_get: Some(get), .. } => Action::Http(get),
        Given { tcp_socket: Some(socket), .. } => Action::Tcp { host: socket.host, port: socket.port },
        Given { grpc: Some(grpc), .. } => Action::Grpc { port: grpc.port, service: grpc.service.unwrap_or_default() },
        _ => return None,
    };
    let seconds = given.timeout_seconds.filter(|seconds| *seconds > 0).unwrap_or(TIMEOUT);
    Some(Prober { action, timeout: Duration::from_secs(seconds) })
}
