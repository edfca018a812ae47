//! Endpoints as values: who is sent, and in what order.

use heddle_model::{
    authn::MtlsMode,
    endpoint::{Endpoint, Health},
    locality::Locality,
    protocol::Protocol,
    proxy::Proxy,
    service::{Preference, Service},
    traffic::{Distribute, LoadBalancer, LocalityLb, OutlierDetection, TrafficPolicy},
};
use heddle_xds_api::envoy::config::{
    core::v3::{HealthStatus, address::Address, socket_address::PortSpecifier},
    endpoint::v3::{ClusterLoadAssignment, LbEndpoint, lb_endpoint::HostIdentifier},
};

use super::load_assignment;
use crate::fixture::{TestMesh, endpoint, endpoint_keys, labels, peers, rule, service, sidecar, subset};

const WEB: &str = "outbound|80||web.shop.svc.cluster.local";

fn load(test_mesh: &TestMesh, proxy: &Proxy, name: &str) -> ClusterLoadAssignment {
    test_mesh.see(proxy, |scope| {
        let key = endpoint_keys(scope).into_iter().find(|key| key.name() == name).unwrap();
        load_assignment(&key).value
    })
}

fn address(endpoint: &LbEndpoint) -> String {
    let Some(HostIdentifier::Endpoint(endpoint)) = &endpoint.host_identifier else { panic!("{endpoint:?}") };
    match endpoint.address.as_ref().and_then(|a| a.address.as_ref()) {
        Some(Address::SocketAddress(at)) => {
            let Some(PortSpecifier::PortValue(port)) = at.port_specifier else { panic!("{at:?}") };
            format!("{}:{port}", at.address)
        }
        Some(Address::Pipe(pipe)) => pipe.path.clone(),
        other => panic!("{other:?}"),
    }
}

/// `priority weight address+address` for each place.
fn shape(load: &ClusterLoadAssignment) -> Vec<String> {
    let place = |place: &heddle_xds_api::envoy::config::endpoint::v3::LocalityLbEndpoints| {
        let addresses: Vec<String> = place.lb_endpoints.iter().map(address).collect();
        format!("{} {} {}", place.priority, place.load_balancing_weight.unwrap(), addresses.join("+"))
    };
    load.endpoints.iter().map(place).collect()
}

fn web(endpoints: Vec<Endpoint>) -> TestMesh {
    TestMesh::default().with(service("web", &[(80, Protocol::Http)]), endpoints)
}

fn at(address: &str, place: &str) -> Endpoint {
    Endpoint { locality: Locality::parse(place), ..endpoint(address, 80) }
}

fn here(place: &str) -> Proxy {
    Proxy { locality: Locality::parse(place), ..sidecar() }
}

fn policy(locality: LocalityLb, outlier: bool) -> TrafficPolicy {
    TrafficPolicy {
        load_balancer: Some(LoadBalancer { locality: Some(locality), ..LoadBalancer::default() }),
        outlier: outlier.then(OutlierDetection::default),
        ..TrafficPolicy::default()
    }
}

#[test]
fn an_empty_service_has_an_assignment_all_the_same() {
    let load = load(&web(Vec::new()), &sidecar(), WEB);
    assert_eq!((load.cluster_name.as_str(), load.endpoints.len()), (WEB, 0));
}

#[test]
fn only_the_subset_of_the_port_in_order_and_once() {
    let mut old = endpoint("10.0.0.3", 80);
    old.labels = labels([("version", "v1")]);
    let twice = [old.clone(), old];
    let other = Endpoint { service_port: "other".into(), ..endpoint("10.0.0.4", 80) };
    let all = [endpoint("10.0.0.20", 80), endpoint("10.0.0.1", 80), other, endpoint("a.name", 80)];
    let mut subsets = rule("web", TrafficPolicy::default());
    subsets.subsets = vec![subset("v1", None)];
    let test_mesh = web(all.into_iter().chain(twice).collect()).rule(subsets);
    assert_eq!(shape(&load(&test_mesh, &sidecar(), WEB)), ["0 3 10.0.0.1:80+10.0.0.3:80+10.0.0.20:80"]);
    let v1 = load(&test_mesh, &sidecar(), &WEB.replace("||", "|v1|"));
    assert_eq!(shape(&v1), ["0 1 10.0.0.3:80"]);
}

#[test]
fn the_unready_are_told_of_but_not_the_leaving() {
    let with = |address: &str, health| Endpoint { health, ..endpoint(address, 80) };
    let all = || vec![with("10.0.0.1", Health::Unhealthy), with("10.0.0.2", Health::Draining)];
    let sent = load(&web(all()), &sidecar(), WEB);
    assert_eq!(shape(&sent), ["0 1 10.0.0.1:80"]);
    assert_eq!(sent.endpoints[0].lb_endpoints[0].health_status(), HealthStatus::Unhealthy);
    let strict = OutlierDetection { min_health_percent: 50, ..OutlierDetection::default() };
    let strict = TrafficPolicy { outlier: Some(strict), ..TrafficPolicy::default() };
    assert!(load(&web(all()).rule(rule("web", strict)), &sidecar(), WEB).endpoints.is_empty());
    let published = Service { publish_not_ready: true, ..service("web", &[(80, Protocol::Http)]) };
    let sent = load(&TestMesh::default().with(published, all()), &sidecar(), WEB);
    assert_eq!(sent.endpoints[0].lb_endpoints[0].health_status(), HealthStatus::Healthy);
}

#[test]
fn each_endpoint_says_whether_it_takes_mutual_tls() {
    let mutual = |test_mesh: &TestMesh| -> Vec<bool> {
        let load = load(test_mesh, &sidecar(), WEB);
        let says = |e: &LbEndpoint| {
            let metadata = &e.metadata.as_ref().unwrap().filter_metadata;
            assert!(metadata["istio"].fields.contains_key("workload"));
            metadata.contains_key("envoy.transport_socket_match")
        };
        load.endpoints.iter().flat_map(|place| &place.lb_endpoints).map(says).collect()
    };
    let bare = Endpoint { mtls: false, ..endpoint("10.0.0.2", 80) };
    let test_mesh = || web(vec![endpoint("10.0.0.1", 80), bare.clone()]);
    assert_eq!(mutual(&test_mesh()), [true, false]);
    assert_eq!(mutual(&test_mesh().peers(peers("shop", MtlsMode::Disable))), [false, false]);
}

#[test]
fn near_places_come_first_once_failures_are_noticed() {
    let all = || vec![at("10.0.0.1", "r/z/s"), at("10.0.0.2", "r/z/t"), at("10.0.0.3", "r/y"), at("10.0.0.4", "q")];
    let flat = ["0 1 10.0.0.4:80", "0 1 10.0.0.3:80", "0 1 10.0.0.1:80", "0 1 10.0.0.2:80"];
    let by_place = ["3 1 10.0.0.4:80", "2 1 10.0.0.3:80", "0 1 10.0.0.1:80", "1 1 10.0.0.2:80"];
    let with = |locality, outlier| web(all()).rule(rule("web", policy(locality, outlier)));
    let seen = |test_mesh: &TestMesh| shape(&load(test_mesh, &here("r/z/s"), WEB));
    assert_eq!(seen(&web(all())), flat);
    assert_eq!(seen(&with(LocalityLb::default(), false)), flat);
    assert_eq!(seen(&with(LocalityLb::default(), true)), by_place);
    let off = LocalityLb { enabled: Some(false), ..LocalityLb::default() };
    assert_eq!(seen(&with(off, true)), flat);
}

#[test]
fn a_region_fails_over_to_the_one_that_is_named() {
    let all = vec![at("10.0.0.1", "r"), at("10.0.0.2", "p"), at("10.0.0.3", "q")];
    let failover = LocalityLb { failover: vec![("r".into(), "q".into())], ..LocalityLb::default() };
    let test_mesh = web(all).rule(rule("web", policy(failover, true)));
    let expected = ["2 1 10.0.0.2:80", "1 1 10.0.0.3:80", "0 1 10.0.0.1:80"];
    assert_eq!(shape(&load(&test_mesh, &here("r"), WEB)), expected);
}

#[test]
fn shares_are_fixed_by_place_and_the_rest_goes_empty() {
    let all = vec![at("10.0.0.1", "r/a"), at("10.0.0.2", "r/b"), at("10.0.0.3", "q/c"), at("10.0.0.4", "p")];
    let to = [("r/*".into(), 80), ("q/c/*".into(), 20)].into();
    let rule_of = Distribute { from: "r/a/*".into(), to };
    let test_mesh =
        web(all).rule(rule("web", policy(LocalityLb { distribute: vec![rule_of], ..Default::default() }, false)));
    assert_eq!(
        shape(&load(&test_mesh, &here("r/a"), WEB)),
        ["0 20 10.0.0.3:80", "0 40 10.0.0.1:80", "0 40 10.0.0.2:80"]
    );
    assert_eq!(load(&test_mesh, &here("elsewhere"), WEB).endpoints.len(), 4);
}

#[test]
fn labels_rank_before_places() {
    let labelled = |address: &str, app: &str, stage: &str| Endpoint {
        labels: labels([("app", app), ("stage", stage)]),
        ..at(address, "r")
    };
    let all = vec![labelled("10.0.0.1", "a", "x"), labelled("10.0.0.2", "a", "y"), labelled("10.0.0.3", "b", "x")];
    let by = LocalityLb { failover_priority: vec!["app".into(), "stage=x".into()], ..LocalityLb::default() };
    let test_mesh = web(all).rule(rule("web", policy(by, true)));
    let client = Proxy { labels: labels([("app", "a"), ("stage", "none")]), ..sidecar() };
    assert_eq!(shape(&load(&test_mesh, &client, WEB)), ["0 1 10.0.0.1:80", "1 1 10.0.0.2:80", "2 1 10.0.0.3:80"]);
}

#[test]
fn a_service_may_prefer_its_clients_zone_or_stay_on_its_node() {
    let all = || vec![at("10.0.0.1", "r/z"), at("10.0.0.2", "r/y")];
    let close = Service { prefer: Some(Preference::SameZone), ..service("web", &[(80, Protocol::Http)]) };
    let test_mesh = TestMesh::default().with(close, all());
    assert_eq!(shape(&load(&test_mesh, &here("r/y"), WEB)), ["0 1 10.0.0.2:80", "1 1 10.0.0.1:80"]);
    let local = Service { node_local: true, ..service("web", &[(80, Protocol::Http)]) };
    let mine = Endpoint { node: "n1".into(), ..endpoint("10.0.0.5", 80) };
    let test_mesh = TestMesh::default().with(local, all().into_iter().chain([mine]).collect());
    let client = Proxy { node_name: "n1".into(), ..sidecar() };
    assert_eq!(shape(&load(&test_mesh, &client, WEB)), ["0 1 10.0.0.5:80"]);
}

#[test]
fn weights_never_add_up_to_more_than_envoy_takes() {
    let heavy = |n: u8| Endpoint { weight: u32::MAX, ..endpoint(&format!("10.0.0.{n}"), 80) };
    let test_mesh = web((1..=5).map(heavy).collect());
    let load = load(&test_mesh, &sidecar(), WEB);
    let weights = load.endpoints.iter().flat_map(|p| &p.lb_endpoints).filter_map(|e| e.load_balancing_weight);
    assert!(u32::try_from(weights.map(u64::from).sum::<u64>()).is_ok());
    let issues =
        |test_mesh: &TestMesh| test_mesh.see(&sidecar(), |scope| load_assignment(&endpoint_keys(scope)[0]).issues);
    let wrong = issues(&test_mesh);
    assert_eq!((wrong.len(), wrong[0].reason), (1, "WeightsTooLarge"));
    assert_eq!(issues(&web(vec![heavy(1)])), []);
}

#[test]
fn clients_in_one_place_share_a_key_and_others_where_it_matters_not() {
    let plain = web(vec![at("10.0.0.1", "r")]);
    assert!(plain.see(&here("r"), endpoint_keys) != Vec::new());
    assert_eq!(plain.see(&here("r"), endpoint_keys), plain.see(&here("q"), endpoint_keys));
    let ordered = web(vec![at("10.0.0.1", "r")]).rule(rule("web", policy(LocalityLb::default(), true)));
    assert_ne!(ordered.see(&here("r"), endpoint_keys), ordered.see(&here("q"), endpoint_keys));
}
