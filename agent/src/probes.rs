//! Probes and hooks of the application, asked for the kubelet: it could not get through the proxy, whose peers speak
//! mTLS.
//!
//! The injector points them to `/app-health/<container>/…` and `/app-lifecycle/<container>/…` on 15020 and says in
//! `ISTIO_KUBE_APP_PROBERS` what they were. They are asked from inside the pod, past the capture of its traffic.

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

/// What is asked, by the path of its page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probes {
    /// The probers.
    pub(crate) by_path: BTreeMap<String, Prober>,
    /// The pod's address, on which the application is asked.
    pub(crate) address: IpAddr,
}

/// Why the application did not answer well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProbeError {
    /// No connection.
    #[error("cannot connect to {0}: {1}")]
    Connect(SocketAddr, std::io::Error),
    /// No answer in time.
    #[error("no response within {0:?}")]
    Timeout(Duration),
    /// A broken answer, or a request that cannot be made.
    #[error("{0}")]
    Http(String),
    /// gRPC's health service says otherwise, or is not there.
    #[error("gRPC: {0}")]
    Grpc(String),
}

/// An answer for the kubelet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The application's status, or ours.
    pub(crate) status: StatusCode,
    /// The beginning of its body, for the event that the kubelet writes.
    pub(crate) body: Bytes,
}

impl Default for Probes {
    fn default() -> Self {
        Self { by_path: BTreeMap::new(), address: Ipv4Addr::LOCALHOST.into() }
    }
}

impl Probes {
    /// Asks the application what the page stands for; none when there is no such page.
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

    /// A probe may name another host; a name that is no address is only a name for the `Host` header.
    fn at(&self, host: Option<&str>, port: u16) -> SocketAddr {
        let named = host.and_then(|host| host.parse().ok());
        SocketAddr::new(named.unwrap_or(self.address), port)
    }
}

#[cfg(test)]
mod tests;
