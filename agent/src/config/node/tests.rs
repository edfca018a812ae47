//! The node of a pod as the injector makes it.

use std::ffi::OsString;

use serde_json::json;

use super::*;
use crate::args::{Command, parse};
use crate::config::{Config, config};

fn with(flags: &str, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let line = format!("heddle-agent proxy {flags}");
    let Command::Proxy(args) = parse(line.split_whitespace().map(OsString::from)).unwrap().0.command else {
        panic!("{line}");
    };
    let env = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    config(&args, &env)
}

#[test]
fn a_pods_environment_becomes_its_node() {
    let pairs = [
        ("POD_NAME", "reviews-1"),
        ("POD_NAMESPACE", "shop"),
        ("INSTANCE_IP", "10.0.0.7,fd00::7"),
        ("SERVICE_ACCOUNT", "reviews"),
        ("ISTIO_META_CLUSTER_ID", "east"),
        ("ISTIO_META_INTERCEPTION_MODE", "NONE"),
        ("ISTIO_METAJSON_LABELS", r#"{"app":"reviews","istio-locality":"eu.a.1"}"#),
        ("PROXY_CONFIG", r#"{"proxyMetadata":{"ISTIO_META_DNS_CAPTURE":"true","ISTIO_META_CLUSTER_ID":"west"}}"#),
    ];
    let node = with("sidecar --domain shop.svc.cluster.local", &pairs).unwrap().node;
    assert_eq!(node.id, "sidecar~10.0.0.7~reviews-1.shop~shop.svc.cluster.local");
    assert_eq!(node.cluster, "reviews.shop");
    assert_eq!(node.locality, Some(json!({"region": "eu", "zone": "a", "sub_zone": "1"})));
    let want = [
        ("NAME", json!("reviews-1")),
        ("NAMESPACE", json!("shop")),
        ("SERVICE_ACCOUNT", json!("reviews")),
        ("INSTANCE_IPS", json!("10.0.0.7,fd00::7")),
        ("CLUSTER_ID", json!("east")),
        ("INTERCEPTION_MODE", json!("NONE")),
        ("DNS_CAPTURE", json!("true")),
        ("ENVOY_PROMETHEUS_PORT", json!(15090)),
    ];
    for (name, value) in want {
        assert_eq!(node.metadata.get(name), Some(&value), "{name}");
    }
    assert_eq!(node.metadata["PROXY_CONFIG"]["proxyMetadata"]["ISTIO_META_DNS_CAPTURE"], "true");
}

#[test]
fn a_gateway_is_a_router() {
    let node = with("router", &[("POD_NAME", "gw"), ("INSTANCE_IP", "::1")]).unwrap().node;
    assert_eq!(node.id, "router~::1~gw.default~default.svc.cluster.local");
    assert_eq!(node.cluster, "istio-proxy");
}

#[test]
fn metadata_that_is_not_json_is_refused() {
    assert!(with("sidecar", &[("ISTIO_METAJSON_LABELS", "app=reviews")]).is_err());
}
