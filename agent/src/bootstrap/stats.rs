//! The statistics that Envoy keeps, and the labels that it extracts from their names.
//!
//! Envoy creates hundreds for each cluster. The agent keeps those of the mesh's own metrics and of the connection to
//! the control plane. The annotations of the pod and ProxyConfig add more.

use serde_json::{Map, Value, json};

use crate::config::Config;

/// The cluster of Envoy's admin interface, which serves the metrics.
pub(super) const PROMETHEUS_CLUSTER: &str = "prometheus_stats";

const PREFIXES: [&str; 8] =
    ["reporter=", "component", "istio", "cluster_manager", "listener_manager", "server", "cluster.xds-grpc", "wasm"];
const SUFFIXES: [&str; 4] = ["rbac.allowed", "rbac.denied", "shadow_allowed", "shadow_denied"];
const REGEXES: [&str; 1] = [r"vhost\..*\.route\..*"];

/// Labels and their regular expressions. The first group is removed from the name, and the second group is the value of
/// the label. Names of compiled clusters and listeners contain dots, so they end with `;`. Other names end with their
/// first dot.
const TAGS: [(&str, &str); 8] = [
    ("cluster_name", r"^cluster\.(((?:[^.;]*\|[^;]*)|[^.;|]+);?\.)"),
    ("http_conn_manager_prefix", r"^http\.(([^;]+);\.)"),
    ("listener_address", r"^listener\.(([0-9a-fA-F_.\[\]]+)\.)[a-z]"),
    ("tcp_prefix", r"^tcp\.(([^;]+);\.)"),
    ("virtual_host", r"^vhost\.((.+?)\.)route\."),
    ("route", r"\.route\.(([^.]+)\.)"),
    ("response_code", r"_rq(_(\d{3}))$"),
    ("response_code_class", r"_rq(_(\dxx))$"),
];

/// `stats_config`.
pub(super) fn config(config: &Config) -> Value {
    let tags: Vec<_> = TAGS.iter().map(|(name, regex)| json!({"tag_name": name, "regex": regex})).collect();
    json!({
        "use_all_default_tags": false,
        "stats_tags": tags,
        "stats_matcher": {"inclusion_list": {"patterns": patterns(config)}},
    })
}

fn patterns(config: &Config) -> Vec<Value> {
    let (metadata, matcher) = (&config.node.metadata, &config.proxy.proxy_stats_matcher);
    let all = |kept: &[&str], more: &[String], annotation: &str| {
        let asked = annotated(metadata, annotation);
        let mut all: Vec<String> = kept.iter().map(|text| (*text).to_owned()).collect();
        all.extend(more.iter().cloned().chain(asked).filter(|text| !text.is_empty()));
        all
    };
    let prefixes = all(&PREFIXES, &matcher.prefixes, "sidecar.istio.io/statsInclusionPrefixes");
    let suffixes = all(&SUFFIXES, &matcher.suffixes, "sidecar.istio.io/statsInclusionSuffixes");
    let regexes = all(&REGEXES, &matcher.regexes, "sidecar.istio.io/statsInclusionRegexps");
    // The agent reads these to see that no connection is left.
    let counted = config.envoy.exit_when_idle.map(|_| json!({"suffix": "downstream_cx_active"}));
    let mut patterns: Vec<Value> = prefixes.iter().map(|text| json!({"prefix": text})).collect();
    patterns.extend(suffixes.iter().map(|text| json!({"suffix": text})));
    patterns.extend(regexes.iter().map(|text| json!({"safe_regex": {"regex": text}})));
    patterns.extend(counted);
    patterns
}

/// Splits the value of an annotation at its commas.
fn annotated(metadata: &Map<String, Value>, name: &str) -> Vec<String> {
    let text = metadata.get("ANNOTATIONS").and_then(|all| all.get(name)).and_then(Value::as_str).unwrap_or_default();
    text.split(',').map(|part| part.trim().to_owned()).collect()
}
