//! Keys of endpoints: everything that the endpoints of one cluster depend on.

use std::{collections::BTreeSet, sync::Arc};

use heddle_model::{Text, endpoint::Endpoint, host::Host, labels::Labels, locality::Locality};

use heddle_xds_api::TypeUrl;

use super::locality;
use crate::{
    by_ptr::ByPtr,
    cluster::{self, Destination, Discovery},
    entry::Entry,
    memo::Key,
    scope::Scope,
    tracked::endpoint_namespace,
    view::ViewKey,
};

/// All that the endpoints of one cluster depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EndpointKey {
    /// Where the cluster leads.
    pub(crate) destination: Destination,
    /// Every endpoint of the service.
    pub(crate) endpoints: ByPtr<Vec<Endpoint>>,
    /// Those whose policies forbid mutual TLS, by their place in the list.
    pub(crate) plaintext: BTreeSet<usize>,
    /// Where the client is, as far as the order of the endpoints depends on it.
    pub(crate) client: ClientLocality,
}

/// Where a client is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientLocality {
    /// Region, zone and sub-zone.
    pub(crate) locality: Locality,
    /// Network.
    pub(crate) network: Text,
    /// Node.
    pub(crate) node: Text,
    /// Labels that the order of endpoints depends on.
    pub(crate) labels: Labels,
}

/// Keys of the endpoints of the clusters that lead to a host and do not carry their own.
pub(crate) fn keys(scope: &Scope<'_>, host: &Host) -> Vec<EndpointKey> {
    let destinations = cluster::destinations(scope, host).into_iter();
    let sent = destinations.filter(|to| cluster::discovery(to, scope.view.kind) == Discovery::Sent);
    sent.map(|destination| EndpointKey::of(scope, &destination)).collect()
}

impl Key for EndpointKey {
    type Value = Entry;

    fn compile(&self) -> Entry {
        Entry::new(TypeUrl::Endpoint, self.name(), super::load_assignment(self))
    }
}

impl EndpointKey {
    /// The key of a destination's endpoints.
    pub(crate) fn of(scope: &Scope<'_>, destination: &Destination) -> Self {
        let service = destination.service.key();
        let endpoints = scope.tracked.endpoints(&service);
        let namespaces: BTreeSet<&Text> =
            endpoints.into_iter().flat_map(|all| all.iter()).map(|one| endpoint_namespace(one, &service)).collect();
        Self {
            endpoints: endpoints.map_or_else(|| ByPtr::new(&Arc::default()), ByPtr::new),
            plaintext: namespaces.into_iter().flat_map(|of| scope.tracked.plaintext(of, &service)).collect(),
            client: ClientLocality::of(scope.view, destination),
            destination: destination.clone(),
        }
    }

    /// Name of the cluster.
    pub(crate) fn name(&self) -> String {
        self.destination.name()
    }
}

impl ClientLocality {
    /// Of a view, what the order of a destination's endpoints depends on: little, so that many clients share an answer.
    pub(crate) fn of(view: &ViewKey, destination: &Destination) -> Self {
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
