//! Keys of endpoints: everything that the endpoints of one cluster depend on.

use std::{collections::BTreeSet, sync::Arc};

use heddle_model::{
    Text, authn::PeerAuthentication, endpoint::Endpoint, host::Host, labels::Labels, locality::Locality,
};

use super::place;
use crate::{
    by_ptr::ByPtr,
    cluster::{self, Discovery, Target},
    scope::Scope,
    view::ViewKey,
};

/// All that the endpoints of one cluster depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointKey {
    /// Where the cluster leads.
    pub target: Target,
    /// Every endpoint of the service.
    pub endpoints: ByPtr<Vec<Endpoint>>,
    /// Policies that may forbid mutual TLS on some of them.
    pub authn: ByPtr<Vec<Arc<PeerAuthentication>>>,
    /// Where the client is, as far as the order of the endpoints depends on it.
    pub place: Place,
}

/// Where a client is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
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
    sorted(scope, cluster::targets(scope))
}

/// Keys of the endpoints of the clusters that lead to these hosts.
#[must_use]
pub fn keys_of(scope: &Scope<'_>, hosts: &BTreeSet<Host>) -> Vec<EndpointKey> {
    sorted(scope, cluster::targets_of(scope, hosts))
}

fn sorted(scope: &Scope<'_>, targets: Vec<Target>) -> Vec<EndpointKey> {
    let mut keys: Vec<EndpointKey> = targets
        .into_iter()
        .filter(|target| cluster::discovery(target, scope.view.kind) == Discovery::Sent)
        .map(|target| EndpointKey::of(scope, &target))
        .collect();
    keys.sort_by_cached_key(|key| key.target.name());
    keys
}

impl EndpointKey {
    /// The key of a target's endpoints.
    #[must_use]
    pub fn of(scope: &Scope<'_>, target: &Target) -> Self {
        let endpoints = scope.snapshot.endpoints.get(&target.service.key());
        Self {
            endpoints: endpoints.map_or_else(|| ByPtr::new(&Arc::default()), ByPtr::new),
            authn: ByPtr::new(&scope.snapshot.peer_authentications),
            place: Place::of(scope.view, target),
            target: target.clone(),
        }
    }

    /// Name of the cluster.
    #[must_use]
    pub fn name(&self) -> String {
        self.target.name()
    }
}

impl Place {
    /// Of a view, what the order of a target's endpoints depends on: little, so that many clients share an answer.
    #[must_use]
    pub fn of(view: &ViewKey, target: &Target) -> Self {
        let policy = target.policy();
        let priorities = place::priorities(target, &policy);
        let ordered = place::is_ordered(target, &policy);
        let asked = |key: &str| priorities.iter().any(|priority| priority.split('=').next() == Some(key));
        let by_node = target.service.node_local || asked(place::NODE);
        Self {
            locality: if ordered { view.locality.clone() } else { Locality::default() },
            network: if asked(place::NETWORK) { view.network.clone() } else { Text::default() },
            node: if by_node { view.node_name.clone() } else { Text::default() },
            labels: view.labels.iter().filter(|(key, _)| asked(key)).map(|(k, v)| (k.clone(), v.clone())).collect(),
        }
    }
}
