//! Tests of the JSON of Envoy's messages.

use serde_json::json;

use super::*;
use crate::{
    any,
    envoy::config::{cluster::v3::Cluster, core::v3::TypedExtensionConfig},
    istio::networking::nds::v1::NameTable,
};

const ROUTER: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

#[test]
fn a_cluster_there_and_back() {
    let text = json!({
        "name": "outbound|80||a.default.svc",
        "type": "EDS",
        "connectTimeout": "1.500s",
        "edsClusterConfig": {"edsConfig": {"ads": {}, "initialFetchTimeout": "0s"}},
        "circuitBreakers": {"thresholds": [{"maxConnections": 4_294_967_295_u32, "trackRemaining": true}]},
        "typedExtensionProtocolOptions": {
            "b": {"@type": ROUTER, "suppressEnvoyHeaders": true},
            "a": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"x": 1.0, "y": ["z"]}},
        },
    });
    let cluster: Cluster = message_from_json(&text).unwrap();
    assert_eq!(cluster.connect_timeout.unwrap().nanos, 500_000_000);
    assert_eq!(cluster.typed_extension_protocol_options["b"].type_url, ROUTER);
    let mut sorted = text.clone();
    sorted.sort_all_objects();
    assert_eq!(message_to_json(&cluster).unwrap().to_string(), sorted.to_string());
}

#[test]
fn a_message_without_code_is_read_too() {
    let url = "type.googleapis.com/envoy.extensions.filters.http.tap.v3.Tap";
    let read = from_json(url, &json!({"common_config": {"admin_config": {"config_id": "x"}}})).unwrap();
    let expected = json!({"@type": url, "commonConfig": {"adminConfig": {"configId": "x"}}});
    assert_eq!(to_json(&read).unwrap(), expected);
}

#[test]
fn an_any_inside_of_an_any_is_opened() {
    let inner = any(&TypedExtensionConfig { name: "in".to_owned(), typed_config: Some(any(&Cluster::default())) });
    let outer = any(&TypedExtensionConfig { name: "out".to_owned(), typed_config: Some(inner) });
    let text = to_json(&outer).unwrap();
    assert_eq!(text["typedConfig"]["typedConfig"]["@type"], Cluster::type_url());
    assert_eq!(from_json(&outer.type_url, &text).unwrap(), outer);
    assert!(from_json(&Cluster::type_url(), &text).unwrap_err().to_string().contains("@type"));
    let structure = json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"a": 1.0}});
    assert_eq!(
        to_json(&from_json("type.googleapis.com/google.protobuf.Struct", &structure).unwrap()).unwrap(),
        structure
    );
}

#[test]
fn what_is_unknown_is_named() {
    let error = from_json("type.googleapis.com/no.Such", &json!({})).unwrap_err().to_string();
    assert!(error.contains("no.Such"), "{error}");
    let text = json!({"name": "x", "typedConfig": {"@type": "type.googleapis.com/no.Such", "a": 1}});
    let error = message_from_json::<TypedExtensionConfig>(&text).unwrap_err().to_string();
    assert!(error.contains("no.Such"), "{error}");
    let unknown = Any { type_url: "type.googleapis.com/no.Such".to_owned(), value: vec![] };
    let inside = TypedExtensionConfig { name: String::new(), typed_config: Some(unknown) };
    assert!(message_to_json(&inside).unwrap_err().to_string().contains("no.Such"));
    let error = message_from_json::<Cluster>(&json!({"nmae": "x"})).unwrap_err().to_string();
    assert!(error.contains("nmae"), "{error}");
}

#[test]
fn the_bytes_are_those_of_the_typed_message() {
    let entries: serde_json::Map<_, _> = (0..40).map(|n| (format!("host-{n}"), json!({"ips": ["1.2.3.4"]}))).collect();
    let read = from_json(&NameTable::type_url(), &json!({"table": entries})).unwrap();
    let table = NameTable::decode(read.value.as_slice()).unwrap();
    assert_eq!(table.table.len(), 40);
    assert_eq!(read.value, table.encode_to_vec());

    let inside = json!({"name": "x", "typedConfig": {"@type": NameTable::type_url(), "table": entries}});
    let read: TypedExtensionConfig = message_from_json(&inside).unwrap();
    assert_eq!(read.typed_config.unwrap().value, table.encode_to_vec());
}
