//! DestinationRule.

use std::collections::BTreeSet;

use heddle_crds::networking::destination_rule::Spec;
use heddle_model::{
    destination_rule::{DestinationRule, Subset},
    mesh::Mesh,
    object::Origin,
    service::Visibility,
};

use super::{Report, name, policy};

/// Ingests one. Nothing when its host is no host.
#[must_use]
pub fn ingest(spec: &Spec, origin: &Origin, mesh: &Mesh, report: &mut Report) -> Option<Rule> {
    let namespace = origin.namespace();
    let host = name::host(mesh, namespace, &spec.host, "spec.host", report)?;
    let exports = spec.export_to.iter().map(String::as_str);
    let mut export_to = name::export(namespace, exports, &mesh.destination_export, "spec.exportTo", report);
    let selector = spec.workload_selector.as_ref().filter(|s| !s.match_labels.is_empty());
    if selector.is_some() {
        let private = Visibility::Only([namespace.clone()].into());
        if !spec.export_to.is_empty() && export_to != private {
            let message = "a rule with a workloadSelector holds in its own namespace only; exportTo has no effect";
            report.no_effect("spec.exportTo", message);
        }
        export_to = private;
    }
    let policy = spec.traffic_policy.as_ref();
    let rule = DestinationRule {
        origin: origin.clone(),
        merged: Vec::new(),
        host,
        export_to,
        selector: selector.map(|s| s.match_labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect()),
        policy: policy.map(|p| policy::traffic(p, "spec.trafficPolicy", report)).unwrap_or_default(),
        subsets: subsets(spec, report),
    };
    Some(Rule { rule, has_policy: policy.is_some() })
}

/// A rule, and what it said itself: merging needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The rule.
    pub rule: DestinationRule,
    /// Whether it has a policy for the whole host.
    pub has_policy: bool,
}

fn subsets(spec: &Spec, report: &mut Report) -> Vec<Subset> {
    let mut names = BTreeSet::new();
    let mut out = Vec::with_capacity(spec.subsets.len());
    for (index, subset) in spec.subsets.iter().enumerate() {
        let field = format!("spec.subsets[{index}]");
        if subset.name.is_empty() {
            report.error(format!("{field}.name"), "BadName", "a subset needs a name; it is ignored");
            continue;
        }
        if !names.insert(subset.name.as_str()) {
            let message = format!("subset {} is defined already; the first is taken", subset.name);
            report.error(field, "DuplicateSubset", message);
            continue;
        }
        let policy = subset.traffic_policy.as_ref();
        out.push(Subset {
            name: subset.name.as_str().into(),
            labels: subset.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect(),
            policy: policy.map(|p| policy::traffic(p, &format!("{field}.trafficPolicy"), report)),
            field,
        });
    }
    out
}
