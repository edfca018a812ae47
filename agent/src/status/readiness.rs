//! Readiness of the proxy: Envoy is live, its workers have started, and it has clusters and listeners of the control
//! plane. Envoy is asked each time, so a restarted Envoy is not ready before it has them again.

use std::net::SocketAddr;
use std::time::Duration;

use http::Method;

use crate::admin::{Local, LocalError};

/// The time limit. Kubernetes' probes have one second by default.
const LIMIT: Duration = Duration::from_millis(900);
const PATH: &str = "/stats?filter=^(server%5C.state|cluster_manager%5C.cds%5C.update_success|\
                    listener_manager%5C.(lds%5C.update_success|workers_started))$";

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
    verdict(&String::from_utf8_lossy(&stats))
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
    if !counted("cluster_manager.cds.update_success") {
        return Err(NotReady::NoClusters);
    }
    if !counted("listener_manager.lds.update_success") {
        return Err(NotReady::NoListeners);
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
    }
}
