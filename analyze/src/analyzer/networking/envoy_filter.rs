//! Patches of EnvoyFilters.

use heddle_crds::networking::envoy_filter::{ApplyTo, ConfigPatch, Operation};

use crate::finding::Findings;
use crate::message::{
    Message, RELATIVE_OPERATION, RELATIVE_OPERATION_OF_VERSION, WRONG_ADD, WRONG_REMOVE, WRONG_REPLACE,
};
use crate::world::World;

/// Finds patches that have no effect, and patches that depend on what other patches made.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    // The names of filters that an earlier patch changes for some versions of proxies only.
    let mut of_versions: Vec<String> = Vec::new();
    for filter in &world.envoy_filters {
        for (index, patch) in filter.spec.config_patches.iter().enumerate() {
            let Some(change) = &patch.patch else { break };
            let name = filter_name(patch);
            if let Some(message) = fault(patch.apply_to, change.operation) {
                findings.add(message, filter, format!("spec.configPatches[{index}]"), &[]);
            } else if is_relative(change.operation) && filter.spec.priority == 0 {
                let is_of_version = of_versions.contains(&name);
                let message = if is_of_version { &RELATIVE_OPERATION_OF_VERSION } else { &RELATIVE_OPERATION };
                findings.add(message, filter, format!("spec.configPatches[{index}]"), &[]);
            }
            let proxy = patch.matches.as_ref().and_then(|condition| condition.proxy.as_ref());
            if proxy.is_some_and(|proxy| !proxy.proxy_version.is_empty()) {
                of_versions.push(name);
            }
        }
    }
}

/// What is wrong with an operation where it is applied.
fn fault(apply_to: ApplyTo, operation: Operation) -> Option<&'static Message> {
    let is_route = matches!(apply_to, ApplyTo::RouteConfiguration | ApplyTo::HttpRoute);
    match operation {
        Operation::Add if is_route => Some(&WRONG_ADD),
        Operation::Remove if is_route => Some(&WRONG_REMOVE),
        Operation::Replace if !matches!(apply_to, ApplyTo::NetworkFilter | ApplyTo::HttpFilter) => Some(&WRONG_REPLACE),
        _ => None,
    }
}

fn is_relative(operation: Operation) -> bool {
    matches!(operation, Operation::Remove | Operation::Replace | Operation::InsertBefore | Operation::InsertAfter)
}

/// The filter that a patch is about: the one that it writes, or else the one that it looks for.
fn filter_name(patch: &ConfigPatch) -> String {
    let Some(value) = patch.patch.as_ref().and_then(|change| change.value.as_ref()) else { return String::new() };
    let written = value.get("name").map(|name| name.as_str().map_or_else(|| name.to_string(), str::to_owned));
    let chain = || patch.matches.as_ref()?.listener.as_ref()?.filter_chain.as_ref();
    written.or_else(|| Some(chain()?.filter.as_ref()?.name.clone())).unwrap_or_default()
}
