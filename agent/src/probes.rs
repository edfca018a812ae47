//! Runs the probes and hooks of the application for the kubelet. The kubelet itself cannot pass the proxy, whose
//! clients use mTLS.
//!
//! The injector redirects them to `/app-health/<container>/…` and `/app-lifecycle/<container>/…` on port 15020. The
//! variable `ISTIO_KUBE_APP_PROBERS` has the original probes. They run from inside the pod, past the capture of its
//! traffic.

mod action;
mod dial;
mod grpc;
mod web;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

pub(crate) use action::{Action, Prober, probers};

/// The probes, by the path of their page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probes {
    /// The probers.
    pub(crate) by_path: BTreeMap<String, Prober>,
    /// The address of the pod, for the probes.
    pub(crate) address: IpAddr,
}

/// Why a probe failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProbeError {
    /// The connection failed.
    #[error("cannot connect to {0}: {1}")]
    Connect(SocketAddr, std::io::Error),
    /// There was no response in time.
    #[error("no response within {0:?}")]
    Timeout(Duration),
    /// The response is broken, or the request cannot be built.
    #[error("{0}")]
    Http(String),
    /// gRPC's health service reports another status, or does not exist.
    #[error("gRPC: {0}")]
    Grpc(String),
}

/// The response for the kubelet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status of the application, or ours.
    pub(crate) status: StatusCode,
    /// The beginning of the body. The kubelet writes it into an event.
    pub(crate) body: Bytes,
}

impl Default for Probes {
    fn default() -> Self {
        Self { by_path: BTreeMap::new(), address: Ipv4Addr::LOCALHOST.into() }
    }
}

impl Probes {
    /// Runs the probe of a page. Returns `None` if there is no such page.
    pub(crate) async fn ask(&self, path: &str, headers: &HeaderMap) -> Option<Answer> {
        let prober = self.by_path.get(path)?;
        let asked = tokio::time::timeout(prober.timeout, self.act(prober, headers)).await;
        let answer = asked.unwrap_or(Err(ProbeError::Timeout(prober.timeout)));
        Some(answer.unwrap_or_else(|error| {
            tracing::debug!(%error, path, "the probe of the application failed");
            Answer { status: StatusCode::INTERNAL_SERVER_ERROR, body: format!("{error}\n").into() }
        }))
    }

    async fn act(&self, prober: &Prober, headers: &HeaderMap) -> Result<Answer, ProbeError> {
        let ok = Answer { status: StatusCode::OK, body: Bytes::new() };
        match &prober.action {
            Action::Http(asked) => web::get(asked, self.at(asked.host.as_deref(), asked.port), headers).await,
            Action::Tcp { host, port } => dial::connect(self.at(host.as_deref(), *port)).await.map(|_| ok),
            Action::Grpc { port, service } => grpc::check(self.at(None, *port), service).await.map(|()| ok),
        }
    }

    /// A probe may name another host. A name that is not an address is used only for the `Host` header.
    fn at(&self, host: Option<&str>, port: u16) -> SocketAddr {
        let named = host.and_then(|host| host.parse().ok());
        SocketAddr::new(named.unwrap_or(self.address), port)
    }
}

#[cfg(test)]
mod tests;
