//! Reads one JSON or YAML value into an [`Object`].

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use heddle_crds::{DecodeError, Decoded, ObjectMeta, decode::decode_at};
use heddle_model::{
    Text,
    issue::Issue,
    object::{Kind, ObjectRef},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Meta, Object, ServiceEntry, Spec};

/// The namespace of objects that name none, as `kubectl` takes it.
const DEFAULT_NAMESPACE: &str = "default";

/// What a value turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// An object of a kind that is read.
    Object(Box<Object>),
    /// An object of another kind.
    Other {
        /// `apiVersion`, perhaps empty.
        api_version: String,
        /// `kind`.
        kind: String,
    },
    /// No object, with the reason.
    Not(String),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct EntryStatus {
    addresses: Vec<AllocatedAddress>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct AllocatedAddress {
    value: String,
    host: String,
}

impl Object {
    /// Reads an object of the control plane's own cluster. One whose fields cannot be read is [`Spec::Malformed`], with
    /// an issue that says why.
    #[must_use]
    pub fn read(value: &Value) -> Reading {
        Self::read_in(&Text::default(), value)
    }

    /// Reads an object of a cluster.
    #[must_use]
    pub fn read_in(cluster: &Text, value: &Value) -> Reading {
        let Some(members) = value.as_object() else { return Reading::Not("it is not an object".into()) };
        let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        if kind.is_empty() {
            return Reading::Not("it has no kind".into());
        }
        let Some(kind) = Kind::of(api_version, kind) else {
            return Reading::Other { api_version: api_version.into(), kind: kind.into() };
        };
        let named = |field: &str| value.pointer(&format!("/metadata/{field}")).and_then(Value::as_str);
        let Some(name) = named("name").filter(|n| !n.is_empty()) else {
            return Reading::Not(format!("the {kind} has no metadata.name"));
        };
        let namespace = match named("namespace") {
            _ if !kind.is_namespaced() => "",
            Some(namespace) if !namespace.is_empty() => namespace,
            _ => DEFAULT_NAMESPACE,
        };
        Reading::Object(Box::new(Self::assemble(ObjectRef::new(kind, namespace, name).in_cluster(cluster), value)))
    }

    /// Reads a document of MeshConfig's fields, which has neither kind nor name.
    #[must_use]
    pub fn mesh_config(value: &Value) -> Self {
        Self::assemble(ObjectRef::new(Kind::MeshConfig, "", "mesh"), value)
    }

    fn assemble(key: ObjectRef, value: &Value) -> Self {
        let key = Arc::new(key);
        let read = meta(&key, value).and_then(|meta| Ok((meta, spec(key.kind, value)?)));
        match read {
            Ok((meta, (spec, unknown))) => {
                let issue = |path: String| {
                    Issue::warning(&key, path, "UnknownField", "there is no such field; it has no effect")
                };
                let issues = unknown.into_iter().map(issue).collect();
                Self { key, meta, spec, issues }
            }
            Err(error) => {
                let path = error.path.trim_start_matches('.');
                let message = format!("{}; the object has no effect, or the one it had before", error.reason);
                let issues = vec![Issue::error(&key, path, "Malformed", message)];
                Self { key, meta: Meta::default(), spec: Spec::Malformed, issues }
            }
        }
    }
}

fn meta(key: &ObjectRef, value: &Value) -> Result<Meta, DecodeError> {
    if key.kind == Kind::MeshConfig {
        return Ok(Meta::default());
    }
    let meta: ObjectMeta = decode_at("metadata", value.get("metadata").unwrap_or(&Value::Null))?.spec;
    let created = meta.creation_timestamp.as_deref().and_then(|t| OffsetDateTime::parse(t, &Rfc3339).ok());
    let ours = |(name, _): &(String, String)| {
        name.contains("istio.io") || (key.kind == Kind::Ingress && name == crate::ingest::ingress::CLASS)
    };
    Ok(Meta {
        labels: meta.labels.into_iter().collect(),
        annotations: meta.annotations.into_iter().filter(ours).map(|(k, v)| (k.into(), v.into())).collect(),
        created: created.map_or(0, OffsetDateTime::unix_timestamp),
    })
}

/// The spec, and the paths of fields that the kind does not have.
fn spec(kind: Kind, value: &Value) -> Result<(Spec, Vec<String>), DecodeError> {
    Ok(match kind {
        Kind::MeshConfig => boxed(decode_at("", value)?, Spec::MeshConfig),
        Kind::Namespace => (Spec::Namespace, Vec::new()),
        Kind::ServiceAccount => (Spec::ServiceAccount, Vec::new()),
        Kind::Node => (Spec::Node, Vec::new()),
        Kind::ConfigMap => (Spec::ConfigMap(platform(value)?), Vec::new()),
        Kind::Secret => (Spec::Secret(platform(value)?), Vec::new()),
        Kind::Pod => (Spec::Pod(platform(value)?), Vec::new()),
        Kind::Service => (Spec::Service(platform(value)?), Vec::new()),
        Kind::EndpointSlice => (Spec::EndpointSlice(platform(value)?), Vec::new()),
        Kind::Ingress => (Spec::Ingress(platform(value)?), Vec::new()),
        Kind::IngressClass => (Spec::IngressClass(platform(value)?), Vec::new()),
        Kind::ServiceEntry => {
            let Decoded { spec, unknown } = custom(value)?;
            (Spec::ServiceEntry(Box::new(ServiceEntry { spec, allocated: allocated(value) })), unknown)
        }
        Kind::WorkloadEntry => boxed(custom(value)?, Spec::WorkloadEntry),
        Kind::VirtualService => boxed(custom(value)?, Spec::VirtualService),
        Kind::DestinationRule => boxed(custom(value)?, Spec::DestinationRule),
        Kind::Gateway => boxed(custom(value)?, Spec::Gateway),
        Kind::Sidecar => boxed(custom(value)?, Spec::Sidecar),
        Kind::ProxyConfig => boxed(custom(value)?, Spec::ProxyConfig),
        Kind::PeerAuthentication => boxed(custom(value)?, Spec::PeerAuthentication),
        Kind::AuthorizationPolicy => boxed(custom(value)?, Spec::AuthorizationPolicy),
        Kind::EnvoyFilter
        | Kind::RequestAuthentication
        | Kind::Telemetry
        | Kind::TrafficExtension
        | Kind::WasmPlugin
        | Kind::WorkloadGroup => (Spec::Unsupported, Vec::new()),
        // No document is of these kinds.
        Kind::File | Kind::Document | Kind::KubernetesGateway => (Spec::Malformed, Vec::new()),
    })
}

/// Reads the spec of a custom resource.
fn custom<T: DeserializeOwned + Default>(value: &Value) -> Result<Decoded<T>, DecodeError> {
    heddle_crds::decode(value.get("spec").unwrap_or(&Value::Null))
}

fn boxed<T>(decoded: Decoded<T>, variant: fn(Box<T>) -> Spec) -> (Spec, Vec<String>) {
    let strip = |path: String| path.trim_start_matches('.').to_owned();
    (variant(Box::new(decoded.spec)), decoded.unknown.into_iter().map(strip).collect())
}

/// Reads an object of the platform, of which most fields are not ours to know and are no finding.
fn platform<T: DeserializeOwned + Default>(value: &Value) -> Result<Box<T>, DecodeError> {
    Ok(Box::new(decode_at("", value)?.spec))
}

/// The addresses in a ServiceEntry's status. A status that cannot be read is none: it is not the user's to mend.
fn allocated(value: &Value) -> BTreeMap<Text, Vec<IpAddr>> {
    let status: EntryStatus =
        decode_at("status", value.get("status").unwrap_or(&Value::Null)).map(|d| d.spec).unwrap_or_default();
    let mut by_host: BTreeMap<Text, Vec<IpAddr>> = BTreeMap::new();
    for address in status.addresses {
        if let Ok(ip) = address.value.parse() {
            by_host.entry(address.host.into()).or_default().push(ip);
        }
    }
    by_host
}
