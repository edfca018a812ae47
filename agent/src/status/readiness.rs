//! Readiness of the proxy: Envoy is live, its workers have started, and it has clusters and listeners of the control
//! plane. Envoy is asked each time, so a restarted Envoy is not ready before it has them again.

use std::net::SocketAddr;
use std::time::Duration;

use http::Method;
use serde_json::Value;

use crate::admin::{Local, LocalError};

/// The time limit. Kubernetes' probes have one second by default.
const LIMIT: Duration = Duration::from_millis(900);
const PATH: &str = "/stats?filter=^(server%5C.state|cluster_manager%5C.cds%5C.update_(success|rejected)|\
                    listener_manager%5C.(lds%5C.update_(success|rejected)|workers_started))$";
/// What Envoy says of the listeners that it rejects.
const REJECTED: &str = "/config_dump?resource=dynamic_listeners&mask=name,error_state.details";
/// Rejected listeners that are named.
const MOST: usize = 4;
const SEE_LOG: &str = "its log says which, and why";

/// Why the proxy is not ready.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReady {
    /// The agent is stopping.
    #[error("draining")]
    Draining,
    /// Envoy does not respond.
    #[error("cannot ask Envoy: {0}")]
    Envoy(#[from] LocalError),
    /// Envoy is starting or stopping.
    #[error("Envoy is not live")]
    NotLive,
    /// Envoy waits for the control plane.
    #[error("no clusters received yet")]
    NoClusters,
    /// Envoy rejects the clusters of the control plane.
    #[error("Envoy rejected the clusters; its log says which, and why")]
    ClustersRejected,
    /// Envoy rejects the listeners of the control plane. The names and reasons, if it tells them.
    #[error("Envoy rejected the listeners: {0}")]
    ListenersRejected(String),
    /// Envoy waits for listeners, or for the resources that they need.
    #[error("no listeners received yet")]
    NoListeners,
    /// The listeners do not accept connections yet.
    #[error("the workers have not started yet")]
    NoWorkers,
}

/// Asks Envoy for its statistics.
///
/// # Errors
/// When the proxy is not ready. The error names the reason.
pub(crate) async fn ready(local: &Local, admin: SocketAddr) -> Result<(), NotReady> {
    let stats = local.call(Method::GET, admin, PATH, LIMIT).await?;
    let verdict = verdict(&String::from_utf8_lossy(&stats));
    let Err(NotReady::ListenersRejected(_)) = verdict else { return verdict };
    let dump = local.call(Method::GET, admin, REJECTED, LIMIT).await.unwrap_or_default();
    Err(rejected(&dump).map_or_else(|| NotReady::ListenersRejected(SEE_LOG.to_owned()), NotReady::ListenersRejected))
}

/// The listeners of a dump that are rejected, with Envoy's reasons.
fn rejected(dump: &[u8]) -> Option<String> {
    let dump: Value = serde_json::from_slice(dump).ok()?;
    let reason = |one: &Value| {
        let details = one["error_state"]["details"].as_str()?;
        Some(format!("{}: {details}", one["name"].as_str()?))
    };
    let reasons: Vec<String> = dump["configs"].as_array()?.iter().filter_map(reason).take(MOST).collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn verdict(stats: &str) -> Result<(), NotReady> {
    let value = |name: &str| {
        let line = stats.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.and_then(|value| value.trim().parse::<u64>().ok())
    };
    let counted = |name| value(name).unwrap_or(0) > 0;
    if value("server.state") != Some(0) {
        return Err(NotReady::NotLive);
    }
    let unless = |rejected, reason: NotReady, waiting| if counted(rejected) { reason } else { waiting };
    if !counted("cluster_manager.cds.update_success") {
        let rejected = "cluster_manager.cds.update_rejected";
        return Err(unless(rejected, NotReady::ClustersRejected, NotReady::NoClusters));
    }
    if !counted("listener_manager.lds.update_success") {
        let reason = NotReady::ListenersRejected(SEE_LOG.to_owned());
        return Err(unless("listener_manager.lds.update_rejected", reason, NotReady::NoListeners));
    }
    if counted("listener_manager.workers_started") { Ok(()) } else { Err(NotReady::NoWorkers) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_missing_thing_is_named() {
        let all = "cluster_manager.cds.update_success: 3\nlistener_manager.lds.update_success: 1\n\
                   listener_manager.workers_started: 1\nserver.state: 0\n";
        assert!(verdict(all).is_ok());
        let without = |line: &str| verdict(&all.replace(line, "")).unwrap_err().to_string();
        assert_eq!(without("server.state: 0\n"), "Envoy is not live");
        assert_eq!(without("cluster_manager.cds.update_success: 3\n"), "no clusters received yet");
        assert_eq!(without("listener_manager.lds.update_success: 1\n"), "no listeners received yet");
        assert_eq!(without("listener_manager.workers_started: 1\n"), "the workers have not started yet");
        assert!(matches!(verdict(&all.replace("state: 0", "state: 1")), Err(NotReady::NotLive)));
        assert!(matches!(verdict(&all.replace("success: 3", "success: 0")), Err(NotReady::NoClusters)));
        let rejected =
            format!("{all}cluster_manager.cds.update_rejected: 1\nlistener_manager.lds.update_rejected: 2\n");
        assert!(verdict(&rejected).is_ok(), "the rest was taken");
        let without = |line: &str| verdict(&rejected.replace(line, "")).unwrap_err().to_string();
        assert!(without("cluster_manager.cds.update_success: 3\n").starts_with("Envoy rejected the clusters"));
        assert!(without("listener_manager.lds.update_success: 1\n").starts_with("Envoy rejected the listeners"));
    }

    #[test]
    fn a_rejected_listener_is_named_with_the_reason() {
        let dump = r#"{"configs": [{"name": "good"},
            {"name": "0.0.0.0_80", "error_state": {"details": "filter chain 'a' and 'b' match the same"}}]}"#;
        let said = rejected(dump.as_bytes());
        assert_eq!(said.as_deref(), Some("0.0.0.0_80: filter chain 'a' and 'b' match the same"));
        assert_eq!((rejected(b"{}"), rejected(b"")), (None, None));
    }
}
