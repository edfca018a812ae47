//! Keys of endpoints: everything that the endpoints of one cluster depend on.

use std::{collections::BTreeSet, sync::Arc};

use heddle_model::{
    Text, authn::PeerAuthentication, endpoint::Endpoint, host::Host, labels::Labels, locality::Locality,
};

use super::locality;
use crate::{
    by_ptr::ByPtr,
    cluster::{self, Destination, Discovery},
    scope::Scope,
    view::ViewKey,
};

/// All that the endpoints of one cluster depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointKey {
    /// Where the cluster leads.
    pub destination: Destination,
    /// Every endpoint of the service.
    pub endpoints: ByPtr<Vec<Endpoint>>,
    /// Policies that may forbid mutual TLS on some of them.
    pub authn: ByPtr<Vec<Arc<PeerAuthentication>>>,
    /// Where the client is, as far as the order of the endpoints depends on it.
    pub client: ClientLocality,
}

/// Where a client is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientLocality {
    /// Region, zone and sub-zone.
    pub locality: Locality,
    /// Network.
    pub network: Text,
    /// Node.
    pub node: Text,
    /// Labels that the order of endpoints depends on.
    pub labels: Labels,
}

/// Keys of the endpoints of all clusters of a view that do not carry their own, in order of their names.
#[must_use]
pub fn keys(scope: &Scope<'_>) -> Vec<EndpointKey> {
    sorted(scope, cluster::destinations(scope))
}

/// Keys of the endpoints of the clusters that lead to these hosts.
#[must_use]
pub fn keys_of(scope: &Scope<'_>, hosts: &BTreeSet<Host>) -> Vec<EndpointKey> {
    sorted(scope, cluster::destinations_of(scope, hosts))
}

fn sorted(scope: &Scope<'_>, destinations: Vec<Destination>) -> Vec<EndpointKey> {
    let mut keys: Vec<EndpointKey> = destinations
        .into_iter()
        .filter(|destination| cluster::discovery(destination, scope.view.kind) == Discovery::Sent)
        .map(|destination| EndpointKey::of(scope, &destination))
        .collect();
    keys.sort_by_cached_key(|key| key.destination.name());
    keys
}

impl EndpointKey {
    /// The key of a destination's endpoints.
    #[must_use]
    pub fn of(scope: &Scope<'_>, destination: &Destination) -> Self {
        let endpoints = scope.snapshot.endpoints.get(&destination.service.key());
        Self {
            endpoints: endpoints.map_or_else(|| ByPtr::new(&Arc::default()), ByPtr::new),
            authn: ByPtr::new(&scope.snapshot.peer_authentications),
            client: ClientLocality::of(scope.view, destination),
            destination: destination.clone(),
        }
    }

    /// Name of the cluster.
    #[must_use]
    pub fn name(&self) -> String {
        self.destination.name()
    }
}

impl ClientLocality {
    /// Of a view, what the order of a destination's endpoints depends on: little, so that many clients share an answer.
    #[must_use]
    pub fn of(view: &ViewKey, destination: &Destination) -> Self {
        let policy = destination.policy();
        let priorities = locality::priorities(destination, &policy);
        let ordered = locality::is_ordered(destination, &policy);
        let asked = |key: &str| priorities.iter().any(|priority| priority.split('=').next() == Some(key));
        let by_node = destination.service.node_local || asked(locality::NODE);
        Self {
            locality: if ordered { view.locality.clone() } else { Locality::default() },
            network: if asked(locality::NETWORK) { view.network.clone() } else { Text::default() },
            node: if by_node { view.node_name.clone() } else { Text::default() },
            labels: view.labels.iter().filter(|(key, _)| asked(key)).map(|(k, v)| (k.clone(), v.clone())).collect(),
        }
    }
}
