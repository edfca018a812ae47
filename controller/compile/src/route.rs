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
pub(crate) mod matcher;
mod mirror;
pub(crate) mod overruled;
mod redirect;
mod retry;
mod rule;
pub(crate) mod virtual_host;

use std::collections::BTreeSet;

use heddle_model::{issue::Issue, route::GatewayRef};

use crate::visible::VisibleServices;

pub(crate) use key::{HostRoutesKey, RouteClient, RouteConfigKey, RouteEntries, VirtualHostKey};
pub(crate) use retry::inbound_retry;

/// Where routes are used, which decides what of a VirtualService applies.
#[derive(Clone, Debug)]
pub(crate) struct RouteContext<'a> {
    /// The services that the routes lead to.
    pub(crate) visible: &'a VisibleServices,
    /// Who asks.
    pub(crate) client: &'a RouteClient,
    /// Port of the listener as clients see it; the default of destinations without a port.
    pub(crate) port: u16,
    /// The gateways that the listener serves; [`GatewayRef::Mesh`] for sidecars.
    pub(crate) gateways: BTreeSet<GatewayRef>,
}

/// Issues found on the way.
pub(crate) type Issues = Vec<Issue>;

impl RouteContext<'_> {
    /// Whether it is for a sidecar.
    pub(crate) fn is_mesh(&self) -> bool {
        self.gateways.contains(&GatewayRef::Mesh)
    }
}
