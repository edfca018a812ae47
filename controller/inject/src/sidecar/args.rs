//! The agent's command line.

use crate::annotation as names;
use crate::plan::Plan;
use crate::sidecar::NodeType;

/// The arguments of `proxy`; pilot-agent and Heddle's agent take the same.
pub(super) fn args(plan: &Plan<'_>, kind: NodeType) -> Vec<String> {
    let domain = plan.settings.text("/global/proxy/clusterDomain", "cluster.local");
    let kind = if kind == NodeType::Sidecar { "sidecar" } else { "router" };
    let mut out = vec![
        "proxy".to_owned(),
        kind.to_owned(),
        "--domain".to_owned(),
        format!("$(POD_NAMESPACE).svc.{domain}"),
        format!("--proxyLogLevel={}", plan.choice(names::LOG_LEVEL, "/global/proxy/logLevel", "warning")),
        format!(
            "--proxyComponentLogLevel={}",
            plan.choice(names::COMPONENT_LOG_LEVEL, "/global/proxy/componentLogLevel", "misc:error")
        ),
        log_level(plan),
    ];
    let outliers = plan.settings.text("/global/proxy/outlierLogPath", "");
    if !outliers.is_empty() {
        out.push(format!("--outlierLogPath={outliers}"));
    }
    out.extend(log_form(plan));
    out
}

/// The agent's own log level.
pub(super) fn log_level(plan: &Plan<'_>) -> String {
    format!("--log_output_level={}", plan.choice(names::AGENT_LOG_LEVEL, "/global/logging/level", "default:info"))
}

/// Whether its lines are JSON.
pub(super) fn log_form(plan: &Plan<'_>) -> Option<String> {
    plan.settings.flag("/global/logAsJson", false).then(|| "--log_as_json".to_owned())
}
