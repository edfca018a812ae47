//! Reads Envoy's Node (its protobuf JSON) into a [`Proxy`]. The daemon and `heddlectl` read nodes by this one function.

use std::{collections::BTreeMap, net::IpAddr};

use serde_json::{Map, Value};

use crate::{
    Text,
    labels::Labels,
    locality::Locality,
    proxy::{ASKED_FOR, Capabilities, Interception, OwnPorts, Proxy, ProxyKind},
};

/// Metadata that names files of certificates.
const TLS_FILES: [&str; 6] = [
    "TLS_SERVER_CERT_CHAIN",
    "TLS_SERVER_KEY",
    "TLS_SERVER_ROOT_CERT",
    "TLS_CLIENT_CERT_CHAIN",
    "TLS_CLIENT_KEY",
    "TLS_CLIENT_ROOT_CERT",
];

/// The longest id: an address, a pod, a namespace and a domain have at most some 600 bytes.
const MAX_ID: usize = 1024;

/// Why a Node cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// The first request of a stream must name its node.
    #[error("missing node information")]
    Missing,
    /// The id is longer than any name in Kubernetes makes it, or has control characters. It is in no message for that.
    #[error("the node id has more than {MAX_ID} bytes, or a control character")]
    Id,
    /// gRPC without a proxy, which needs other resources.
    #[error("proxyless gRPC (GENERATOR=grpc) is not supported; inject a sidecar into the pod instead")]
    Proxyless,
    /// The id is not of the form `<type>~<ip>~<pod>.<namespace>~<domain>`.
    #[error("node id `{0}` has not the four parts type~ip~name~domain")]
    Parts(String),
    /// A type of node that is not served.
    #[error("node type `{0}` is not one of sidecar, router")]
    Type(String),
    /// Neither `INSTANCE_IPS` nor the id has an address.
    #[error("node `{0}` names no valid IP address")]
    Address(String),
}

/// The proxy that a Node describes.
///
/// # Errors
/// When the Node has no id, or one from which type or address cannot be told. All else has a default.
pub fn proxy(node: &Value) -> Result<Proxy, NodeError> {
    let id = node.get("id").and_then(Value::as_str).filter(|id| !id.is_empty()).ok_or(NodeError::Missing)?;
    if id.len() > MAX_ID || id.chars().any(char::is_control) {
        return Err(NodeError::Id);
    }
    let parts: Vec<&str> = id.split('~').collect();
    let [kind, address, name, domain] = parts.as_slice() else { return Err(NodeError::Parts(id.into())) };
    let kind = match *kind {
        "sidecar" => ProxyKind::Sidecar,
        "router" => ProxyKind::Gateway,
        other => return Err(NodeError::Type(other.into())),
    };
    let metadata = Metadata(node.get("metadata").and_then(Value::as_object));
    if &*metadata.text("GENERATOR") == "grpc" {
        return Err(NodeError::Proxyless);
    }
    let addresses = metadata.addresses().or_else(|| Some(vec![address.parse().ok()?]));
    let addresses = addresses.ok_or_else(|| NodeError::Address(id.into()))?;
    let namespace = match metadata.text("NAMESPACE") {
        named if !named.is_empty() => named,
        _ => domain.split('.').next().unwrap_or_default().into(),
    };
    let name = name.strip_suffix(&*namespace).and_then(|name| name.strip_suffix('.')).unwrap_or(name);
    // Not the third part of the id, which may name another namespace than the one that is verified.
    let short_id = format!("{name}.{namespace}");
    Ok(Proxy {
        verified: false,
        id: id.into(),
        short_id: short_id.as_str().into(),
        kind,
        addresses,
        name: name.into(),
        domain: (*domain).into(),
        service_account: metadata.text("SERVICE_ACCOUNT"),
        labels: metadata.labels(),
        locality: locality(node),
        network: metadata.text("NETWORK"),
        cluster: metadata.text("CLUSTER_ID"),
        node_name: metadata.text("NODE_NAME"),
        workload_name: metadata.text("WORKLOAD_NAME"),
        istio_version: metadata.text("ISTIO_VERSION"),
        interception: metadata.interception(),
        http_proxy_port: metadata.text("HTTP_PROXY_PORT").parse().unwrap_or(0),
        http10: metadata.flag("HTTP10"),
        dns_capture: metadata.flag("DNS_CAPTURE"),
        unprivileged: metadata.flag("UNPRIVILEGED_POD"),
        idle_timeout_seconds: metadata.seconds("IDLE_TIMEOUT"),
        ports: metadata.own_ports(),
        can: capabilities(node),
        tls_files: metadata.tls_files(),
        namespace,
    })
}

/// A Node's metadata, whose values may be spelled as text whatever their type.
struct Metadata<'a>(Option<&'a Map<String, Value>>);

impl Metadata<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.0?.get(key)
    }

    fn text(&self, key: &str) -> Text {
        match self.get(key) {
            Some(Value::String(text)) => text.as_str().into(),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string().into(),
            _ => "".into(),
        }
    }

    fn flag(&self, key: &str) -> bool {
        matches!(&*self.text(key), "true" | "1")
    }

    /// `INSTANCE_IPS`, if every one of them is an address.
    fn addresses(&self) -> Option<Vec<IpAddr>> {
        let text = self.text("INSTANCE_IPS");
        let addresses: Result<Vec<IpAddr>, _> = text.split(',').map(|ip| ip.trim().parse()).collect();
        addresses.ok()
    }

    fn labels(&self) -> Labels {
        let pairs = |key: &str| self.get(key).and_then(Value::as_object).into_iter().flatten();
        // STATIC_LABELS last: the operator of the node said them, whatever the platform says.
        let both = pairs("LABELS").chain(pairs("STATIC_LABELS"));
        both.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect()
    }

    fn interception(&self) -> Interception {
        match &*self.text("INTERCEPTION_MODE") {
            "NONE" => Interception::None,
            "TPROXY" => Interception::Tproxy,
            _ => Interception::Redirect,
        }
    }

    fn own_ports(&self) -> OwnPorts {
        let default = OwnPorts::default();
        let number = |value: Option<&Value>, default: u16| match value {
            Some(Value::String(text)) => text.parse().unwrap_or(default),
            Some(value) => value.as_u64().and_then(|number| u16::try_from(number).ok()).unwrap_or(default),
            None => default,
        };
        let of_proxy_config = |key: &str| self.get("PROXY_CONFIG").and_then(|config| config.get(key));
        OwnPorts {
            readiness: number(self.get("ENVOY_STATUS_PORT"), default.readiness),
            prometheus: number(self.get("ENVOY_PROMETHEUS_PORT"), default.prometheus),
            agent: number(of_proxy_config("statusPort"), default.agent),
            admin: number(of_proxy_config("proxyAdminPort"), default.admin),
        }
    }

    /// A span such as `90s` or `1h30m`, or a bare number of seconds.
    fn seconds(&self, key: &str) -> u64 {
        let text = self.text(key);
        let (mut total, mut number) = (0_u64, 0_u64);
        for c in text.chars() {
            let unit = match c {
                'h' => 3600,
                'm' => 60,
                's' => 1,
                c => {
                    let Some(digit) = c.to_digit(10) else { return 0 };
                    number = number.saturating_mul(10).saturating_add(digit.into());
                    continue;
                }
            };
            total = total.saturating_add(number.saturating_mul(unit));
            number = 0;
        }
        total.saturating_add(number)
    }

    fn tls_files(&self) -> BTreeMap<Text, Text> {
        let named = TLS_FILES.iter().map(|key| (Text::from(*key), self.text(key)));
        named.filter(|(_, path)| !path.is_empty()).collect()
    }
}

fn locality(node: &Value) -> Locality {
    let part = |name: &str| node.pointer(&format!("/locality/{name}")).and_then(Value::as_str).unwrap_or_default();
    let subzone = match part("subZone") {
        "" => part("sub_zone"),
        subzone => subzone,
    };
    Locality { region: part("region").into(), zone: part("zone").into(), subzone: subzone.into() }
}

fn capabilities<'a>(node: &'a Value) -> Capabilities {
    let either = |camel: &str, snake: &str| node.pointer(camel).or_else(|| node.pointer(snake));
    let version = either("/userAgentBuildVersion/version", "/user_agent_build_version/version");
    let number = |camel: &str, snake: &str| {
        let number = version.and_then(|version| version.get(camel).or_else(|| version.get(snake)));
        number.and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
    };
    let extensions = node.get("extensions").and_then(Value::as_array).into_iter().flatten();
    let name = |extension: &'a Value| extension.get("name")?.as_str();
    let asked = |name: &str| ASKED_FOR.contains(&name);
    let enabled = |extension: &&Value| extension.get("disabled").and_then(Value::as_bool) != Some(true);
    Capabilities {
        // Known when its stream is: only one of the two protocols can do it.
        virtual_hosts: false,
        version: (
            number("majorNumber", "major_number"),
            number("minorNumber", "minor_number"),
            number("patch", "patch"),
        ),
        extensions: extensions.filter(enabled).filter_map(name).filter(|name| asked(name)).map(Into::into).collect(),
    }
}

#[cfg(test)]
mod tests;
