//! The traffic policy of one cluster, merged: mesh, rule, its port, subset, its port.

use heddle_model::tls::ClientTls;
use heddle_model::{
    destination_rule::{DestinationRule, Subset},
    mesh::Mesh,
    traffic::{
        ConnectionPool, LoadBalancer, LocalityLb, OutlierDetection, PortPolicy, ProxyProtocol, RetryBudget,
        TrafficPolicy, Tunnel,
    },
};

/// What applies to one port of one host or subset. None is Envoy's default, or ours.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Policy<'a> {
    /// Load balancing.
    pub(crate) balancer: Option<&'a LoadBalancer>,
    /// Limits.
    pub(crate) pool: Option<&'a ConnectionPool>,
    /// Outlier detection.
    pub(crate) outlier: Option<&'a OutlierDetection>,
    /// TLS.
    pub(crate) tls: Option<&'a ClientTls>,
    /// PROXY protocol.
    pub(crate) proxy_protocol: Option<ProxyProtocol>,
    /// Budget of retries.
    pub(crate) retry_budget: Option<&'a RetryBudget>,
    /// Tunnel for connections that are forwarded whole.
    pub(crate) tunnel: Option<&'a Tunnel>,
}

impl<'a> Policy<'a> {
    /// Merges all levels.
    ///
    /// "Settings specified at the destination level are not inherited when overridden by port-level settings": a
    /// port's settings replace their level's whole. A subset's settings override the rule's one by one.
    pub(crate) fn of(mesh: &'a Mesh, rule: Option<&'a DestinationRule>, subset: Option<&'a Subset>, port: u16) -> Self {
        let mut merged = rule.map(|rule| Self::of_level(&rule.policy, port)).unwrap_or_default();
        if let Some(policy) = subset.and_then(|subset| subset.policy.as_ref()) {
            let level = Self::of_level(policy, port);
            merged = if policy.ports.contains_key(&port) { level.with_whole_level(merged) } else { level.or(merged) };
        }
        merged.pool = merged.pool.or(mesh.pool.as_ref());
        merged.outlier = merged.outlier.or(mesh.outlier.as_ref());
        merged
    }

    /// The locality settings: the policy's own, else the mesh's; none where they are switched off.
    pub(crate) fn locality(&self, mesh: &'a Mesh) -> Option<&'a LocalityLb> {
        let own = self.balancer.and_then(|balancer| balancer.locality.as_ref());
        let chosen = own.unwrap_or(&mesh.locality);
        (chosen.enabled != Some(false)).then_some(chosen)
    }

    /// What one level says for a port.
    pub(crate) fn of_level(policy: &'a TrafficPolicy, port: u16) -> Self {
        if let Some(port) = policy.ports.get(&port) {
            return Self { tunnel: policy.tunnel.as_ref(), ..Self::of_port(port) };
        }
        Self {
            balancer: policy.load_balancer.as_ref(),
            pool: policy.pool.as_ref(),
            outlier: policy.outlier.as_ref(),
            tls: policy.tls.as_ref(),
            proxy_protocol: policy.proxy_protocol,
            retry_budget: policy.retry_budget.as_ref(),
            tunnel: policy.tunnel.as_ref(),
        }
    }

    fn of_port(port: &'a PortPolicy) -> Self {
        Self {
            balancer: port.load_balancer.as_ref(),
            pool: port.pool.as_ref(),
            outlier: port.outlier.as_ref(),
            tls: port.tls.as_ref(),
            ..Self::default()
        }
    }

    /// Field by field: ours, else the level's above.
    fn or(self, above: Self) -> Self {
        Self {
            balancer: self.balancer.or(above.balancer),
            pool: self.pool.or(above.pool),
            outlier: self.outlier.or(above.outlier),
            tls: self.tls.or(above.tls),
            proxy_protocol: self.proxy_protocol.or(above.proxy_protocol),
            retry_budget: self.retry_budget.or(above.retry_budget),
            tunnel: self.tunnel.or(above.tunnel),
        }
    }

    /// A port's settings hide the level's above; what a port cannot say stays.
    fn with_whole_level(self, above: Self) -> Self {
        Self {
            proxy_protocol: above.proxy_protocol,
            retry_budget: above.retry_budget,
            tunnel: self.tunnel.or(above.tunnel),
            ..self
        }
    }
}
