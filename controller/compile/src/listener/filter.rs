//! HTTP filters and their order.
//!
//! The order is that of Istio's proxies (istiod's contract, section 3): users' EnvoyFilters find their place by it.

use heddle_model::{authz::AuthorizationPolicy, mesh::Mesh};
use heddle_xds_api::envoy::extensions::filters::{
    http::{
        cors::v3::Cors,
        dynamic_forward_proxy::v3::{FilterConfig as DynamicForwardProxy, filter_config::ImplementationSpecifier},
        fault::v3::HttpFault,
        grpc_stats::v3::FilterConfig as GrpcStats,
        grpc_web::v3::GrpcWeb,
        router::v3::Router,
    },
    network::http_connection_manager::v3::{HttpFilter, http_filter::ConfigType},
};

use super::upstream_alpn;
use crate::{
    authz,
    by_ptr::ByPtr,
    envoy::{any::any, cluster as clusters},
    scope::Scope,
    view::ViewKey,
};

/// Name of the filter that turns gRPC-Web into gRPC.
pub(crate) const GRPC_WEB: &str = "envoy.filters.http.grpc_web";

/// Which way requests go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    /// From the workload into the mesh.
    Outbound,
    /// To the workload.
    Inbound,
    /// Into or out of the mesh at a gateway.
    Gateway,
}

/// All that the filters of a connection manager depend on, besides its own routes.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings<'a> {
    /// Mesh-wide settings.
    pub(crate) mesh: &'a Mesh,
    /// The proxy.
    pub(crate) proxy: HttpProxy,
    /// Which way requests go.
    pub(crate) direction: Direction,
    /// The policies by which requests are refused.
    pub(crate) policies: Vec<ByPtr<AuthorizationPolicy>>,
}

/// What the requests of one connection manager need of its filters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    /// Some route resolves the host asked for.
    pub(crate) dynamic_dns: bool,
    /// Some requests are gRPC-Web, for servers of gRPC.
    pub(crate) grpc_web: bool,
}

/// What connection managers depend on of their proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HttpProxy {
    /// Has an IPv4 address.
    pub(crate) ipv4: bool,
    /// Has an IPv6 address.
    pub(crate) ipv6: bool,
    /// HTTP/1.0 is served.
    pub(crate) http10: bool,
    /// Idle timeout of connections in seconds; 0: none given.
    pub(crate) idle_timeout_seconds: u64,
    /// Has Istio's filter compiled in that sets the ALPN of each request.
    pub(crate) sets_alpn: bool,
}

/// Where a filter stands among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    OnDemand,
    PeerMetadata,
    Custom,
    ExtensionsAuthn,
    Jwt,
    ExtensionsAuthz,
    Rbac,
    RateLimit,
    ExtensionsStats,
    Extensions,
    GrpcWeb,
    GrpcStats,
    Alpn,
    Fault,
    Cors,
    DynamicForwardProxy,
    Stats,
    Router,
}

impl Phase {
    /// All, in order.
    const ALL: [Self; 18] = [
        Self::OnDemand,
        Self::PeerMetadata,
        Self::Custom,
        Self::ExtensionsAuthn,
        Self::Jwt,
        Self::ExtensionsAuthz,
        Self::Rbac,
        Self::RateLimit,
        Self::ExtensionsStats,
        Self::Extensions,
        Self::GrpcWeb,
        Self::GrpcStats,
        Self::Alpn,
        Self::Fault,
        Self::Cors,
        Self::DynamicForwardProxy,
        Self::Stats,
        Self::Router,
    ];

    /// The filters of this phase.
    fn filters(self, at: &Surroundings<'_>, needs: Needs) -> Vec<HttpFilter> {
        let one = match self {
            Self::Rbac => return authz::http_filters(at.mesh, &at.policies),
            Self::GrpcWeb => needs.grpc_web.then(|| filter(GRPC_WEB, &GrpcWeb {})),
            Self::GrpcStats => {
                let stats = GrpcStats { emit_filter_state: true, ..GrpcStats::default() };
                Some(filter("envoy.filters.http.grpc_stats", &stats))
            }
            Self::Alpn => (at.direction != Direction::Inbound).then(|| upstream_alpn::filter(at.proxy.sets_alpn)),
            Self::Fault => Some(filter("envoy.filters.http.fault", &HttpFault::default())),
            Self::Cors => Some(filter("envoy.filters.http.cors", &Cors::default())),
            Self::DynamicForwardProxy => needs.dynamic_dns.then(|| dynamic_forward_proxy(at)),
            Self::Router => Some(filter("envoy.filters.http.router", &Router::default())),
            // No object that asks for a filter of these phases is in force yet.
            Self::OnDemand
            | Self::PeerMetadata
            | Self::Custom
            | Self::ExtensionsAuthn
            | Self::Jwt
            | Self::ExtensionsAuthz
            | Self::RateLimit
            | Self::ExtensionsStats
            | Self::Extensions
            | Self::Stats => None,
        };
        one.into_iter().collect()
    }
}

/// The filters of a connection manager in order.
pub(super) fn http_filters(at: &Surroundings<'_>, needs: Needs) -> Vec<HttpFilter> {
    Phase::ALL.into_iter().flat_map(|phase| phase.filters(at, needs)).collect()
}

impl HttpProxy {
    /// Of a view.
    pub(crate) fn of(view: &ViewKey) -> Self {
        Self {
            ipv4: view.ipv4,
            ipv6: view.ipv6,
            http10: view.http10,
            idle_timeout_seconds: view.idle_timeout_seconds,
            sets_alpn: view.can.has(upstream_alpn::ISTIO_FILTER),
        }
    }
}

/// The policies that bind a gateway.
pub(crate) fn gateway_policies(scope: &Scope<'_>) -> Vec<ByPtr<AuthorizationPolicy>> {
    scope.tracked.policies(&scope.view.namespace, &scope.view.labels)
}

/// What filters depend on in the scope of a view.
pub(crate) fn surroundings<'a>(scope: &Scope<'a>, direction: Direction) -> Surroundings<'a> {
    // What a workload calls is decided by the one that is called.
    let policies = if direction == Direction::Gateway { gateway_policies(scope) } else { Vec::new() };
    Surroundings { mesh: scope.mesh, proxy: HttpProxy::of(scope.view), direction, policies }
}

fn dynamic_forward_proxy(at: &Surroundings<'_>) -> HttpFilter {
    let family = clusters::family(at.proxy.ipv4, at.proxy.ipv6);
    let cache = clusters::dns_cache(clusters::ANY_DNS_CACHE, family);
    let config = DynamicForwardProxy {
        implementation_specifier: Some(ImplementationSpecifier::DnsCacheConfig(cache)),
        ..DynamicForwardProxy::default()
    };
    filter("envoy.filters.http.dynamic_forward_proxy", &config)
}

/// An HTTP filter.
pub(crate) fn filter<M: prost::Name>(name: &str, config: &M) -> HttpFilter {
    HttpFilter { name: name.into(), config_type: Some(ConfigType::TypedConfig(any(config))), ..HttpFilter::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(direction: Direction, needs: Needs) -> Vec<String> {
        let proxy = HttpProxy { ipv4: true, ipv6: false, http10: false, idle_timeout_seconds: 0, sets_alpn: false };
        let mesh = Mesh::default();
        let filters = http_filters(&Surroundings { mesh: &mesh, proxy, direction, policies: Vec::new() }, needs);
        filters.into_iter().map(|filter| filter.name.replace("envoy.filters.http.", "")).collect()
    }

    #[test]
    fn the_order_is_that_of_the_phases() {
        assert!(Phase::ALL.is_sorted());
        let none = Needs::default();
        assert_eq!(names(Direction::Inbound, none), ["grpc_stats", "fault", "cors", "router"]);
        let grpc_web = Needs { grpc_web: true, ..none };
        assert_eq!(names(Direction::Inbound, grpc_web), ["grpc_web", "grpc_stats", "fault", "cors", "router"]);
        let outbound = ["grpc_stats", "set_filter_state", "fault", "cors", "dynamic_forward_proxy", "router"];
        assert_eq!(names(Direction::Outbound, Needs { dynamic_dns: true, ..none }), outbound);
        assert_eq!(names(Direction::Gateway, none), ["grpc_stats", "set_filter_state", "fault", "cors", "router"]);
    }
}
