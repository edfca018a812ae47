//! Ingress and IngressClass.

use heddle_model::Text;
use serde::Deserialize;
use serde_json::Value;

/// An Ingress.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Ingress {
    /// Spec.
    pub spec: IngressSpec,
}

/// Spec of an Ingress.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressSpec {
    /// Who is to serve it.
    pub ingress_class_name: Option<Text>,
    /// Where requests go that no rule takes.
    pub default_backend: Option<IngressBackend>,
    /// Certificates.
    pub tls: Vec<IngressTls>,
    /// Rules.
    pub rules: Vec<IngressRule>,
}

/// Hosts and their certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressTls {
    /// Hosts; none: all.
    pub hosts: Vec<String>,
    /// Secret.
    pub secret_name: String,
}

/// The paths of a host.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct IngressRule {
    /// Host; empty: all.
    pub host: String,
    /// Its paths; none: all requests go to the default backend.
    pub http: Option<IngressHttp>,
}

/// See [`IngressRule`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct IngressHttp {
    /// Paths.
    pub paths: Vec<IngressPath>,
}

/// A path and where its requests go.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressPath {
    /// The path.
    pub path: String,
    /// `Exact`, `Prefix` or `ImplementationSpecific`.
    pub path_type: String,
    /// Where to.
    pub backend: IngressBackend,
}

/// A service, or something else that we do not know.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct IngressBackend {
    /// The service.
    pub service: Option<IngressService>,
    /// Something else.
    pub resource: Option<Value>,
}

/// A service and its port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct IngressService {
    /// Name.
    pub name: String,
    /// Port.
    pub port: IngressPort,
}

/// A port by number or name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct IngressPort {
    /// Name; empty: the number counts.
    pub name: Text,
    /// Number.
    pub number: u16,
}

/// An IngressClass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct IngressClass {
    /// Spec.
    pub spec: IngressClassSpec,
}

/// Spec of an IngressClass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct IngressClassSpec {
    /// Who serves Ingresses of this class.
    pub controller: String,
}
