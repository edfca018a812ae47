//! Routes: what happens to each HTTP request, by host, path and headers.

mod action;
mod alpn;
pub(crate) mod catch_all;
mod cors;
pub(crate) mod domain;
mod fault;
mod group;
mod hash;
mod header;
mod key;
mod matcher;
mod mirror;
mod redirect;
mod retry;
mod rule;
pub mod virtual_host;

use std::collections::BTreeSet;

use heddle_model::{issue::Issue, route::GatewayRef};

use crate::visible::VisibleServices;

pub use action::default_action;
pub use key::{
    HostRoutesKey, HostRoutesSource, RouteClient, RouteConfigKey, RouteEntries, VirtualHostKey, routes, virtual_host,
};
pub use retry::inbound_retry;
pub use rule::routes_of;

/// Where routes are used, which decides what of a VirtualService applies.
#[derive(Clone, Debug)]
pub struct RouteContext<'a> {
    /// The services that the routes lead to.
    pub visible: &'a VisibleServices,
    /// Who asks.
    pub client: &'a RouteClient,
    /// Port of the listener as clients see it; the default of destinations without a port.
    pub port: u16,
    /// The gateways that the listener serves; [`GatewayRef::Mesh`] for sidecars.
    pub gateways: BTreeSet<GatewayRef>,
}

/// Issues found on the way.
pub type Issues = Vec<Issue>;

impl RouteContext<'_> {
    /// Whether it is for a sidecar.
    #[must_use]
    pub fn is_mesh(&self) -> bool {
        self.gateways.contains(&GatewayRef::Mesh)
    }
}
