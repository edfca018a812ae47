//! MeshConfig as users write it: in the ConfigMap `istio` under the key `mesh`, or in a plain file.
//!
//! Every field is optional, because what is left out keeps its default. Fields that nothing reads yet are kept
//! as they are.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::decode::decode_at;
use crate::networking::connection_pool::{ConnectionPool, H2UpgradePolicy, TcpKeepalive};
use crate::networking::destination_rule::{LocalityLb, OutlierDetection};
use crate::networking::sidecar::OutboundMode;
use crate::networking::tls::TlsProtocol;
use crate::networking::virtual_service::Retry;
use crate::{Duration, FreeForm};

/// The fields of MeshConfig.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the fields are those of MeshConfig, whose reference documents them")]
pub struct MeshConfig {
    pub proxy_listen_port: Option<u16>,
    pub proxy_inbound_listen_port: Option<u16>,
    pub proxy_http_port: Option<u16>,
    pub connect_timeout: Option<Duration>,
    pub protocol_detection_timeout: Option<Duration>,
    pub tcp_keepalive: Option<TcpKeepalive>,
    pub access_log_file: Option<String>,
    pub access_log_format: Option<String>,
    pub access_log_encoding: Option<AccessLogEncoding>,
    pub disable_envoy_listener_log: Option<bool>,
    pub outbound_traffic_policy: Option<OutboundTrafficPolicy>,
    pub inbound_traffic_policy: Option<InboundTrafficPolicy>,
    pub enable_auto_mtls: Option<bool>,
    pub trust_domain: Option<String>,
    pub trust_domain_aliases: Vec<String>,
    pub default_service_export_to: Vec<String>,
    pub default_virtual_service_export_to: Vec<String>,
    pub default_destination_rule_export_to: Vec<String>,
    pub root_namespace: Option<String>,
    pub locality_lb_setting: Option<LocalityLb>,
    pub dns_refresh_rate: Option<Duration>,
    pub h2_upgrade_policy: Option<H2UpgradePolicy>,
    pub default_http_retry_policy: Option<Retry>,
    pub path_normalization: Option<PathNormalization>,
    #[serde(rename = "meshMTLS")]
    pub mesh_mtls: Option<TlsSettings>,
    pub tls_defaults: Option<TlsSettings>,
    pub default_traffic_policy: Option<DefaultTrafficPolicy>,
    pub inbound_cluster_stat_name: Option<String>,
    pub outbound_cluster_stat_name: Option<String>,
    pub default_providers: Option<DefaultProviders>,
    /// As it is written, because proxies get all of it; [`super::ProxyConfig`] are the fields that are read.
    pub default_config: Option<FreeForm>,
    pub discovery_selectors: Vec<LabelSelector>,
    pub ingress_class: Option<String>,
    pub ingress_controller_mode: Option<IngressControllerMode>,
    pub ingress_selector: Option<String>,
    pub ingress_service: Option<String>,
    pub enable_prometheus_merge: Option<bool>,
    // Read by nothing yet: see `MeshConfig::not_supported`.
    pub ca: Option<Value>,
    pub ca_certificates: Option<Value>,
    pub certificates: Option<Value>,
    pub config_sources: Option<Value>,
    pub default_inbound_http_retry_policy: Option<Value>,
    pub enable_envoy_access_log_service: Option<Value>,
    pub enable_tracing: Option<Value>,
    pub extension_providers: Option<Value>,
    pub hbone_idle_timeout: Option<Value>,
    pub service_entry_visibility: Option<Value>,
    pub service_scope_configs: Option<Value>,
    pub service_settings: Option<Value>,
    pub verify_certificate_at_client: Option<Value>,
    pub zone_aware_lb_setting: Option<Value>,
}

/// A selector of Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels that must be equal.
    pub match_labels: BTreeMap<String, String>,
    /// What else must hold.
    pub match_expressions: Vec<Requirement>,
}

/// See [`LabelSelector`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Requirement {
    /// Label.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// Values of `In` and `NotIn`.
    pub values: Vec<String>,
}

/// How access log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccessLogEncoding {
    /// As text.
    #[default]
    Text,
    /// As JSON.
    Json,
}

/// What becomes of calls to unknown hosts. Only a Sidecar names an egress proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OutboundTrafficPolicy {
    /// Mode.
    pub mode: OutboundMode,
}

/// What becomes of calls to ports of which nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct InboundTrafficPolicy {
    /// Mode.
    pub mode: InboundMode,
}

/// See [`InboundTrafficPolicy`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InboundMode {
    /// To the address called.
    #[default]
    Passthrough,
    /// To localhost.
    Localhost,
}

/// Which Ingresses are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the names are those of MeshConfig")]
pub enum IngressControllerMode {
    #[default]
    Unspecified,
    Off,
    Default,
    Strict,
}

/// How paths are normalised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PathNormalization {
    /// How.
    pub normalization: Normalization,
}

/// See [`PathNormalization`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the names are those of MeshConfig")]
pub enum Normalization {
    #[default]
    Default,
    None,
    Base,
    MergeSlashes,
    DecodeAndMergeSlashes,
}

/// Settings of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsSettings {
    /// Oldest version.
    pub min_protocol_version: TlsProtocol,
    /// Curves.
    pub ecdh_curves: Vec<String>,
    /// Cipher suites.
    pub cipher_suites: Vec<String>,
}

/// Policy of clusters whose rule says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DefaultTrafficPolicy {
    /// Limits.
    pub connection_pool: Option<ConnectionPool>,
    /// Outlier detection.
    pub outlier_detection: Option<OutlierDetection>,
}

/// Telemetry providers that are on for everyone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DefaultProviders {
    /// Of traces.
    pub tracing: Vec<String>,
    /// Of metrics.
    pub metrics: Vec<String>,
    /// Of access logs.
    pub access_logging: Vec<String>,
}

impl MeshConfig {
    /// The fields that are set and for which nothing is built yet.
    pub fn not_supported(&self) -> impl Iterator<Item = &'static str> {
        let providers = self.default_providers.as_ref();
        // Envoy's own metrics are served to Prometheus, with or without this provider.
        let metrics = providers.is_some_and(|named| named.metrics.iter().any(|name| name != "prometheus"));
        let curves = self.mesh_mtls.as_ref().is_some_and(|settings| !settings.ecdh_curves.is_empty());
        let said = |value: &Option<Value>| !matches!(value, None | Some(Value::Null | Value::Bool(false)));
        [
            ("ca", said(&self.ca)),
            ("caCertificates", said(&self.ca_certificates)),
            ("certificates", said(&self.certificates)),
            ("configSources", said(&self.config_sources)),
            ("defaultInboundHttpRetryPolicy", said(&self.default_inbound_http_retry_policy)),
            ("defaultProviders.accessLogging", providers.is_some_and(|named| !named.access_logging.is_empty())),
            ("defaultProviders.metrics", metrics),
            ("defaultProviders.tracing", providers.is_some_and(|named| !named.tracing.is_empty())),
            ("enableEnvoyAccessLogService", said(&self.enable_envoy_access_log_service)),
            ("enableTracing", said(&self.enable_tracing)),
            ("extensionProviders", said(&self.extension_providers)),
            ("hboneIdleTimeout", said(&self.hbone_idle_timeout)),
            ("meshMTLS.ecdhCurves", curves),
            ("serviceEntryVisibility", said(&self.service_entry_visibility)),
            ("serviceScopeConfigs", said(&self.service_scope_configs)),
            ("serviceSettings", said(&self.service_settings)),
            ("verifyCertificateAtClient", said(&self.verify_certificate_at_client)),
            ("zoneAwareLbSetting", said(&self.zone_aware_lb_setting)),
        ]
        .into_iter()
        .filter_map(|(field, is_set)| is_set.then_some(field))
    }

    /// Whether a document holds MeshConfig's fields: it says no kind, and at least one field is ours.
    #[must_use]
    pub fn is_document(value: &Value) -> bool {
        let Some(members) = value.as_object() else { return false };
        if members.contains_key("kind") || members.contains_key("apiVersion") {
            return false;
        }
        decode_at::<Self>("", value).map_or(true, |decoded| decoded.unknown.len() < members.len())
    }
}
