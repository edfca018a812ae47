//! Which setting wins, and what a mistake is told.

use std::ffi::OsString;

use super::*;
use crate::args::{Command, parse};

fn args(flags: &str) -> ProxyArgs {
    let line = format!("heddle-agent proxy sidecar {flags}");
    match parse(line.split_whitespace().map(OsString::from)).unwrap().0.command {
        Command::Proxy(args) => *args,
        other => panic!("{other:?}"),
    }
}

fn env(pairs: &[(&str, &str)]) -> Env {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn with(flags: &str, pairs: &[(&str, &str)]) -> Config {
    config(&args(flags), &env(pairs)).unwrap()
}

#[test]
fn without_any_setting_there_are_pilot_agents_defaults() {
    let config = with("", &[]);
    assert_eq!(config.identity.to_string(), "spiffe://cluster.local/ns/default/sa/default");
    assert_eq!(config.discovery.address, "istiod.istio-system.svc:15012");
    assert_eq!(config.discovery.server_name, "istiod.istio-system.svc");
    assert_eq!(config.ca, config.discovery);
    let addresses = &config.addresses;
    let listening = [addresses.admin, addresses.status, addresses.readiness, addresses.prometheus];
    assert_eq!(
        listening.map(|at| at.to_string()),
        ["127.0.0.1:15000", "0.0.0.0:15020", "0.0.0.0:15021", "0.0.0.0:15090"]
    );
    assert_eq!(config.envoy.drain, Duration::from_secs(45));
    assert_eq!(config.envoy.termination_drain, Duration::from_secs(5));
    assert_eq!(config.certificate.ttl, Duration::from_hours(24));
    assert!(config.envoy.delta && config.envoy.exit_when_idle.is_none() && config.scrapes.is_empty());
}

#[test]
fn proxy_config_is_obeyed_and_flags_come_before_it() {
    let proxy = r#"{"discoveryAddress":"a:1","concurrency":3,"drainDuration":"7s","terminationDrainDuration":"1.5s",
        "statusPort":16020,"proxyAdminPort":16000,"binaryPath":"/envoy","configPath":"/tmp/x",
        "meshId":"unknown here"}"#;
    let config = with("", &[("PROXY_CONFIG", proxy)]);
    assert_eq!(config.discovery.address, "a:1");
    assert_eq!(config.envoy.concurrency, Some(3));
    assert_eq!(config.envoy.drain, Duration::from_secs(7));
    assert_eq!(config.envoy.termination_drain, Duration::from_millis(1500));
    assert_eq!((config.addresses.status.port(), config.addresses.admin.port()), (16020, 16000));
    assert_eq!(config.envoy.bootstrap, PathBuf::from("/tmp/x/envoy-rev.json"));
    assert_eq!(config.addresses.sds_socket, PathBuf::from("/tmp/x/SDS"));
    let flags =
        "--discoveryAddress b:2 --concurrency 0 --adminAddr 127.0.1.1:15000 --socketDir /run/s --serverName istiod";
    let config = with(flags, &[("PROXY_CONFIG", proxy)]);
    assert_eq!((config.discovery.address.as_str(), config.discovery.server_name.as_str()), ("b:2", "istiod"));
    assert_eq!(config.envoy.concurrency, None);
    assert_eq!(config.addresses.admin.to_string(), "127.0.1.1:15000");
    assert_eq!(config.addresses.xds_socket, PathBuf::from("/run/s/XDS"));
}

#[test]
fn the_environment_of_a_pod_is_read() {
    let config = with(
        "",
        &[
            ("POD_NAMESPACE", "shop"),
            ("SERVICE_ACCOUNT", "reviews"),
            ("TRUST_DOMAIN", "mesh.example"),
            ("CA_ADDR", "[::1]:15012"),
            ("CA_ROOT_CA", "/ca.pem"),
            ("SECRET_TTL", "1h"),
            ("ISTIO_META_CLUSTER_ID", "east"),
            ("ISTIO_DELTA_XDS", "false"),
            ("EXIT_ON_ZERO_ACTIVE_CONNECTIONS", "true"),
            ("ISTIO_CPU_LIMIT", "2"),
            ("ISTIO_BOOTSTRAP_OVERRIDE", "/custom.json"),
            ("ISTIO_PROMETHEUS_ANNOTATIONS", r#"{"scrape":"true","path":"stats","port":"9080","targets":""}"#),
        ],
    );
    assert_eq!(config.identity.to_string(), "spiffe://mesh.example/ns/shop/sa/reviews");
    assert_eq!((config.ca.address.as_str(), config.ca.server_name.as_str()), ("[::1]:15012", "::1"));
    assert_eq!(config.ca.roots, PathBuf::from("/ca.pem"));
    assert_eq!(config.certificate.ttl, Duration::from_hours(1));
    assert_eq!(config.cluster_id, "east");
    assert!(!config.envoy.delta);
    assert_eq!(config.envoy.concurrency, Some(2));
    assert_eq!(config.envoy.override_file, Some("/custom.json".into()));
    assert_eq!(config.envoy.exit_when_idle, Some(Duration::from_secs(5)));
    assert_eq!(config.scrapes, [Scrape { port: 9080, path: "/stats".into() }]);
}

#[test]
fn a_mistake_is_named() {
    for (name, value) in [
        ("PROXY_CONFIG", "{"),
        ("PROXY_CONFIG", r#"{"drainDuration":"soon"}"#),
        ("PROXY_CONFIG", r#"{"terminationDrainDuration":"-5s"}"#),
        ("SECRET_TTL", "1 day"),
        ("SECRET_GRACE_PERIOD_RATIO", "2"),
        ("ISTIO_PROMETHEUS_ANNOTATIONS", r#"{"scrape":"true","port":"http"}"#),
        ("INSTANCE_IP", "nowhere"),
    ] {
        let error = config(&args(""), &env(&[(name, value)])).unwrap_err().to_string();
        assert!(error.starts_with(name), "{error}");
    }
    assert!(matches!(config(&args(""), &env(&[("POD_NAMESPACE", "a/b")])), Err(ConfigError::Identity(_))));
}

#[test]
fn a_socket_path_that_is_too_long_is_said_from_the_working_folder() {
    let here = std::env::current_dir().unwrap();
    let deep = here.join("x".repeat(110));
    let config = with(&format!("--configPath {}", deep.display()), &[]);
    assert_eq!(config.addresses.xds_socket, Path::new(&"x".repeat(110)).join("XDS"));
    let config = with("--configPath /short", &[]);
    assert_eq!(config.addresses.sds_socket, Path::new("/short/SDS"));
}
