//! The bootstrap says what was set, and listens nowhere else. That Envoy takes it is tested with a real one (tests/).

use std::ffi::OsString;

use super::*;
use crate::args::{Command, parse};
use crate::config::{Env, config};

fn made(flags: &str, pairs: &[(&str, &str)]) -> Value {
    let line = format!("heddle-agent proxy sidecar {flags}");
    let Command::Proxy(args) = parse(line.split_whitespace().map(OsString::from)).unwrap().0.command else {
        panic!("{line}");
    };
    let env: Env = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    bootstrap(&config(&args, &env).unwrap())
}

/// Every `socket_address` below a value.
fn sockets(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, inner)| match name.as_str() {
                "socket_address" => {
                    vec![format!("{}:{}", inner["address"].as_str().unwrap_or_default(), inner["port_value"])]
                }
                _ => sockets(inner),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(sockets).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn nothing_is_bound_but_what_was_set() {
    let flags =
        "--adminAddr 127.0.1.3:1 --statusAddr 127.0.1.3:2 --readinessAddr 127.0.1.3:3 --prometheusAddr 127.0.1.3:4";
    let made = made(flags, &[]);
    let listening = &made["static_resources"]["listeners"];
    assert_eq!(sockets(&made["admin"]), ["127.0.1.3:1"]);
    assert_eq!(sockets(listening), ["127.0.1.3:4", "127.0.1.3:3"]);
    assert!(listening.as_array().unwrap().iter().all(|listener| listener["enable_reuse_port"] == false));
    assert_eq!(sockets(&made["static_resources"]["clusters"]), ["127.0.1.3:1", "127.0.1.3:2"]);
}

#[test]
fn what_listens_everywhere_is_called_on_loopback() {
    let made = made("", &[]);
    assert_eq!(sockets(&made["static_resources"]["listeners"]), ["0.0.0.0:15090", "0.0.0.0:15021"]);
    assert_eq!(sockets(&made["static_resources"]["clusters"]), ["127.0.0.1:15000", "127.0.0.1:15020"]);
}

#[test]
fn discovery_is_by_difference_unless_switched_off() {
    let api = |made: &Value| made["dynamic_resources"]["ads_config"]["api_type"].clone();
    assert_eq!(api(&made("", &[])), "DELTA_GRPC");
    assert_eq!(api(&made("", &[("ISTIO_DELTA_XDS", "false")])), "GRPC");
    let made = made("--socketDir /run/s", &[]);
    let clusters = &made["static_resources"]["clusters"];
    for (index, name, path) in [(2, "xds-grpc", "/run/s/XDS"), (3, "sds-grpc", "/run/s/SDS")] {
        let address = &clusters[index]["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"];
        assert_eq!((&clusters[index]["name"], &address["pipe"]["path"]), (&json!(name), &json!(path)));
    }
}

#[test]
fn proxy_config_and_annotations_add_to_statistics_and_runtime() {
    let proxy =
        r#"{"runtimeValues":{"a":"1","b":"true","c":"text"},"proxyStatsMatcher":{"inclusionRegexps":["up.*"]}}"#;
    let annotations = r#"{"sidecar.istio.io/statsInclusionPrefixes":"cluster.outbound, http"}"#;
    let made = made("", &[("PROXY_CONFIG", proxy), ("ISTIO_METAJSON_ANNOTATIONS", annotations)]);
    let layer = &made["layered_runtime"]["layers"][0]["static_layer"];
    assert_eq!((&layer["a"], &layer["b"], &layer["c"]), (&json!(1), &json!(true), &json!("text")));
    let patterns = made["stats_config"]["stats_matcher"]["inclusion_list"]["patterns"].as_array().unwrap();
    for pattern in [
        json!({"prefix": "istio"}),
        json!({"prefix": "cluster.outbound"}),
        json!({"prefix": "http"}),
        json!({"suffix": "rbac.denied"}),
        json!({"safe_regex": {"regex": "up.*"}}),
    ] {
        assert!(patterns.contains(&pattern), "{pattern}");
    }
}
