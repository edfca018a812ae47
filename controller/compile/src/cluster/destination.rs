//! What a cluster leads to: a port of a service, perhaps a subset, under a rule. Clusters and their endpoints share it.

use std::sync::Arc;

use heddle_model::{
    Text,
    destination_rule::{DestinationRule, Subset},
    mesh::Mesh,
    object::ObjectRef,
    service::{Service, ServicePort},
    traffic::TrafficPolicy,
};

use super::traffic::Policy;
use crate::{by_ptr::ByPtr, name};

/// The destination of a cluster, with the leaves that say how to treat it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Destination {
    /// What the cluster is for.
    pub(crate) purpose: Purpose,
    /// The service.
    pub(crate) service: ByPtr<Service>,
    /// Its port.
    pub(crate) port: ServicePort,
    /// Name of a subset of the rule; none: all endpoints.
    pub(crate) subset: Option<Text>,
    /// The rule that binds this client and service.
    pub(crate) rule: Option<ByPtr<DestinationRule>>,
    /// Mesh-wide settings.
    pub(crate) mesh: ByPtr<Mesh>,
}

/// What a cluster is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Purpose {
    /// Requests and connections that the proxy itself sends out.
    Outbound,
    /// TLS that an AUTO_PASSTHROUGH gateway passes on unopened.
    SniDnat,
}

impl Destination {
    /// Name of the cluster and of its endpoints.
    pub(crate) fn name(&self) -> String {
        let subset = self.subset.as_deref().unwrap_or_default();
        match self.purpose {
            Purpose::Outbound => name::outbound(self.port.number, subset, &self.service.host),
            Purpose::SniDnat => name::sni_dnat(self.port.number, subset, &self.service.host),
        }
    }

    /// SNI by which an AUTO_PASSTHROUGH gateway of another network finds this destination.
    pub(crate) fn sni(&self) -> String {
        name::sni_dnat(self.port.number, self.subset.as_deref().unwrap_or_default(), &self.service.host)
    }

    /// The policy that applies, merged from all levels.
    pub(crate) fn policy(&self) -> Policy<'_> {
        let rule = self.rule.as_deref();
        Policy::of(&self.mesh, rule, self.subset_of_rule(), self.port.number)
    }

    /// The subset, where the rule has it.
    pub(crate) fn subset_of_rule(&self) -> Option<&Subset> {
        self.rule.as_ref()?.subset(self.subset.as_deref()?)
    }

    /// Path in the rule of a field that some level of it says, e.g. `spec.subsets[0].trafficPolicy.tls`.
    pub(crate) fn field(&self, tail: &str, says: impl Fn(&Policy<'_>) -> bool) -> String {
        let port = self.port.number;
        let at = |policy: &TrafficPolicy, level: &str| {
            let by_port = if policy.ports.contains_key(&port) { "portLevelSettings." } else { "" };
            says(&Policy::of_level(policy, port)).then(|| format!("{level}.{by_port}{tail}"))
        };
        let subset = self
            .subset_of_rule()
            .and_then(|subset| at(subset.policy.as_ref()?, &format!("{}.trafficPolicy", subset.field)));
        let whole = || self.rule.as_ref().and_then(|rule| at(&rule.policy, "spec.trafficPolicy"));
        subset.or_else(whole).unwrap_or_else(|| format!("spec.trafficPolicy.{tail}"))
    }

    /// The objects that this came from.
    pub(crate) fn sources(&self) -> Vec<Arc<ObjectRef>> {
        let rule = self.rule.iter().flat_map(|rule| rule.objects());
        std::iter::once(&self.service.origin.object).chain(rule).cloned().collect()
    }
}
