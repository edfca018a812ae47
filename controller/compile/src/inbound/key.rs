//! The key of an inbound side: everything that it depends on, and nothing else.

use std::{collections::BTreeSet, sync::Arc};

use heddle_model::{
    authn::EffectiveMtls,
    authz::AuthorizationPolicy,
    issue::Issue,
    mesh::Mesh,
    proxy::{Interception, Proxy},
    sidecar::{Ingress, Sidecar},
    tls::ServerTls,
    traffic::ConnectionPool,
};
use heddle_xds_api::TypeUrl;

use super::{
    cluster, listener,
    port::{self, InboundPort},
};
use crate::{
    by_ptr::ByPtr,
    compiled::Compiled,
    entry::Entry,
    layer::Entries,
    listener::filter::HttpProxy,
    memo::Key,
    tracked::{Client, Tracked},
    view::{self, ViewKey},
};

/// All that the inbound side of a workload depends on. Replicas have equal keys, so they share one compilation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct InboundKey {
    /// Mesh-wide settings.
    pub(super) mesh: ByPtr<Mesh>,
    /// How traffic reaches the proxy.
    pub(super) interception: Interception,
    /// What connection managers depend on of the proxy.
    pub(super) http: HttpProxy,
    /// The Sidecar that binds the workload.
    pub(super) sidecar: Option<ByPtr<Sidecar>>,
    /// The ports by number.
    pub(super) ports: Vec<InboundPort>,
    /// The mutual TLS that its policies demand.
    pub(super) mtls: EffectiveMtls,
    /// The policies by which it refuses callers.
    pub(super) policies: Vec<ByPtr<AuthorizationPolicy>>,
    /// What is wrong with ports that are left out.
    issues: Vec<Issue>,
}

/// A compiled inbound side.
#[derive(Debug)]
pub(crate) struct Inbound {
    /// The clusters.
    pub(crate) clusters: Entries,
    /// The listeners.
    pub(crate) listeners: Entries,
    /// What is wrong with ports that are left out.
    pub(crate) issues: Vec<Issue>,
}

impl InboundKey {
    /// The key of a sidecar. `client` is the sidecar as a client: DestinationRules bind its ports too.
    pub(crate) fn of(tracked: &Tracked<'_>, proxy: &Proxy, view: &ViewKey, client: &Client) -> Self {
        let labels = view::labels_of(tracked, proxy);
        let sidecar = tracked.sidecar(&proxy.namespace, &labels);
        let mut ports = port::ports(tracked, proxy, client, sidecar.map(|sidecar| &**sidecar));
        let mut mtls = tracked.workload_mtls(&proxy.namespace, &labels);
        let issues = port::leave_out_occupied(tracked.mesh(), view, sidecar.map(|sidecar| &**sidecar), &mut ports);
        // Connections to the virtual listener's own port are refused, so no policy concerns them.
        mtls.ports.retain(|port, _| *port != tracked.mesh().inbound_port);
        Self {
            mesh: ByPtr::new(tracked.mesh()),
            interception: view.interception,
            http: HttpProxy::of(view),
            ports,
            sidecar: sidecar.map(ByPtr::new),
            mtls,
            policies: tracked.policies(&proxy.namespace, &labels),
            issues,
        }
    }

    /// The declaration of a port in the Sidecar, where it has one.
    pub(super) fn ingress(&self, port: &InboundPort) -> Option<&Ingress> {
        self.sidecar.as_ref()?.ingress.get(port.ingress?)
    }

    /// TLS that the sidecar ends at a port in place of mutual TLS.
    pub(super) fn tls(&self, port: &InboundPort) -> Option<&ServerTls> {
        self.ingress(port)?.tls.as_ref()
    }

    /// Limits that the Sidecar sets for a port.
    pub(super) fn pool(&self, port: &InboundPort) -> Option<&ConnectionPool> {
        let own = self.ingress(port).and_then(|ingress| ingress.pool.as_ref());
        own.or_else(|| self.sidecar.as_ref()?.inbound_pool.as_ref())
    }
}

impl Key for InboundKey {
    type Value = Inbound;

    fn compile(&self) -> Inbound {
        let clusters = cluster::clusters(self).into_iter();
        let sources: BTreeSet<_> = self.ports.iter().filter_map(|port| port.source(self.sidecar.as_deref())).collect();
        let policies = self.policies.iter().map(|policy| policy.origin.object.clone());
        let sources: Vec<_> = sources.into_iter().chain(policies).collect();
        let listeners = listener::listeners(self).into_iter().map(|listener| {
            let compiled = Compiled { sources: sources.clone(), ..Compiled::new(listener) }.or_of(&self.mesh);
            Arc::new(Entry::new(TypeUrl::Listener, compiled.value.name.clone(), compiled))
        });
        Inbound {
            clusters: Entries::of(
                clusters.map(|c| Arc::new(Entry::new(TypeUrl::Cluster, c.value.name.clone(), c.or_of(&self.mesh)))),
            ),
            listeners: Entries::of(listeners),
            issues: self.issues.clone(),
        }
    }
}
