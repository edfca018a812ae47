//! DestinationRule.

use std::{sync::Arc, time::Duration};

use heddle_model::{
    destination_rule::DestinationRule,
    traffic::{Balance, H2Upgrade, HashAlgorithm, HashKey, TrafficPolicy},
};

use super::build::{Builder, clean, found, host, object, snapshot};

fn rule(name: &str, spec: &str) -> Builder {
    object("DestinationRule", name, spec)
}

fn policy(policy: &str) -> TrafficPolicy {
    let spec = format!("{{host: web, trafficPolicy: {policy}}}");
    clean([rule("shop/web", &spec)]).destination_rules["shop"][0].policy.clone()
}

#[test]
fn balancers() {
    let balance = |text: &str| policy(&format!("{{loadBalancer: {text}}}")).load_balancer.unwrap().choice;
    assert_eq!(balance("{simple: LEAST_CONN}"), Balance::LeastRequest);
    assert_eq!(balance("{}"), Balance::Unspecified);
    let hash = balance("{consistentHash: {httpCookie: {name: c, ttl: 0s}, maglev: {tableSize: 7}}}");
    let Balance::Hash { key: HashKey::Cookie { name, ttl, .. }, algorithm } = hash else { panic!() };
    assert_eq!((&*name, ttl, algorithm), ("c", Some(Duration::ZERO), HashAlgorithm::Maglev(Some(7))));
    let hash = balance("{consistentHash: {useSourceIp: true}}");
    assert_eq!(hash, Balance::Hash { key: HashKey::SourceIp, algorithm: HashAlgorithm::Ring(1024) });
}

#[test]
fn pools_and_ports() {
    let found = policy(
        "{connectionPool: {tcp: {maxConnections: 5, connectTimeout: 30ms}, http: {http1MaxPendingRequests: 1, \
         h2UpgradePolicy: UPGRADE}}, portLevelSettings: [{port: {number: 80}, tls: {mode: ISTIO_MUTUAL}}]}",
    );
    let pool = found.pool.unwrap();
    assert_eq!((pool.max_connections, pool.http1_max_pending), (Some(5), Some(1)));
    assert_eq!((pool.connect_timeout, pool.h2_upgrade), (Some(Duration::from_millis(30)), Some(H2Upgrade::Always)));
    assert!(found.ports[&80].tls.is_some() && found.ports[&80].pool.is_none());
}

#[test]
fn a_rule_with_a_selector_is_its_namespaces_own() {
    let spec =
        |export: &str| format!("{{host: web, exportTo: {export}, workloadSelector: {{matchLabels: {{app: a}}}}}}");
    for (export, issues) in [("[]", vec![]), ("['.']", vec![]), ("['*']", vec!["spec.exportTo NotSupported"])] {
        let snapshot = snapshot([rule("shop/web", &spec(export))]);
        assert!(snapshot.destination_rules["shop"][0].export_to.is_only("shop"), "{export}");
        assert_eq!(found(&snapshot.issues), issues, "{export}");
    }
}

#[test]
fn deprecated_fields_work_and_warn() {
    let spec = "{host: web, trafficPolicy: {outlierDetection: {consecutiveErrors: 3}, loadBalancer: {simple: RANDOM, \
                warmupDurationSecs: 10s}}}";
    let snapshot = snapshot([rule("shop/web", spec)]);
    let policy = &snapshot.destination_rules["shop"][0].policy;
    assert_eq!(policy.outlier.as_ref().unwrap().consecutive_gateway, Some(3));
    let warmup = policy.load_balancer.as_ref().unwrap().warmup.as_ref().unwrap();
    assert_eq!(warmup.duration, Duration::from_secs(10));
    let want = [
        "spec.trafficPolicy.loadBalancer.warmupDurationSecs Deprecated",
        "spec.trafficPolicy.outlierDetection.consecutiveErrors Deprecated",
    ];
    assert_eq!(found(&snapshot.issues), want);
}

#[test]
fn fields_for_which_nothing_is_built_are_reported() {
    let spec = "{host: web, trafficPolicy: {loadBalancer: {backendUtilization: {}}, \
                outlierDetection: {outlierDetectionHttpErrorCodes: [500]}}, subsets: [{name: v1, trafficPolicy: \
                {loadBalancer: {zoneAwareLbSetting: {minClusterSize: 3}}}}]}";
    let want = [
        "spec.subsets[0].trafficPolicy.loadBalancer.zoneAwareLbSetting NotSupported",
        "spec.trafficPolicy.loadBalancer.backendUtilization NotSupported",
        "spec.trafficPolicy.outlierDetection.outlierDetectionHttpErrorCodes NotSupported",
    ];
    assert_eq!(found(&snapshot([rule("shop/web", spec)]).issues), want);
}

#[test]
fn rules_of_one_host_are_merged_oldest_first() {
    let young = rule("shop/a", "{host: web, trafficPolicy: {tls: {mode: SIMPLE}}, subsets: [{name: v1}, {name: v2}]}");
    let old = rule("shop/b", "{host: web.shop.svc.cluster.local, subsets: [{name: v1, labels: {version: v1}}]}");
    let apart = rule("shop/c", "{host: web, exportTo: ['.']}");
    let snapshot = snapshot([young.created(9), old.created(1), apart.created(5)]);
    let rules = &snapshot.destination_rules["shop"];
    assert_eq!(names(rules), ["c", "b"], "the one that fewer namespaces see is first");
    let merged = &rules[1];
    assert_eq!(merged.merged.len(), 1);
    assert_eq!(merged.subsets.iter().map(|s| &*s.name).collect::<Vec<_>>(), ["v1", "v2"]);
    assert!(merged.subset("v1").unwrap().labels.get("version").is_some());
    assert!(merged.policy.tls.is_some(), "the first policy that is said");
    assert_eq!(found(&snapshot.issues), ["spec.subsets[0] DuplicateSubset"]);
    assert_eq!(&*snapshot.issues[0].object.name, "a");
}

/// The oldest object of each rule.
fn names(rules: &[Arc<DestinationRule>]) -> Vec<&str> {
    rules.iter().map(|rule| &**rule.origin.name()).collect()
}

/// A rule, the names of its subsets, and whether it has a policy.
fn parts(rule: &DestinationRule) -> (&str, Vec<&str>, bool) {
    (rule.origin.name(), rule.subsets.iter().map(|s| &*s.name).collect(), rule.policy.tls.is_some())
}

#[test]
fn a_rule_is_merged_into_an_older_one_of_which_it_binds_all_clients() {
    let selected = rule("shop/selected", "{host: web, workloadSelector: {matchLabels: {a: b}}, subsets: [{name: v1}]}");
    let private =
        "{host: web, exportTo: ['.'], trafficPolicy: {tls: {mode: SIMPLE}}, subsets: [{name: v1}, {name: v2}]}";
    let private = rule("shop/private", private);
    let wider = rule("shop/wider", "{host: web, exportTo: [shop, ops], subsets: [{name: v3}]}");
    let all = rule("shop/all", "{host: web, subsets: [{name: v4}]}");
    let by_age = [selected.created(1), private.created(2), wider.created(3), all.created(4)];
    let merged = snapshot(by_age);
    let rules: Vec<_> = merged.destination_rules["shop"].iter().map(|rule| parts(rule)).collect();
    let want = [
        ("selected", vec!["v1", "v2", "v3"], true),
        ("private", vec!["v1", "v2", "v3"], true),
        ("wider", vec!["v3"], false),
        ("all", vec!["v4"], false),
    ];
    assert_eq!(rules, want);
    assert_eq!(found(&merged.issues), [""; 0]);
}

#[test]
fn a_younger_rule_with_a_selector_changes_nothing_for_others() {
    let all = rule("shop/all", "{host: web, exportTo: ['.'], subsets: [{name: v1}]}");
    let tls = "trafficPolicy: {tls: {mode: SIMPLE}}, subsets: [{name: v2}]";
    let one = rule("shop/one", &format!("{{host: web, workloadSelector: {{matchLabels: {{a: b}}}}, {tls}}}"));
    let two = rule("shop/two", &format!("{{host: web, workloadSelector: {{matchLabels: {{a: c}}}}, {tls}}}"));
    let merged = snapshot([all.created(1), one.created(2), two.created(3)]);
    let rules: Vec<_> = merged.destination_rules["shop"].iter().map(|rule| parts(rule)).collect();
    assert_eq!(rules, [("one", vec!["v2"], true), ("two", vec!["v2"], true), ("all", vec!["v1"], false)]);
}

#[test]
fn of_rules_that_as_many_see_the_youngest_is_first() {
    let old = rule("shop/old", "{host: web, exportTo: [a, c]}").created(1);
    let young = rule("shop/young", "{host: web, exportTo: [b, c]}").created(2);
    assert_eq!(names(&snapshot([old, young]).destination_rules["shop"]), ["young", "old"]);
}

#[test]
fn specific_hosts_come_first_and_other_namespaces_keep_their_rules() {
    let mut store = super::build::store();
    for (name, host) in [("shop/any", "'*'"), ("shop/wild", "'*.local'"), ("shop/one", "web"), ("other/x", "x")] {
        store.apply(rule(name, &format!("{{host: {host}}}")).apply());
    }
    let before = store.commit();
    let hosts: Vec<_> = before.destination_rules["shop"].iter().map(|r| r.host.clone()).collect();
    assert_eq!(hosts, [host("web.shop.svc.cluster.local"), host("*.local"), host("*")]);
    store.apply(rule("shop/two", "{host: two}").apply());
    let after = store.commit();
    assert!(Arc::ptr_eq(&before.destination_rules["other"][0], &after.destination_rules["other"][0]));
    assert!(Arc::ptr_eq(&before.destination_rules["shop"][2], &after.destination_rules["shop"][3]));
}
