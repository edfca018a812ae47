//! Clusters as values: what each object of the API becomes.

use std::{collections::BTreeMap, time::Duration};

use heddle_model::{
    authn::MtlsMode,
    protocol::Protocol,
    proxy::{Capabilities, Proxy},
    service::Resolution,
    tls::{ClientTls, ClientTlsMode},
    traffic::{
        Balance, ConnectionPool, H2Upgrade, HashAlgorithm, HashKey, LoadBalancer, OutlierDetection, PortPolicy,
        ProxyProtocol, TrafficPolicy, Warmup,
    },
};
use heddle_xds_api::envoy::{
    config::cluster::v3::{
        Cluster,
        cluster::{ClusterDiscoveryType, DiscoveryType, DnsLookupFamily, LbPolicy},
    },
    extensions::{
        transport_sockets::tls::v3::{UpstreamTlsContext, common_tls_context::ValidationContextType},
        upstreams::http::v3::{HttpProtocolOptions, http_protocol_options::UpstreamProtocolOptions},
    },
    r#type::matcher::v3::string_matcher::MatchPattern,
};
use prost::Message;

use super::{ClusterKey, cluster};
use crate::{
    compiled::Compiled,
    envoy::cluster::HTTP_OPTIONS,
    fixture::{TestMesh, cluster_keys, endpoint, external, gateway, peers, rule, service, sidecar, subset},
};

const WEB: &str = "outbound|80||web.shop.svc.cluster.local";

fn all(test_mesh: &TestMesh, proxy: &Proxy) -> BTreeMap<String, Compiled<Cluster>> {
    let of = |key: &ClusterKey| (key.name(), cluster(key));
    test_mesh.see(proxy, |scope| cluster_keys(scope).iter().map(of).collect())
}

fn one(test_mesh: &TestMesh, proxy: &Proxy, name: &str) -> Cluster {
    all(test_mesh, proxy).remove(name).unwrap_or_else(|| panic!("no {name}")).value
}

fn web(policy: TrafficPolicy) -> TestMesh {
    let web = service("web", &[(80, Protocol::Http)]);
    TestMesh::default().with(web, vec![endpoint("10.0.0.1", 80)]).rule(rule("web", policy))
}

fn kind(cluster: &Cluster) -> DiscoveryType {
    match &cluster.cluster_discovery_type {
        Some(ClusterDiscoveryType::Type(kind)) => DiscoveryType::try_from(*kind).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn http(cluster: &Cluster) -> HttpProtocolOptions {
    HttpProtocolOptions::decode(&*cluster.typed_extension_protocol_options[HTTP_OPTIONS].value).unwrap()
}

fn context(socket: Option<&heddle_xds_api::envoy::config::core::v3::TransportSocket>) -> UpstreamTlsContext {
    use heddle_xds_api::envoy::config::core::v3::transport_socket::ConfigType;
    let Some(ConfigType::TypedConfig(any)) = &socket.unwrap().config_type else { panic!("no configuration") };
    UpstreamTlsContext::decode(&*any.value).unwrap()
}

fn auto(cluster: &Cluster) -> UpstreamTlsContext {
    let names: Vec<&str> = cluster.transport_socket_matches.iter().map(|m| &*m.name).collect();
    assert_eq!(names, ["tlsMode-istio", "tlsMode-disabled"]);
    context(cluster.transport_socket_matches[0].transport_socket.as_ref())
}

fn names(context: &UpstreamTlsContext) -> Vec<String> {
    let validation = context.common_tls_context.as_ref().unwrap().validation_context_type.as_ref().unwrap();
    let ValidationContextType::CombinedValidationContext(combined) = validation else { return Vec::new() };
    let names = combined.default_validation_context.iter().flat_map(|c| &c.match_subject_alt_names);
    let exact = names.map(|name| match &name.match_pattern {
        Some(MatchPattern::Exact(name)) => name.clone(),
        other => panic!("{other:?}"),
    });
    exact.collect()
}

fn alpn(context: &UpstreamTlsContext) -> Vec<&str> {
    context.common_tls_context.as_ref().unwrap().alpn_protocols.iter().map(String::as_str).collect()
}

fn tls(mode: ClientTlsMode) -> TrafficPolicy {
    TrafficPolicy { tls: Some(ClientTls { mode, ..ClientTls::default() }), ..TrafficPolicy::default() }
}

fn balancer(choice: Balance) -> TrafficPolicy {
    let balancer = LoadBalancer { choice, ..LoadBalancer::default() };
    TrafficPolicy { load_balancer: Some(balancer), ..TrafficPolicy::default() }
}

#[test]
fn a_service_gets_a_cluster_a_port_and_a_subset() {
    let mut subsets = rule("web", TrafficPolicy::default());
    subsets.subsets = vec![subset("v1", None), subset("v2", None)];
    let ports = [(80, Protocol::Http), (53, Protocol::Udp), (90, Protocol::Tcp)];
    let test_mesh = TestMesh::default().with(service("web", &ports), Vec::new()).rule(subsets);
    let found = all(&test_mesh, &sidecar());
    let host = "web.shop.svc.cluster.local";
    let expected = ["80|v1|", "80|v2|", "80||", "90|v1|", "90|v2|", "90||"].map(|p| format!("outbound|{p}{host}"));
    assert_eq!(found.keys().cloned().collect::<Vec<_>>(), expected);
    let sources: Vec<String> = found[WEB].sources.iter().map(ToString::to_string).collect();
    assert_eq!(sources, ["Service shop/web", "DestinationRule shop/web"]);
}

#[test]
fn without_a_rule_all_is_least_request_without_limits() {
    let test_mesh = TestMesh::default().with(service("web", &[(80, Protocol::Http)]), vec![endpoint("10.0.0.1", 80)]);
    let cluster = one(&test_mesh, &sidecar(), WEB);
    assert_eq!((kind(&cluster), cluster.lb_policy), (DiscoveryType::Eds, LbPolicy::LeastRequest.into()));
    assert_eq!(cluster.eds_cluster_config.as_ref().unwrap().service_name, WEB);
    assert_eq!(cluster.alt_stat_name, format!("{WEB};"));
    assert_eq!(cluster.connect_timeout.unwrap().seconds, 10);
    let limits = &cluster.circuit_breakers.as_ref().unwrap().thresholds[0];
    let said = [limits.max_connections, limits.max_pending_requests, limits.max_requests, limits.max_retries];
    assert_eq!(said, [Some(u32::MAX); 4]);
    assert_eq!(cluster.common_lb_config.unwrap().healthy_panic_threshold.unwrap().value.to_bits(), 0);
    assert!(cluster.typed_extension_protocol_options.is_empty() && cluster.outlier_detection.is_none());
}

#[test]
fn both_ends_with_a_sidecar_speak_mutual_tls_unasked() {
    let accounts = |mesh: &mut heddle_model::mesh::Mesh| mesh.trust_domain_aliases = vec!["old".into()];
    let cluster = one(&web(TrafficPolicy::default()).mesh(accounts), &sidecar(), WEB);
    let context = auto(&cluster);
    assert_eq!(context.sni, "outbound_.80_._.web.shop.svc.cluster.local");
    assert_eq!(names(&context), ["spiffe://cluster.local/ns/shop/sa/web", "spiffe://old/ns/shop/sa/web"]);
    let common = context.common_tls_context.as_ref().unwrap();
    assert_eq!(common.tls_certificate_sds_secret_configs[0].name, "default");
    assert_eq!(alpn(&context), ["istio-http/1.1", "istio", "http/1.1"]);
}

#[test]
fn what_is_offered_tells_the_protocol_only_where_it_is_known() {
    let ports = [(80, Protocol::Http), (81, Protocol::Grpc), (82, Protocol::Tcp), (83, Protocol::Sniff)];
    let test_mesh = TestMesh::default().with(service("web", &ports), Vec::new());
    let istio = Capabilities { extensions: ["istio.metadata_exchange".into()].into(), ..Capabilities::default() };
    let istio = Proxy { can: istio, ..sidecar() };
    let alpn = |proxy: &Proxy, port: u16| {
        let cluster = one(&test_mesh, proxy, &WEB.replace("80", &port.to_string()));
        (alpn(&auto(&cluster)).join(","), cluster.filters.len())
    };
    assert_eq!(alpn(&sidecar(), 80), ("istio-http/1.1,istio,http/1.1".into(), 0));
    assert_eq!(alpn(&sidecar(), 81), ("istio-h2,istio,h2".into(), 0));
    assert_eq!(alpn(&sidecar(), 82), ("istio".into(), 0));
    assert_eq!(alpn(&sidecar(), 83), ("istio".into(), 0));
    assert_eq!(alpn(&istio, 80), ("istio-peer-exchange,istio".into(), 1));
    assert_eq!(alpn(&istio, 81), ("istio-peer-exchange,istio,h2".into(), 1));
}

#[test]
fn plain_text_where_mutual_tls_is_refused_switched_off_or_foreign() {
    let plain = |test_mesh: &TestMesh, name: &str| {
        let cluster = one(test_mesh, &sidecar(), name);
        cluster.transport_socket.is_none() && cluster.transport_socket_matches.is_empty()
    };
    let policy = TrafficPolicy::default;
    assert!(!plain(&web(policy()).peers(peers("shop", MtlsMode::Strict)), WEB));
    assert!(plain(&web(policy()).peers(peers("shop", MtlsMode::Disable)), WEB));
    assert!(plain(&web(policy()).mesh(|mesh| mesh.auto_mtls = false), WEB));
    assert!(plain(&web(tls(ClientTlsMode::Disable)), WEB));
    let foreign = external("api.example", &[(80, Protocol::Http)], Resolution::Static);
    assert!(plain(&TestMesh::default().with(foreign, vec![endpoint("10.0.0.1", 80)]), "outbound|80||api.example"));
}

#[test]
fn an_original_destination_is_trusted_with_tls_only_if_all_endpoints_are() {
    let mut bare = endpoint("10.0.0.2", 80);
    bare.mtls = false;
    let headless = || heddle_model::service::Service {
        resolution: Resolution::Passthrough,
        headless: true,
        ..service("web", &[(80, Protocol::Tcp)])
    };
    let all_mutual = TestMesh::default().with(headless(), vec![endpoint("10.0.0.1", 80)]);
    let mixed = TestMesh::default().with(headless(), vec![endpoint("10.0.0.1", 80), bare]);
    let cluster = one(&all_mutual, &sidecar(), WEB);
    assert_eq!((kind(&cluster), cluster.lb_policy), (DiscoveryType::OriginalDst, LbPolicy::ClusterProvided.into()));
    assert!(cluster.transport_socket.is_some() && cluster.transport_socket_matches.is_empty());
    assert!(one(&mixed, &sidecar(), WEB).transport_socket.is_none());
    assert_eq!(kind(&one(&mixed, &gateway(), WEB)), DiscoveryType::Eds);
}

#[test]
fn names_are_resolved_without_holding_up_the_proxy() {
    let entry = |resolution| external("api.example", &[(80, Protocol::Http)], resolution);
    let two = || vec![endpoint("a.example", 80), endpoint("b.example", 80)];
    let name = "outbound|80||api.example";
    let test_mesh = TestMesh::default().with(entry(Resolution::Dns), two());
    let cluster = one(&test_mesh, &sidecar(), name);
    assert_eq!(kind(&cluster), DiscoveryType::StrictDns);
    assert_eq!((cluster.wait_for_warm_on_init, cluster.respect_dns_ttl), (Some(false), true));
    assert_eq!(cluster.dns_lookup_family(), DnsLookupFamily::V4Only);
    assert_eq!(cluster.load_assignment.unwrap().endpoints[0].lb_endpoints.len(), 2);
    let once = TestMesh::default().with(entry(Resolution::DnsRoundRobin), two());
    let compiled = all(&once, &sidecar()).remove(name).unwrap();
    assert_eq!(kind(&compiled.value), DiscoveryType::LogicalDns);
    assert_eq!(compiled.value.load_assignment.unwrap().endpoints[0].lb_endpoints.len(), 1);
    assert_eq!(compiled.issues[0].reason, "TooManyEndpoints");
    let nobody = TestMesh::default().with(entry(Resolution::DnsRoundRobin), Vec::new());
    assert_eq!(kind(&one(&nobody, &sidecar(), name)), DiscoveryType::Static);
    let six = Proxy { addresses: vec!["::9".parse().unwrap()], ..sidecar() };
    assert_eq!(one(&test_mesh, &six, name).dns_lookup_family(), DnsLookupFamily::V6Only);
}

#[test]
fn an_alias_is_no_service_of_its_own() {
    let alias = |name: &str, to: &str| heddle_model::service::Service {
        resolution: Resolution::Alias(crate::fixture::host(to)),
        ..service(name, &[(80, Protocol::Http)])
    };
    let test_mesh = web(TrafficPolicy::default())
        .with(alias("far", "alias.shop.svc.cluster.local"), Vec::new())
        .with(alias("alias", "web.shop.svc.cluster.local"), Vec::new())
        .with(alias("outside", "db.example"), Vec::new())
        .with(alias("round", "trip.shop.svc.cluster.local"), Vec::new())
        .with(alias("trip", "round.shop.svc.cluster.local"), Vec::new());
    let names = test_mesh.see(&sidecar(), |scope| {
        let host = |name: &str| crate::fixture::host(&format!("{name}.shop.svc.cluster.local"));
        let found = |name: &str| scope.service(&host(name)).map(|service| service.host.to_string());
        assert_eq!(found("far").as_deref(), Some("web.shop.svc.cluster.local"));
        assert_eq!((found("outside"), found("round"), found("trip")), (None, None, None));
        cluster_keys(scope).iter().map(ClusterKey::name).collect::<Vec<_>>()
    });
    assert_eq!(names, ["outbound|80||web.shop.svc.cluster.local"]);
}

#[test]
fn the_nearer_level_wins_and_ports_replace() {
    let pool = |connections| ConnectionPool { max_connections: Some(connections), ..ConnectionPool::default() };
    let with = |connections| TrafficPolicy { pool: Some(pool(connections)), ..TrafficPolicy::default() };
    let of_port = PortPolicy { pool: Some(pool(3)), ..PortPolicy::default() };
    let mut policy = TrafficPolicy { ports: [(81, of_port)].into(), ..with(2) };
    policy.load_balancer = balancer(Balance::Random).load_balancer;
    let mut subsets = rule("web", policy);
    subsets.subsets = vec![subset("v1", Some(with(4))), subset("v2", None)];
    let test_mesh = TestMesh::default()
        .with(service("web", &[(80, Protocol::Http), (81, Protocol::Http)]), Vec::new())
        .with(service("bare", &[(80, Protocol::Http)]), Vec::new())
        .mesh(|mesh| mesh.pool = Some(pool(1)))
        .rule(subsets);
    let found = all(&test_mesh, &sidecar());
    let seen = |name: &str| {
        let cluster = &found[&format!("outbound|{name}.shop.svc.cluster.local")].value;
        (cluster.circuit_breakers.as_ref().unwrap().thresholds[0].max_connections, cluster.lb_policy())
    };
    assert_eq!(seen("80||bare"), (Some(1), LbPolicy::LeastRequest));
    assert_eq!(seen("80||web"), (Some(2), LbPolicy::Random));
    assert_eq!(seen("81||web"), (Some(3), LbPolicy::LeastRequest));
    assert_eq!(seen("80|v1|web"), (Some(4), LbPolicy::Random));
    assert_eq!(seen("80|v2|web"), (Some(2), LbPolicy::Random));
    assert_eq!(seen("81|v1|web"), (Some(4), LbPolicy::LeastRequest));
}

#[test]
fn each_load_balancer_is_envoys() {
    let hash = |algorithm| Balance::Hash { key: HashKey::SourceIp, algorithm };
    let cases = [
        (Balance::RoundRobin, LbPolicy::RoundRobin, 0),
        (Balance::Random, LbPolicy::Random, 0),
        (Balance::LeastRequest, LbPolicy::LeastRequest, 0),
        (hash(HashAlgorithm::Ring(2048)), LbPolicy::RingHash, 0),
        (hash(HashAlgorithm::Ring(u64::MAX)), LbPolicy::RingHash, 1),
        (hash(HashAlgorithm::Maglev(Some(65_537))), LbPolicy::Maglev, 0),
        (hash(HashAlgorithm::Maglev(Some(100))), LbPolicy::Maglev, 1),
        (Balance::Passthrough, LbPolicy::ClusterProvided, 0),
    ];
    for (choice, policy, issues) in cases {
        let compiled = all(&web(balancer(choice.clone())), &sidecar()).remove(WEB).unwrap();
        assert_eq!((compiled.value.lb_policy(), compiled.issues.len()), (policy, issues), "{choice:?}");
        for issue in compiled.issues {
            assert!(issue.field.starts_with("spec.trafficPolicy.loadBalancer.consistentHash"), "{issue}");
        }
    }
    let mut slow = balancer(Balance::RoundRobin);
    let warmup = Warmup { duration: Duration::from_secs(30), minimum_percent: Some(5.0), aggression: Some(2.0) };
    slow.load_balancer.as_mut().unwrap().warmup = Some(warmup);
    assert!(one(&web(slow), &sidecar(), WEB).lb_config.is_some());
}

#[test]
fn outlier_detection_is_enforced_where_it_counts() {
    let detection = OutlierDetection {
        consecutive_5xx: Some(0),
        consecutive_gateway: Some(3),
        min_health_percent: 30,
        base_ejection: Some(Duration::from_secs(5)),
        ..OutlierDetection::default()
    };
    let policy = TrafficPolicy { outlier: Some(detection), ..TrafficPolicy::default() };
    let cluster = one(&web(policy), &sidecar(), WEB);
    let outlier = cluster.outlier_detection.unwrap();
    assert_eq!((outlier.consecutive_5xx, outlier.enforcing_consecutive_5xx), (Some(0), Some(0)));
    assert_eq!(outlier.enforcing_consecutive_gateway_failure, Some(100));
    assert_eq!((outlier.enforcing_success_rate, outlier.max_ejection_percent), (Some(0), None));
    assert_eq!(cluster.common_lb_config.unwrap().healthy_panic_threshold.unwrap().value.to_bits(), 30_f64.to_bits());
}

#[test]
fn limits_and_protocols_come_from_the_pool() {
    let with = |pool| TrafficPolicy { pool: Some(pool), ..TrafficPolicy::default() };
    let timed = ConnectionPool {
        http_idle_timeout: Some(Duration::from_secs(7)),
        max_requests_per_connection: Some(1),
        connect_timeout: Some(Duration::from_millis(250)),
        http1_max_pending: Some(2),
        ..ConnectionPool::default()
    };
    let cluster = one(&web(with(timed)), &sidecar(), WEB);
    let options = http(&cluster).common_http_protocol_options.unwrap();
    assert_eq!((options.idle_timeout.unwrap().seconds, options.max_requests_per_connection), (7, Some(1)));
    assert_eq!(cluster.connect_timeout.unwrap().nanos, 250_000_000);
    assert_eq!(cluster.circuit_breakers.unwrap().thresholds[0].max_pending_requests, Some(2));
    let upgraded = ConnectionPool { h2_upgrade: Some(H2Upgrade::Always), ..ConnectionPool::default() };
    let cluster = one(&web(with(upgraded)), &sidecar(), WEB);
    assert!(matches!(http(&cluster).upstream_protocol_options, Some(UpstreamProtocolOptions::ExplicitHttpConfig(_))));
    assert_eq!(alpn(&auto(&cluster)), ["istio-h2", "istio", "h2"]);
    let follow = ConnectionPool { use_client_protocol: true, ..ConnectionPool::default() };
    let options = http(&one(&web(with(follow)), &sidecar(), WEB)).upstream_protocol_options;
    assert!(matches!(options, Some(UpstreamProtocolOptions::UseDownstreamProtocolConfig(_))));
}

#[test]
fn a_rule_can_ask_for_tls_of_its_own() {
    let simple = one(&web(tls(ClientTlsMode::Simple)), &sidecar(), WEB);
    let context = context(simple.transport_socket.as_ref());
    let common = context.common_tls_context.as_ref().unwrap();
    let Some(ValidationContextType::CombinedValidationContext(combined)) = &common.validation_context_type else {
        panic!("{common:?}")
    };
    assert_eq!(combined.validation_context_sds_secret_config.as_ref().unwrap().name, "file-root:system");
    let by_request = http(&simple).upstream_http_protocol_options.unwrap();
    assert!(by_request.auto_sni && by_request.auto_san_validation);
    let istio = &simple.metadata.unwrap().filter_metadata["istio"];
    assert!(istio.fields.contains_key("alpn_override") && istio.fields.contains_key("config"));
    let mesh = one(&web(tls(ClientTlsMode::IstioMutual)), &sidecar(), WEB);
    assert!(mesh.transport_socket_matches.is_empty() && mesh.transport_socket.is_some());
}

/// The class of GHSA-qm8v-g4f9-qhjx: TLS whose certificates are missing fails, and never becomes plain text.
#[test]
fn tls_that_cannot_be_had_sends_nothing() {
    let compiled = all(&web(tls(ClientTlsMode::Mutual)), &sidecar()).remove(WEB).unwrap();
    assert_eq!((kind(&compiled.value), compiled.issues[0].reason), (DiscoveryType::Static, "MissingCertificate"));
    let mut named = tls(ClientTlsMode::Simple);
    named.tls.as_mut().unwrap().credential = "roots".into();
    let compiled = all(&web(named.clone()), &gateway()).remove(WEB).unwrap();
    assert_eq!((kind(&compiled.value), compiled.issues[0].reason), (DiscoveryType::Static, "SecretNotFound"));
    assert_eq!(compiled.issues[0].field, "spec.trafficPolicy.tls.credentialName");
    // The rule is the gateway's; a sidecar on the way there goes on in plain text.
    let sidecar = all(&web(named), &sidecar()).remove(WEB).unwrap();
    assert!(kind(&sidecar.value) == DiscoveryType::Eds && sidecar.value.transport_socket.is_none());
}

#[test]
fn the_proxy_protocol_wraps_every_socket() {
    let policy = TrafficPolicy { proxy_protocol: Some(ProxyProtocol::V2), ..TrafficPolicy::default() };
    let cluster = one(&web(policy.clone()), &sidecar(), WEB);
    let wrapped = |name: &str| name == "envoy.transport_sockets.upstream_proxy_protocol";
    let sockets = cluster.transport_socket_matches.iter().filter_map(|m| m.transport_socket.as_ref());
    assert_eq!(sockets.filter(|socket| wrapped(&socket.name)).count(), 2);
    let plain = one(&web(policy).mesh(|mesh| mesh.auto_mtls = false), &sidecar(), WEB);
    assert!(wrapped(&plain.transport_socket.unwrap().name));
}

#[test]
fn the_same_keys_give_the_same_bytes() {
    let test_mesh = web(balancer(Balance::RoundRobin));
    let bytes = || -> Vec<Vec<u8>> { all(&test_mesh, &sidecar()).values().map(|c| c.value.encode_to_vec()).collect() };
    assert_eq!(bytes(), bytes());
    assert!(test_mesh.see(&sidecar(), cluster_keys) == test_mesh.see(&sidecar(), cluster_keys));
}
