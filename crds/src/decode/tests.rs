//! Tests of reading specs.

#![allow(clippy::needless_pass_by_value, reason = "json!() values are made at the call")]

use serde_json::{Value, json};

use super::*;
use crate::networking::virtual_service::RedirectPort;
use crate::networking::{destination_rule, gateway, service_entry, sidecar, virtual_service};
use crate::security::peer_authentication;
use crate::{Duration, StringMatch};

fn read<T: DeserializeOwned + Default>(value: Value) -> T {
    let decoded = decode::<T>(&value).unwrap();
    assert_eq!(decoded.unknown, Vec::<String>::new());
    decoded.spec
}

#[track_caller]
fn refused<T: DeserializeOwned + Default + std::fmt::Debug>(value: Value, path: &str, reason: &str) {
    let error = decode::<T>(&value).unwrap_err();
    assert_eq!((error.path.as_str(), error.reason.as_str()), (path, reason));
}

#[test]
fn reads_a_virtual_service() {
    let spec: virtual_service::Spec = read(json!({
        "hosts": ["reviews"],
        "http": [{
            "match": [{"uri": {"prefix": "/a"}, "headers": {"end-user": {"exact": "jason"}, "x": {}}}],
            "route": [{"destination": {"host": "reviews", "subset": "v2", "port": {"number": 80}}, "weight": 90}],
            "timeout": "1.5s",
            "fault": {"delay": {"fixedDelay": "100ms", "percentage": {"value": 12.5}}}
        }]
    }));
    let route = &spec.http[0];
    assert_eq!(route.matches[0].uri, Some(StringMatch::Prefix("/a".into())));
    assert_eq!(route.matches[0].headers["x"], StringMatch::Unset);
    assert_eq!(route.route[0].destination.as_ref().unwrap().port.as_ref().unwrap().number, 80);
    assert_eq!(route.timeout, Some(Duration::from_millis(1500)));
    let delay = route.fault.as_ref().unwrap().delay.as_ref().unwrap();
    assert!((delay.percentage.unwrap().value - 12.5).abs() < 1e-9);
}

#[test]
fn takes_both_spellings_of_a_field() {
    let spec: virtual_service::Spec = read(json!({"export_to": ["."], "http": [
        {"mirror_percent": 5, "direct_response": {"status": 503}}, {"mirrorPercent": 5},
    ]}));
    assert_eq!(spec.export_to, ["."]);
    assert_eq!(spec.http[0].mirror_percent, spec.http[1].mirror_percent);
    let spec: destination_rule::Spec =
        read(json!({"traffic_policy": {"outlier_detection": {"consecutive_5xx_errors": 3},
        "connection_pool": {"http": {"http1_max_pending_requests": 1, "h2_upgrade_policy": "UPGRADE"}}}}));
    assert_eq!(spec.traffic_policy.unwrap().outlier_detection.unwrap().consecutive_5xx_errors, Some(3));
    refused::<virtual_service::Spec>(
        json!({"exportTo": ["."], "export_to": ["*"]}),
        "spec.exportTo",
        "the field is set twice, in two spellings",
    );
}

#[test]
fn takes_numbers_as_protobuf_does() {
    for port in [json!(80), json!("80"), json!(80.0)] {
        let spec: gateway::Spec = read(json!({"servers": [{"port": {"number": port}}]}));
        assert_eq!(spec.servers[0].port.as_ref().unwrap().number, 80);
    }
    let number = |value: Value| json!({"servers": [{"port": {"number": value}}]});
    let path = "spec.servers[0].port.number";
    refused::<gateway::Spec>(number(json!(80.5)), path, "expected a whole number, found the number 80.5");
    refused::<gateway::Spec>(number(json!("http")), path, "expected a whole number, found the string \"http\"");
    refused::<gateway::Spec>(number(json!(-1)), path, "invalid value: integer `-1`, expected u32");
    refused::<gateway::Spec>(number(json!(true)), path, "expected a whole number, found true");
}

#[test]
fn null_is_not_set() {
    let spec: virtual_service::Spec = read(json!({"hosts": null, "http": [{"route": null, "timeout": null}]}));
    assert_eq!(spec, read(json!({"http": [{}]})));
    assert_eq!(decode::<virtual_service::Spec>(&Value::Null).unwrap(), Decoded::default());
}

#[test]
fn names_unknown_fields_with_their_path() {
    let decoded = decode::<virtual_service::Spec>(&json!({
        "hosts": ["a"], "Hosts": [], "http": [{"foo": 1, "match": [{"headers": {"a.b": {"contains": "x"}}}]}],
    }));
    assert_eq!(
        decoded.unwrap().unknown,
        ["spec.Hosts", "spec.http[0].foo", "spec.http[0].match[0].headers[\"a.b\"].contains"]
    );
}

#[test]
fn refuses_unknown_enum_values_and_wrong_types() {
    refused::<service_entry::Spec>(
        json!({"resolution": "dns"}),
        "spec.resolution",
        "unknown value \"dns\", expected one of NONE, STATIC, DNS, DNS_ROUND_ROBIN, DYNAMIC_DNS",
    );
    refused::<sidecar::Spec>(json!({"egress": {}}), "spec.egress", "expected a list, found an object");
    refused::<sidecar::Spec>(json!([]), "spec", "expected an object, found a list");
    refused::<virtual_service::Spec>(
        json!({"http": [{"timeout": "1 day"}]}),
        "spec.http[0].timeout",
        "\"1 day\" is not a duration, such as \"1.5s\", \"100ms\" or \"1h2m\"",
    );
    refused::<virtual_service::Spec>(json!({"hosts": ["a", null]}), "spec.hosts[1]", "expected a string, found null");
}

#[test]
fn refuses_two_fields_of_a_oneof() {
    refused::<virtual_service::Spec>(
        json!({"http": [{"match": [{"uri": {"exact": "/", "regex": ".*"}}]}]}),
        "spec.http[0].match[0].uri",
        "only one of exact and regex may be set",
    );
    refused::<virtual_service::Spec>(
        json!({"http": [{"redirect": {"port": 80, "derivePort": "FROM_REQUEST_PORT"}}]}),
        "spec.http[0].redirect",
        "only one of port and derivePort may be set",
    );
    let spec: virtual_service::Spec = read(json!({"http": [{"redirect": {"derivePort": "FROM_REQUEST_PORT"}}]}));
    assert_eq!(spec.http[0].redirect.as_ref().unwrap().derive_port, Some(RedirectPort::FromRequestPort));
    let hash = |key: &str| json!({"trafficPolicy": {"loadBalancer": {"consistentHash": {"maglev": {}, key: {}}}}});
    read::<destination_rule::Spec>(hash("httpCookie"));
    let path = "spec.trafficPolicy.loadBalancer.consistentHash";
    refused::<destination_rule::Spec>(hash("ringHash"), path, "only one of ringHash and maglev may be set");
}

#[test]
fn reads_ports_as_keys() {
    let spec: peer_authentication::Spec = read(json!({"portLevelMtls": {"8080": {"mode": "STRICT"}}}));
    assert_eq!(spec.port_level_mtls[&8080].mode, peer_authentication::MutualTlsMode::Strict);
    refused::<peer_authentication::Spec>(
        json!({"portLevelMtls": {"http": {}}}),
        "spec.portLevelMtls.http",
        "the key is not a whole number from 0 to 4294967295",
    );
    refused::<peer_authentication::Spec>(
        json!({"portLevelMtls": {"+80": {}}}),
        "spec.portLevelMtls[\"+80\"]",
        "the key is not a whole number from 0 to 4294967295",
    );
}

#[test]
fn what_is_written_is_read_back() {
    let spec: virtual_service::Spec = read(json!({"hosts": ["a"], "http": [{
        "match": [{"uri": {"regex": "/.*"}}], "timeout": "2s", "corsPolicy": {"allowOrigins": [{"exact": "*"}]},
        "redirect": {"port": 1}, "directResponse": {"status": 200, "body": {"bytes": "aGk="}},
    }]}));
    assert_eq!(read::<virtual_service::Spec>(serde_json::to_value(&spec).unwrap()), spec);
}
