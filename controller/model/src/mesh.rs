//! Mesh-wide settings (MeshConfig), with the contract's defaults.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::{Map, Value};

use crate::{
    Text,
    labels::{LabelSelector, Labels},
    object::ObjectRef,
    route::Retries,
    service::Visibility,
    tls::TlsVersion,
    traffic::{ConnectionPool, H2Upgrade, Keepalive, LocalityLb, OutlierDetection},
};

/// MeshConfig, of which each field keeps its documented default when it is absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Mesh {
    /// The object that the settings are from; none: nobody has said anything.
    pub origin: Option<Arc<ObjectRef>>,
    /// Domain of Kubernetes services, e.g. `cluster.local`.
    pub domain: Text,
    /// Namespace of mesh-wide configuration.
    pub root_namespace: Text,
    /// Trust domain of the mesh's identities.
    pub trust_domain: Text,
    /// Further trust domains whose identities are ours too.
    pub trust_domain_aliases: Vec<Text>,
    /// Port of the outbound listener.
    pub outbound_port: u16,
    /// Port of the inbound listener.
    pub inbound_port: u16,
    /// Port of the forward HTTP proxy; 0: none.
    pub http_proxy_port: u16,
    /// Connect timeout of clusters.
    pub connect_timeout: Duration,
    /// How long sniffing waits; zero: for ever.
    pub detection_timeout: Duration,
    /// TCP keep-alive of clusters.
    pub keepalive: Option<Keepalive>,
    /// Access log file; empty: none.
    pub access_log_file: Text,
    /// Access log format; empty: the default. For JSON a JSON object.
    pub access_log_format: Text,
    /// Access log lines are JSON.
    pub access_log_json: bool,
    /// Log connections that no filter chain took too.
    pub listener_access_log: bool,
    /// What happens to unknown destinations.
    pub outbound: OutboundMode,
    /// Inbound traffic to unknown ports is answered on localhost in place of the original address.
    pub inbound_localhost: bool,
    /// Injected pods serve the metrics of the application and of the proxy on one page.
    pub merges_metrics: bool,
    /// Mutual TLS wherever both ends have a sidecar.
    pub auto_mtls: bool,
    /// Export of services that do not say.
    pub service_export: DefaultExport,
    /// Export of VirtualServices that do not say.
    pub route_export: DefaultExport,
    /// Export of DestinationRules that do not say.
    pub destination_export: DefaultExport,
    /// Locality load balancing.
    pub locality: LocalityLb,
    /// How often names are resolved.
    pub dns_refresh: Duration,
    /// Upgrade of HTTP/1.1 to HTTP/2.
    pub h2_upgrade: Option<H2Upgrade>,
    /// Retries of routes that do not say; none: the built-in default.
    pub retries: Option<Retries>,
    /// Path normalisation.
    pub normalization: Normalization,
    /// Lowest version of the mesh's mutual TLS.
    pub mtls_min_version: TlsVersion,
    /// Ciphers of the mesh's mutual TLS; empty: the defaults.
    pub mtls_ciphers: Vec<Text>,
    /// Lowest version of other TLS.
    pub tls_min_version: TlsVersion,
    /// Ciphers of other TLS; empty: the defaults.
    pub tls_ciphers: Vec<Text>,
    /// Curves of other TLS; empty: the defaults.
    pub tls_curves: Vec<Text>,
    /// Limits of all clusters.
    pub pool: Option<ConnectionPool>,
    /// Outlier detection of all clusters.
    pub outlier: Option<OutlierDetection>,
    /// Template of inbound clusters' statistics names.
    pub inbound_stat_name: Text,
    /// Template of outbound clusters' statistics names.
    pub outbound_stat_name: Text,
    /// Settings of proxies that have none of their own.
    pub proxy: ProxyDefaults,
    /// What serves Kubernetes' Ingresses.
    pub ingress: IngressSettings,
    /// Which namespaces' objects are read, by their labels; none: all.
    pub discovery: Vec<LabelSelector>,
}

/// `exportTo` of MeshConfig, which knows the namespace of each object only later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DefaultExport {
    /// `*`
    #[default]
    All,
    /// To some; to none where nothing is set (`~`).
    Only {
        /// The object's own (`.`).
        own: bool,
        /// These.
        named: BTreeSet<Text>,
    },
}

/// Which Ingresses are served, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressSettings {
    /// Which.
    pub mode: IngressMode,
    /// The class of those whose class stands in an annotation.
    pub class: Text,
    /// The service in front of the gateways.
    pub service: Text,
    /// The value of the gateways' label `istio`; empty: as the service says.
    pub selector: Text,
}

/// Which Ingresses are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IngressMode {
    /// None.
    Off,
    /// Those of our class, and those of none.
    Default,
    /// Those of our class.
    #[default]
    Strict,
}

/// Traffic to destinations that no service declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutboundMode {
    /// Passed through to its original address.
    #[default]
    AllowAny,
    /// Refused.
    RegistryOnly,
    /// Resolved by name and passed on.
    AllowAnyDynamicDns,
}

/// How paths are normalised before they are matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Normalization {
    /// Not at all.
    None,
    /// RFC 3986.
    #[default]
    Base,
    /// And slashes merged.
    MergeSlashes,
    /// And `%2F` decoded first.
    DecodeAndMergeSlashes,
}

/// `defaultConfig`, the ProxyConfig of all proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyDefaults {
    /// All of it, as it was written. Injected pods get it.
    pub written: Arc<Map<String, Value>>,
    /// Proxies in front of the gateways.
    pub trusted_proxies: u32,
    /// What gateways do with client certificate headers; empty: sanitize and set.
    pub forward_client_cert: Text,
    /// Gateways expect the PROXY protocol.
    pub proxy_protocol: bool,
    /// Keep the case of HTTP/1.1 headers.
    pub preserve_header_case: bool,
}

impl DefaultExport {
    /// As seen from an object of this namespace.
    #[must_use]
    pub fn of(&self, namespace: &Text) -> Visibility {
        match self {
            Self::All => Visibility::All,
            Self::Only { own, named } => {
                Visibility::Only(named.iter().chain(own.then_some(namespace)).cloned().collect())
            }
        }
    }
}

impl Default for IngressSettings {
    fn default() -> Self {
        let mode = IngressMode::default();
        Self { mode, class: "istio".into(), service: "istio-ingressgateway".into(), selector: "".into() }
    }
}

impl Default for Mesh {
    fn default() -> Self {
        Self {
            origin: None,
            domain: "cluster.local".into(),
            root_namespace: "istio-system".into(),
            trust_domain: "cluster.local".into(),
            trust_domain_aliases: Vec::new(),
            outbound_port: 15001,
            inbound_port: 15006,
            http_proxy_port: 0,
            connect_timeout: Duration::from_secs(10),
            detection_timeout: Duration::ZERO,
            keepalive: None,
            access_log_file: "".into(),
            access_log_format: "".into(),
            access_log_json: false,
            listener_access_log: true,
            outbound: OutboundMode::AllowAny,
            inbound_localhost: false,
            merges_metrics: true,
            auto_mtls: true,
            service_export: DefaultExport::All,
            route_export: DefaultExport::All,
            destination_export: DefaultExport::All,
            locality: LocalityLb { enabled: Some(true), ..LocalityLb::default() },
            dns_refresh: Duration::from_mins(1),
            h2_upgrade: None,
            retries: None,
            normalization: Normalization::Base,
            mtls_min_version: TlsVersion::Auto,
            mtls_ciphers: Vec::new(),
            tls_min_version: TlsVersion::Auto,
            tls_ciphers: Vec::new(),
            tls_curves: Vec::new(),
            pool: None,
            outlier: None,
            inbound_stat_name: "".into(),
            outbound_stat_name: "".into(),
            proxy: ProxyDefaults::default(),
            ingress: IngressSettings::default(),
            discovery: Vec::new(),
        }
    }
}

impl Mesh {
    /// Whether objects of a namespace with these labels are read. Those of the root namespace always are.
    #[must_use]
    pub fn discovers(&self, namespace: &str, labels: &Labels) -> bool {
        self.discovery.is_empty()
            || namespace == &*self.root_namespace
            || self.discovery.iter().any(|selector| selector.select(labels))
    }
}
