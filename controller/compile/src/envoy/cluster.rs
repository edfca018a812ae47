//! Clusters: how their parts are said, with our defaults.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use heddle_model::{
    mesh::Mesh,
    traffic::{ConnectionPool, Keepalive},
};
use heddle_xds_api::envoy::{
    config::{
        cluster::v3::{
            CircuitBreakers, Cluster, Filter, UpstreamConnectionOptions,
            circuit_breakers::Thresholds,
            cluster::{
                ClusterDiscoveryType, CustomClusterType, DiscoveryType, DnsLookupFamily, EdsClusterConfig, LbPolicy,
            },
        },
        core::v3::{
            BindConfig, ExtraSourceAddress, Http1ProtocolOptions, Http2ProtocolOptions, HttpProtocolOptions as Common,
            TcpKeepalive,
        },
    },
    extensions::{
        clusters::dynamic_forward_proxy::v3::{ClusterConfig, cluster_config::ClusterImplementationSpecifier},
        common::dynamic_forward_proxy::v3::DnsCacheConfig,
        network::dns_resolver::cares::v3::CaresDnsResolverConfig,
        upstreams::http::v3::{
            HttpProtocolOptions,
            http_protocol_options::{
                ExplicitHttpConfig, UpstreamProtocolOptions, UseDownstreamHttpConfig,
                explicit_http_config::ProtocolConfig,
            },
        },
    },
};
use heddle_xds_api::udpa::r#type::v1::TypedStruct;

use super::{
    any::{any, extension},
    duration::duration,
    endpoint::socket,
    http1, metadata, source,
};

/// Name of the DNS cache behind `AllowAnyDynamicDNSCluster`; its HTTP filter names the same one.
pub(crate) const ANY_DNS_CACHE: &str = "allow_any_dfp_dns_cache";
/// Key of a cluster's HTTP options.
pub(crate) const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// A cluster with a name, a type and a connect timeout; the rest is Envoy's.
pub(crate) fn cluster(name: &str, kind: DiscoveryType, connect_timeout: Duration) -> Cluster {
    Cluster {
        name: name.into(),
        // The semicolon ends the name for the rules that make labels of statistics.
        alt_stat_name: format!("{name};"),
        connect_timeout: Some(duration(connect_timeout)),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(kind.into())),
        ..Default::default()
    }
}

/// Makes a cluster ask us for its endpoints under its own name.
pub(crate) fn by_eds(cluster: &mut Cluster) {
    cluster.eds_cluster_config =
        Some(EdsClusterConfig { eds_config: Some(source::ads()), service_name: cluster.name.clone() });
}

/// Makes a cluster resolve names. Envoy does not wait for the resolver: one that is dead must not hold up a proxy.
pub(crate) fn by_dns(cluster: &mut Cluster, refresh: Duration, family: DnsLookupFamily) {
    cluster.dns_refresh_rate = Some(duration(refresh));
    cluster.dns_jitter = Some(duration(Duration::from_millis(100)));
    cluster.respect_dns_ttl = true;
    cluster.dns_lookup_family = family.into();
    cluster.wait_for_warm_on_init = Some(false);
    let resolver = CaresDnsResolverConfig { udp_max_queries: Some(100), ..Default::default() };
    cluster.typed_dns_resolver_config = Some(extension("envoy.network.dns_resolver.cares", &resolver));
}

/// Makes a cluster resolve whatever host is asked for.
pub(crate) fn by_asked_host(cluster: &mut Cluster, cache: DnsCacheConfig, any_protocol: bool) {
    let config = ClusterConfig {
        allow_insecure_cluster_options: any_protocol,
        cluster_implementation_specifier: Some(ClusterImplementationSpecifier::DnsCacheConfig(cache)),
        ..Default::default()
    };
    cluster.lb_policy = LbPolicy::ClusterProvided.into();
    cluster.cluster_discovery_type = Some(ClusterDiscoveryType::ClusterType(CustomClusterType {
        name: "envoy.clusters.dynamic_forward_proxy".into(),
        typed_config: Some(any(&config)),
    }));
}

/// The cache of a cluster that resolves on demand. Envoy demands the very same of every filter that shares it.
pub(crate) fn dns_cache(name: &str, family: DnsLookupFamily) -> DnsCacheConfig {
    DnsCacheConfig { name: name.into(), dns_lookup_family: family.into(), max_hosts: Some(1024), ..Default::default() }
}

/// Which addresses of a name a proxy can use. With both families IPv4 first: an IPv6 route often ends at the node.
pub(crate) fn family(ipv4: bool, ipv6: bool) -> DnsLookupFamily {
    match (ipv4, ipv6) {
        (false, true) => DnsLookupFamily::V6Only,
        (true, true) => DnsLookupFamily::V4Preferred,
        _ => DnsLookupFamily::V4Only,
    }
}

/// Limits. Envoy's own (1024, and 3 retries) break meshes under load, so what is not said is not limited.
pub(crate) fn thresholds(pool: &ConnectionPool) -> Thresholds {
    // Zero is the API's "not said".
    let limit = |said: Option<u32>| Some(said.filter(|limit| *limit > 0).unwrap_or(u32::MAX));
    Thresholds {
        max_connections: limit(pool.max_connections),
        max_pending_requests: limit(pool.http1_max_pending),
        max_requests: limit(pool.http2_max_requests),
        max_retries: limit(pool.max_retries),
        ..Default::default()
    }
}

/// A cluster's only set of limits.
pub(crate) fn breakers(thresholds: Thresholds) -> CircuitBreakers {
    CircuitBreakers { thresholds: vec![thresholds], ..Default::default() }
}

/// TCP keep-alive in whole seconds, at least one.
pub(crate) fn keepalive(keepalive: &Keepalive) -> UpstreamConnectionOptions {
    let seconds = |span: Duration| u32::try_from(span.as_secs()).unwrap_or(u32::MAX).max(1);
    let tcp_keepalive = TcpKeepalive {
        keepalive_probes: keepalive.probes.filter(|probes| *probes > 0),
        keepalive_time: keepalive.time.map(seconds),
        keepalive_interval: keepalive.interval.map(seconds),
    };
    UpstreamConnectionOptions { tcp_keepalive: Some(tcp_keepalive), ..Default::default() }
}

/// HTTP/2 to the endpoints.
pub(crate) fn speak_http2(options: Http2ProtocolOptions) -> UpstreamProtocolOptions {
    explicit(ProtocolConfig::Http2ProtocolOptions(options))
}

/// HTTP/1.1 to the endpoints.
pub(crate) fn speak_http1() -> UpstreamProtocolOptions {
    explicit(ProtocolConfig::HttpProtocolOptions(Http1ProtocolOptions::default()))
}

/// To the endpoints what the client spoke.
pub(crate) fn speak_as_client(options: Http2ProtocolOptions) -> UpstreamProtocolOptions {
    UpstreamProtocolOptions::UseDownstreamProtocolConfig(UseDownstreamHttpConfig {
        http_protocol_options: Some(Http1ProtocolOptions::default()),
        http2_protocol_options: Some(options),
        ..Default::default()
    })
}

/// Sets the HTTP options where they are not Envoy's own. Envoy requires a protocol in them: HTTP/1.1 when none was
/// chosen.
pub(crate) fn http_options(cluster: &mut Cluster, mesh: &Mesh, options: Option<HttpProtocolOptions>) {
    let header_key_format = http1::header_key_format(mesh);
    if options.is_none() && header_key_format.is_none() {
        return;
    }
    let mut options = options.unwrap_or_default();
    let protocol = options.upstream_protocol_options.get_or_insert_with(speak_http1);
    if let Some(http1) = http1_options(protocol) {
        http1.header_key_format = header_key_format;
    }
    cluster.typed_extension_protocol_options = BTreeMap::from([(HTTP_OPTIONS.to_owned(), any(&options))]);
}

/// HTTP options of clusters for traffic that nothing declares: the client's protocol, five minutes idle.
pub(crate) fn undeclared() -> HttpProtocolOptions {
    let idle = Common { idle_timeout: Some(duration(Duration::from_mins(5))), ..Default::default() };
    HttpProtocolOptions {
        common_http_protocol_options: Some(idle),
        upstream_protocol_options: Some(speak_as_client(Http2ProtocolOptions::default())),
        ..Default::default()
    }
}

/// Source addresses of connections to the workload itself, which the redirection rules let pass.
pub(crate) fn bind(sources: &[IpAddr]) -> Option<BindConfig> {
    let (first, further) = sources.split_first()?;
    let extra = |ip: &IpAddr| ExtraSourceAddress { address: Some(socket(ip.to_string(), 0)), ..Default::default() };
    Some(BindConfig {
        source_address: Some(socket(first.to_string(), 0)),
        extra_source_addresses: further.iter().map(extra).collect(),
        ..Default::default()
    })
}

/// Istio's exchange of peers' names over TCP, for proxies that have it compiled in.
pub(crate) fn peer_exchange() -> Filter {
    let value = metadata::fields([
        ("enable_discovery", metadata::flag(true)),
        ("protocol", metadata::text("istio-peer-exchange")),
    ]);
    let config = TypedStruct {
        type_url: "type.googleapis.com/envoy.tcp.metadataexchange.config.MetadataExchange".into(),
        value: Some(value),
    };
    Filter { name: "istio.metadata_exchange".into(), typed_config: Some(any(&config)), ..Default::default() }
}

/// The options of HTTP/1.1, where it can be spoken.
fn http1_options(protocol: &mut UpstreamProtocolOptions) -> Option<&mut Http1ProtocolOptions> {
    match protocol {
        UpstreamProtocolOptions::UseDownstreamProtocolConfig(config) => config.http_protocol_options.as_mut(),
        UpstreamProtocolOptions::ExplicitHttpConfig(config) => match &mut config.protocol_config {
            Some(ProtocolConfig::HttpProtocolOptions(options)) => Some(options),
            _ => None,
        },
        UpstreamProtocolOptions::AutoConfig(_) => None,
    }
}

fn explicit(protocol: ProtocolConfig) -> UpstreamProtocolOptions {
    UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig { protocol_config: Some(protocol) })
}
