//! The shutdown of the agent. Envoy drains its connections, clients get time to leave, and only then Envoy stops.

use std::net::SocketAddr;
use std::time::Duration;

use http::Method;
use tokio::time::Instant;

use crate::admin::Local;
use crate::args::NodeType;
use crate::bootstrap::reachable;
use crate::config::{Addresses, Envoy};

/// The phase of the shutdown. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Running.
    Running,
    /// Draining. A signal stops Envoy later.
    Draining,
    /// Draining. Envoy stops after the drain time.
    Terminating,
    /// Envoy stops at once.
    Quitting,
}

/// The interval for counting open connections.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const LIMIT: Duration = Duration::from_secs(1);

/// Starts to drain. Listeners still accept connections, because not every client knows yet. The workload of a sidecar
/// may need outbound connections while it stops, so only inbound connections are drained.
pub(crate) async fn drain(local: &Local, admin: SocketAddr, kind: NodeType) {
    let path = match kind {
        NodeType::Sidecar => "/drain_listeners?inboundonly&graceful&skip_exit",
        NodeType::Router => "/drain_listeners?graceful&skip_exit",
    };
    match local.call(Method::POST, admin, path, LIMIT).await {
        Ok(_) => tracing::info!("Envoy is draining"),
        Err(error) => tracing::warn!(%error, "cannot drain Envoy"),
    }
}

/// Waits for the drain time, or until no connection is left if this is set.
pub(crate) async fn wait(local: &Local, addresses: &Addresses, envoy: &Envoy) {
    let begin = Instant::now();
    let end = begin + envoy.termination_drain;
    let Some(idle_after) = envoy.exit_when_idle else {
        return tokio::time::sleep_until(end).await;
    };
    tokio::time::sleep(idle_after).await;
    while connections(local, addresses).await != Some(0) {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The number of connections to listeners of the control plane. `None` if Envoy does not respond. It then has no
/// connections either, but a second request does no harm.
async fn connections(local: &Local, addresses: &Addresses) -> Option<u64> {
    let path = "/stats?filter=^listener%5C..*%5C.downstream_cx_active$";
    match local.call(Method::GET, reachable(addresses.admin), path, LIMIT).await {
        Ok(stats) => {
            let probed = [addresses.readiness, addresses.prometheus].map(stat_prefix);
            Some(active(&String::from_utf8_lossy(&stats), &probed))
        }
        Err(crate::admin::LocalError::Connect(_)) => Some(0),
        Err(_) => None,
    }
}

/// The prefix of a listener's statistics.
fn stat_prefix(at: SocketAddr) -> String {
    format!("listener.{}.", at.to_string().replace(':', "_"))
}

/// The sum over all listeners, without the admin interface and the two static ones, whose clients are probes.
fn active(stats: &str, probed: &[String]) -> u64 {
    let is_callers = |line: &&str| {
        !line.starts_with("listener.admin.")
            && !line.contains(".worker_")
            && !probed.iter().any(|prefix| line.starts_with(prefix))
    };
    let counted = stats.lines().filter(is_callers);
    counted.filter_map(|line| line.split_once(": ")?.1.trim().parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_callers_are_counted_once() {
        let stats = "listener.127.0.1.1_9080.downstream_cx_active: 2\n\
                     listener.127.0.1.1_9080.worker_0.downstream_cx_active: 2\n\
                     listener.0.0.0.0_15021.downstream_cx_active: 3\n\
                     listener.admin.downstream_cx_active: 1\nlistener.admin.main_thread.downstream_cx_active: 1\n";
        let probed = [stat_prefix(([0, 0, 0, 0], 15021).into())];
        assert_eq!(active(stats, &probed), 2);
        assert_eq!(active("", &probed), 0);
    }
}
