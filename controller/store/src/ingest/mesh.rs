//! MeshConfig.

use std::{collections::BTreeSet, sync::Arc};

use heddle_crds::{
    FreeForm,
    decode::decode_at,
    mesh::{
        MeshConfig, ProxyConfig,
        mesh_config::{self as written, AccessLogEncoding, InboundMode, IngressControllerMode},
    },
    validate::{self, format, text},
};
use heddle_model::{
    Text,
    labels::{LabelSelector, Operator, Requirement},
    mesh::{DefaultExport, IngressMode, IngressSettings, Mesh, Normalization, ProxyDefaults},
    proxy::OwnPorts,
    route::Retries,
};
use serde_json::Value;

use super::{Report, policy, scalar, sidecar, tls};
use crate::settings::Settings;

/// The mesh's settings before anyone said anything.
#[must_use]
pub fn defaults(settings: &Settings) -> Mesh {
    Mesh { domain: settings.domain.clone(), root_namespace: settings.namespace.clone(), ..Mesh::default() }
}

/// Lays what a MeshConfig says over the settings below it.
#[must_use]
pub fn ingest(config: &MeshConfig, below: Mesh, report: &mut Report) -> Mesh {
    let mut mesh = below;
    for field in config.not_supported() {
        report.no_effect(field, validate::NOT_SUPPORTED);
    }
    traffic(&mut mesh, config, report);
    policies(&mut mesh, config, report);
    names(&mut mesh, config, report);
    if !config.discovery_selectors.is_empty() {
        let written = config.discovery_selectors.iter().enumerate();
        mesh.discovery =
            written.filter_map(|(at, s)| selector(s, &format!("discoverySelectors[{at}]"), report)).collect();
    }
    ingress(&mut mesh.ingress, config);
    if let Some(proxy) = &config.default_config {
        mesh.proxy = proxy_defaults(proxy, report);
    }
    mesh
}

fn ingress(settings: &mut IngressSettings, config: &MeshConfig) {
    set(
        &mut settings.mode,
        config.ingress_controller_mode.map(|mode| match mode {
            IngressControllerMode::Off => IngressMode::Off,
            IngressControllerMode::Default => IngressMode::Default,
            IngressControllerMode::Unspecified | IngressControllerMode::Strict => IngressMode::Strict,
        }),
    );
    set(&mut settings.class, config.ingress_class.as_deref().map(Text::from));
    set(&mut settings.service, config.ingress_service.as_deref().map(Text::from));
    set(&mut settings.selector, config.ingress_selector.as_deref().map(Text::from));
}

/// A selector; none where it cannot be read, because a guess would show or hide whole namespaces.
fn selector(written: &written::LabelSelector, field: &str, report: &mut Report) -> Option<LabelSelector> {
    let mut requirements = Vec::new();
    for (at, requirement) in written.match_expressions.iter().enumerate() {
        let operator = match requirement.operator.as_str() {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            other => {
                let field = format!("{field}.matchExpressions[{at}].operator");
                report.error(field, "BadSelector", format!("{other:?} is no operator; the selector has no effect"));
                return None;
            }
        };
        let key = requirement.key.as_str().into();
        requirements.push(Requirement { key, operator, values: tls::texts(&requirement.values) });
    }
    let labels = written.match_labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    Some(LabelSelector { labels, requirements })
}

fn traffic(mesh: &mut Mesh, config: &MeshConfig, report: &mut Report) {
    listen_ports(mesh, config, report);
    set(&mut mesh.connect_timeout, scalar::positive(config.connect_timeout, "connectTimeout", report));
    let detection = scalar::duration(config.protocol_detection_timeout, "protocolDetectionTimeout", report);
    set(&mut mesh.detection_timeout, detection);
    access_log(mesh, config, report);
    set(&mut mesh.listener_access_log, config.disable_envoy_listener_log.map(|off| !off));
    let inbound = config.inbound_traffic_policy.map(|p| p.mode == InboundMode::Localhost);
    set(&mut mesh.inbound_localhost, inbound);
    let outbound = config.outbound_traffic_policy.as_ref();
    set(&mut mesh.outbound, outbound.map(|p| sidecar::outbound_mode(p.mode)));
    set(&mut mesh.merges_metrics, config.enable_prometheus_merge);
    set(&mut mesh.auto_mtls, config.enable_auto_mtls);
    set(&mut mesh.dns_refresh, scalar::positive(config.dns_refresh_rate, "dnsRefreshRate", report));
    if let Some(normalization) = config.path_normalization {
        mesh.normalization = match normalization.normalization {
            written::Normalization::Default | written::Normalization::Base => Normalization::Base,
            written::Normalization::None => Normalization::None,
            written::Normalization::MergeSlashes => Normalization::MergeSlashes,
            written::Normalization::DecodeAndMergeSlashes => Normalization::DecodeAndMergeSlashes,
        };
    }
}

fn access_log(mesh: &mut Mesh, config: &MeshConfig, report: &mut Report) {
    set(&mut mesh.access_log_file, config.access_log_file.as_deref().map(Text::from));
    set(&mut mesh.access_log_format, config.access_log_format.as_deref().map(Text::from));
    set(&mut mesh.access_log_json, config.access_log_encoding.map(|e| e == AccessLogEncoding::Json));
    let off = ("accessLogFile", "there is no access log");
    if scalar::text(&mesh.access_log_file, text::one_line, off, report).is_err() {
        mesh.access_log_file = Text::default();
    }
    let check = if mesh.access_log_json { format::json } else { format::check };
    let default = ("accessLogFormat", "the default format is taken");
    let has_format = !mesh.access_log_format.is_empty();
    if has_format && scalar::text(&mesh.access_log_format, check, default, report).is_err() {
        mesh.access_log_format = Text::default();
    }
}

/// The ports of a proxy's own listeners. They must differ from each other, and from what its programs listen on.
fn listen_ports(mesh: &mut Mesh, config: &MeshConfig, report: &mut Report) {
    let defaults = (mesh.outbound_port, mesh.inbound_port);
    set(&mut mesh.outbound_port, config.proxy_listen_port);
    set(&mut mesh.inbound_port, config.proxy_inbound_listen_port);
    set(&mut mesh.http_proxy_port, config.proxy_http_port);
    let programs = OwnPorts::default().all();
    let is_usable = |port: u16, other: u16| port > 0 && port != other && !programs.contains(&port);
    let (outbound, inbound) = (mesh.outbound_port, mesh.inbound_port);
    if !(is_usable(outbound, inbound) && is_usable(inbound, outbound)) {
        (mesh.outbound_port, mesh.inbound_port) = defaults;
        let field = if config.proxy_listen_port.is_some() { "proxyListenPort" } else { "proxyInboundListenPort" };
        let message = format!(
            "the ports {outbound} and {inbound} of the outbound and inbound listeners are equal, or the proxy listens \
             on one already; {} and {} are used",
            defaults.0, defaults.1
        );
        report.error(field, "AddressConflict", message);
    }
    let http = mesh.http_proxy_port;
    if http > 0 && !(is_usable(http, mesh.outbound_port) && is_usable(http, mesh.inbound_port)) {
        mesh.http_proxy_port = 0;
        let message = format!("the proxy listens on port {http} already; there is no forward proxy");
        report.error("proxyHttpPort", "AddressConflict", message);
    }
}

fn policies(mesh: &mut Mesh, config: &MeshConfig, report: &mut Report) {
    if let Some(keepalive) = &config.tcp_keepalive {
        mesh.keepalive = Some(policy::keepalive(keepalive, "tcpKeepalive", report));
    }
    if let Some(locality) = &config.locality_lb_setting {
        mesh.locality = policy::locality(locality, "localityLbSetting", report);
    }
    if let Some(policy) = config.h2_upgrade_policy {
        mesh.h2_upgrade = policy::h2_upgrade(policy);
    }
    if let Some(retry) = &config.default_http_retry_policy {
        mesh.retries = Some(Retries {
            attempts: u32::try_from(retry.attempts).unwrap_or(0),
            per_try_timeout: scalar::positive(retry.per_try_timeout, "defaultHttpRetryPolicy.perTryTimeout", report),
            on: scalar::text(
                &retry.retry_on,
                text::one_line,
                ("defaultHttpRetryPolicy.retryOn", "the default is taken"),
                report,
            )
            .map_or_else(|_| Text::default(), |()| retry.retry_on.as_str().into()),
            remote_localities: retry.retry_remote_localities,
            ignore_previous_hosts: retry.retry_ignore_previous_hosts,
            backoff: scalar::positive(retry.backoff, "defaultHttpRetryPolicy.backoff", report),
        });
    }
    if let Some(policy) = &config.default_traffic_policy {
        let pool = policy.connection_pool.as_ref();
        mesh.pool = pool.map(|p| policy::connection_pool(p, "defaultTrafficPolicy.connectionPool", report));
        let outlier = policy.outlier_detection.as_ref();
        mesh.outlier = outlier.map(|o| policy::outlier(o, "defaultTrafficPolicy.outlierDetection", report));
    }
    if let Some(settings) = &config.mesh_mtls {
        mesh.mtls_min_version = tls::version(settings.min_protocol_version);
        mesh.mtls_ciphers = tls::cipher_suites(&settings.cipher_suites, "meshMTLS.cipherSuites", report);
    }
    if let Some(settings) = &config.tls_defaults {
        mesh.tls_min_version = tls::version(settings.min_protocol_version);
        mesh.tls_ciphers = tls::cipher_suites(&settings.cipher_suites, "tlsDefaults.cipherSuites", report);
        mesh.tls_curves = tls::curves(&settings.ecdh_curves, "tlsDefaults.ecdhCurves", report);
    }
}

fn names(mesh: &mut Mesh, config: &MeshConfig, report: &mut Report) {
    let said = |text: &Option<String>| text.as_deref().filter(|t| !t.is_empty()).map(Text::from);
    set(&mut mesh.trust_domain, said(&config.trust_domain));
    set(&mut mesh.root_namespace, said(&config.root_namespace));
    set(&mut mesh.inbound_stat_name, said(&config.inbound_cluster_stat_name));
    set(&mut mesh.outbound_stat_name, said(&config.outbound_cluster_stat_name));
    if !config.trust_domain_aliases.is_empty() {
        mesh.trust_domain_aliases = tls::texts(&config.trust_domain_aliases);
        mesh.trust_domain_aliases.sort();
        mesh.trust_domain_aliases.dedup();
    }
    for (field, said, default) in [
        ("defaultServiceExportTo", &config.default_service_export_to, &mut mesh.service_export),
        ("defaultVirtualServiceExportTo", &config.default_virtual_service_export_to, &mut mesh.route_export),
        ("defaultDestinationRuleExportTo", &config.default_destination_rule_export_to, &mut mesh.destination_export),
    ] {
        if !said.is_empty() {
            *default = default_export(said, field, report);
        }
    }
}

/// Who sees objects that do not say it. It fails closed: what cannot be read, and `*` beside others, shows them to
/// nobody more.
fn default_export(said: &[String], field: &str, report: &mut Report) -> DefaultExport {
    let is_namespace = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let (mut all, mut own, mut named) = (false, false, BTreeSet::new());
    for (index, text) in said.iter().enumerate() {
        match text.as_str() {
            "*" => all = true,
            "." => own = true,
            "~" => {}
            name if is_namespace(name) => _ = named.insert(Text::from(name)),
            other => {
                let message = format!("{other:?} is neither a namespace nor one of `*`, `.` and `~`; it is ignored");
                report.error(format!("{field}[{index}]"), "BadNamespace", message);
            }
        }
    }
    if all && said.len() > 1 {
        report.error(field, "Exclusive", "`*` excludes all others; it is ignored");
    } else if all {
        return DefaultExport::All;
    }
    DefaultExport::Only { own, named }
}

/// `defaultConfig`: what the control plane reads of it, and all of it for injection.
fn proxy_defaults(written: &FreeForm, report: &mut Report) -> ProxyDefaults {
    let read = decode_at::<ProxyConfig>("defaultConfig", &Value::Object(written.clone()));
    let ours = ["defaultConfig.gatewayTopology.", "defaultConfig.proxyHeaders."];
    let config = match read {
        Ok(decoded) => {
            let unknown = decoded.unknown.into_iter().filter(|path| ours.iter().any(|part| path.starts_with(part)));
            unknown.for_each(|path| report.no_effect(path, validate::NOT_SUPPORTED));
            decoded.spec
        }
        Err(error) => {
            report.error(
                error.path,
                "Malformed",
                format!("{}; defaultConfig has no effect on what proxies get", error.reason),
            );
            ProxyConfig::default()
        }
    };
    let topology = config.gateway_topology.unwrap_or_default();
    ProxyDefaults {
        written: Arc::new(written.clone()),
        trusted_proxies: topology.num_trusted_proxies,
        forward_client_cert: topology.forward_client_cert_details.unwrap_or_default().into(),
        proxy_protocol: topology.proxy_protocol.is_some_and(|p| !p.is_null()),
        preserve_header_case: config.proxy_headers.and_then(|h| h.preserve_http1_header_case).unwrap_or(false),
    }
}

fn set<T>(slot: &mut T, said: Option<T>) {
    if let Some(said) = said {
        *slot = said;
    }
}
