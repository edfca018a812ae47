//! What a sidecar says of itself: the Node that its agent would have Envoy send.

use heddle_xds_api::envoy::config::core::v3::{BuildVersion, Locality, Node, node::UserAgentVersionType};
use heddle_xds_api::envoy::r#type::v3::SemanticVersion;
use heddle_xds_api::google::protobuf::{Struct, Value, value::Kind};
use prost::Message as _;

use crate::mesh::Pod;

/// Envoy's version, as far as it decides what a server sends.
const VERSION: SemanticVersion = SemanticVersion { major_number: 1, minor_number: 40, patch: 0 };

/// The Node of a pod's sidecar, encoded.
pub(crate) fn of(pod: &Pod) -> Vec<u8> {
    let labels = pod.labels().into_iter().map(|(key, value)| (key.to_owned(), text(&value))).collect();
    let texts = [
        ("NAMESPACE", pod.namespace.clone()),
        ("NAME", pod.name.clone()),
        ("SERVICE_ACCOUNT", "default".to_owned()),
        ("WORKLOAD_NAME", pod.app.clone()),
        ("INSTANCE_IPS", pod.ip.to_string()),
        ("CLUSTER_ID", "Kubernetes".to_owned()),
        ("MESH_ID", "cluster.local".to_owned()),
        ("INTERCEPTION_MODE", "REDIRECT".to_owned()),
        ("NODE_NAME", "node-0".to_owned()),
        ("ISTIO_VERSION", "1.30.0".to_owned()),
        ("ISTIO_PROXY_SHA", "fleet".to_owned()),
    ];
    let mut fields: std::collections::BTreeMap<_, _> =
        texts.into_iter().map(|(key, value)| (key.to_owned(), text(&value))).collect();
    fields.insert("LABELS".to_owned(), Value { kind: Some(Kind::StructValue(Struct { fields: labels })) });
    let build = BuildVersion { version: Some(VERSION), metadata: None };
    let node = Node {
        id: format!("sidecar~{}~{}.{}~{}.svc.cluster.local", pod.ip, pod.name, pod.namespace, pod.namespace),
        cluster: format!("{}.{}", pod.app, pod.namespace),
        metadata: Some(Struct { fields }),
        locality: Some(Locality::default()),
        user_agent_name: "envoy".to_owned(),
        user_agent_version_type: Some(UserAgentVersionType::UserAgentBuildVersion(build)),
        ..Node::default()
    };
    node.encode_to_vec()
}

fn text(value: &str) -> Value {
    Value { kind: Some(Kind::StringValue(value.to_owned())) }
}
