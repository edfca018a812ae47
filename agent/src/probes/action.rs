//! Parses `ISTIO_KUBE_APP_PROBERS`, a JSON object of pages and their probes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

/// The default time limit of a probe in Kubernetes.
const TIMEOUT: u64 = 1;
/// The most pages. A pod has five for each container.
const MOST: usize = 1000;

/// The probe of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prober {
    /// The request.
    pub(crate) action: Action,
    /// The time limit.
    pub(crate) timeout: Duration,
}

/// The request to the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// An HTTP request. Its status is the result.
    Http(HttpGet),
    /// A TCP connection.
    Tcp {
        /// Another host instead of the pod.
        host: Option<String>,
        /// The port.
        port: u16,
    },
    /// A call of gRPC's health service.
    Grpc {
        /// The port.
        port: u16,
        /// The service to check. An empty name is the whole server.
        service: String,
    },
}

/// An HTTP request to the application.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpGet {
    /// The path, perhaps with a query.
    #[serde(default)]
    pub(crate) path: String,
    /// The port.
    pub(crate) port: u16,
    /// Another host instead of the pod.
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

/// Parses the variable.
///
/// # Errors
/// When the JSON is invalid or has too many pages.
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
