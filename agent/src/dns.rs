//! Answers the pod's questions for names: those that the mesh knows from its name table, all others by asking the
//! resolvers that the pod would have asked.
//!
//! Questions get here because `capture --redirect-dns` leads them to port 15053. So nobody else answers the pod, and
//! nothing that a program sends may end or block the one who does: packets that are no questions are dropped, what is
//! under way at a time is bounded, and whatever happens to the control plane, the last table stays.

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

/// The sockets of all addresses; of an address family that the pod does not have there are none.
///
/// # Errors
/// When an address is taken.
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

/// Serves on these sockets until the process ends, and follows the table.
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
