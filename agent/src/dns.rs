//! Answers the DNS queries of the pod. Names of the mesh come from the name table. All other names come from the pod's
//! own resolvers.
//!
//! `capture --redirect-dns` redirects queries to port 15053, so the agent is the only DNS server of the pod. No packet
//! of a program may stop or block it. Packets that are not queries are dropped, and the number of queries in progress
//! is limited. If the control plane is down, the last table stays in use.

mod answer;
mod feed;
mod server;
mod table;
mod upstream;

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::{Config, Dns};
use crate::status::Counters;
use crate::svid::Current;

pub(crate) use server::Sockets;

/// Opens the sockets of all addresses. An address family that the pod does not have gets no socket.
///
/// # Errors
/// When an address is in use.
pub(crate) async fn bind(settings: &Dns) -> std::io::Result<Vec<Sockets>> {
    let mut all = Vec::new();
    for address in &settings.addresses {
        match Sockets::bind(*address).await {
            Ok(sockets) => all.push(sockets),
            Err(error) if address.is_ipv6() && error.kind() == std::io::ErrorKind::AddrNotAvailable => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// Serves on these sockets until the process ends, and updates the table.
pub(crate) async fn serve(
    sockets: Vec<Sockets>,
    settings: Dns,
    config: Arc<Config>,
    current: watch::Receiver<Current>,
    counters: Arc<Counters>,
) {
    let (known, table) = watch::channel(Arc::default());
    let names = table::Domain::new(&config.identity, &settings);
    let following = tokio::spawn(feed::follow(config, current, known, names, Arc::clone(&counters)));
    server::serve(sockets, upstream::Upstream::new(settings.servers), table, counters).await;
    following.abort();
}

#[cfg(test)]
mod tests;
