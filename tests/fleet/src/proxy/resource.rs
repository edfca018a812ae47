//! What a proxy looks at in a resource.

use crate::proxy::ResourceType;
use crate::wire::{self, Fields, Value};

/// `Cluster.type`, whose value for endpoints by discovery is [`EDS`].
const CLUSTER_TYPE: u32 = 2;
const EDS: u64 = 3;
const HTTP_CONNECTION_MANAGER: &[u8] =
    b"type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/// A resource as it came, in its parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) kind: Option<ResourceType>,
    pub(super) name: &'a [u8],
    pub(super) version: &'a [u8],
    pub(super) body: &'a [u8],
}

impl<'a> Seen<'a> {
    /// Reads a `Resource` of the delta protocol.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut seen = Self { kind: None, name: &[], version: &[], body: &[] };
        for (number, value) in Fields(bytes) {
            match (number, value) {
                (1, Value::Bytes(version)) => seen.version = version,
                (2, Value::Bytes(any)) => {
                    seen.kind = ResourceType::parse(wire::bytes(any, 1)?);
                    seen.body = wire::bytes(any, 2).unwrap_or_default();
                }
                (3, Value::Bytes(name)) => seen.name = name,
                _ => {}
            }
        }
        Some(seen)
    }

    /// The endpoints that a cluster wants, or the route configuration of a listener.
    pub(super) fn refers_to(&self) -> Option<&'a [u8]> {
        match self.kind? {
            ResourceType::Cluster => self.endpoints(),
            ResourceType::Listener => self.route(),
            _ => None,
        }
    }

    /// Whether a route configuration has virtual hosts that come apart from it.
    pub(super) fn has_virtual_hosts(&self) -> bool {
        self.kind == Some(ResourceType::Route) && wire::bytes(self.body, 9).is_some()
    }

    fn endpoints(&self) -> Option<&'a [u8]> {
        Fields(self.body).find(|field| *field == (CLUSTER_TYPE, Value::Number(EDS)))?;
        let config = wire::bytes(self.body, 3)?;
        Some(wire::bytes(config, 2).unwrap_or(self.name))
    }

    /// Of the filter chains the first that takes its routes from discovery; all of a listener of a sidecar take the
    /// same.
    fn route(&self) -> Option<&'a [u8]> {
        let chains = wire::all(self.body, 3).chain(wire::all(self.body, 25));
        let filters = chains.flat_map(|chain| wire::all(chain, 3));
        let configs = filters.filter_map(|filter| wire::bytes(filter, 4));
        let managers = configs.filter(|config| wire::bytes(config, 1) == Some(HTTP_CONNECTION_MANAGER));
        let mut discovered = managers.filter_map(|config| wire::bytes(wire::bytes(config, 2)?, 3));
        discovered.find_map(|rds| wire::bytes(rds, 2))
    }
}
