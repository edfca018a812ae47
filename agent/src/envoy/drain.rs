//! How the agent ends: Envoy tells its callers to go, they get time to, and only then it stops.

use std::net::SocketAddr;
use std::time::Duration;

use http::Method;
use tokio::time::Instant;

use crate::admin::Local;
use crate::args::NodeType;
use crate::bootstrap::reachable;
use crate::config::{Addresses, Envoy};

/// How far the end has come; it never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// All is well.
    Running,
    /// Callers are told to go; the end comes later, by a signal.
    Draining,
    /// Callers are told to go, and after their time Envoy ends.
    Terminating,
    /// Envoy ends at once.
    Quitting,
}

/// How often the open connections are counted.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const LIMIT: Duration = Duration::from_secs(1);

/// Tells callers to go. Listeners accept for some more time, because not every caller knows yet. A sidecar's workload
/// may still need to call others while it ends, so only what comes in is drained.
pub(crate) async fn drain(local: &Local, admin: SocketAddr, kind: NodeType) {
    let path = match kind {
        NodeType::Sidecar => "/drain_listeners?inboundonly&graceful&skip_exit",
        NodeType::Router => "/drain_listeners?graceful&skip_exit",
    };
    match local.call(Method::POST, admin, path, LIMIT).await {
        Ok(_) => tracing::info!("draining"),
        Err(error) => tracing::warn!(%error, "Envoy does not drain"),
    }
}

/// Waits as long as callers may take: until the time is over, or, where that is set, until none is left.
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

/// Connections to the listeners that the control plane configured; nothing when Envoy cannot be asked, in which case it
/// has none either, but a second look does not hurt.
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

/// How the names of a listener's statistics begin.
fn stat_prefix(at: SocketAddr) -> String {
    format!("listener.{}.", at.to_string().replace(':', "_"))
}

/// The sum over listeners, without the admin interface and the two static ones, whose callers are probes.
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
