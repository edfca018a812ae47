//! What an EnvoyFilter may say. Whether a patch is a message that Envoy knows is not decided here.

use super::label::selector;
use super::report::Report;
use super::target::references;
use super::{port, regex};
use crate::decode::Path;
use crate::metadata::ObjectMeta;
use crate::networking::envoy_filter::{ApplyTo, ConfigPatch, FilterMatch, ObjectMatch, Operation, PatchContext, Spec};

/// Checks the spec at `at`.
pub fn check(spec: &Spec, _: &ObjectMeta, at: &Path<'_>, out: &mut Report) {
    if let Some(workloads) = &spec.workload_selector {
        selector(&workloads.labels, &at.field("workloadSelector").field("labels"), out);
        if !spec.target_refs.is_empty() {
            out.refuse(&at.field("targetRefs"), "excludes workloadSelector");
        }
    }
    references(&spec.target_refs, &at.field("targetRefs"), out);
    for (index, entry) in spec.config_patches.iter().enumerate() {
        config_patch(entry, &at.field("configPatches").index(index), out);
    }
}

fn config_patch(entry: &ConfigPatch, at: &Path<'_>, out: &mut Report) {
    if entry.apply_to == ApplyTo::Invalid {
        out.refuse(&at.field("applyTo"), "is required");
    }
    match &entry.patch {
        None => out.refuse(&at.field("patch"), "is required"),
        Some(patch) => {
            let at = at.field("patch");
            if patch.operation == Operation::Invalid {
                out.refuse(&at.field("operation"), "is required");
            }
            if patch.operation != Operation::Remove && patch.value.is_none() {
                out.refuse(&at.field("value"), "is required unless the operation is REMOVE");
            }
        }
    }
    if let Some(matching) = &entry.matches {
        object_match(entry.apply_to, matching, &at.field("match"), out);
    }
}

fn object_match(apply_to: ApplyTo, matching: &ObjectMatch, at: &Path<'_>, out: &mut Report) {
    if let Some(proxy) = matching.proxy.as_ref().filter(|proxy| !proxy.proxy_version.is_empty()) {
        out.need(&at.field("proxy").field("proxyVersion"), regex::check(&proxy.proxy_version));
    }
    let given = [
        ("listener", matching.listener.is_some()),
        ("routeConfiguration", matching.route_configuration.is_some()),
        ("cluster", matching.cluster.is_some()),
        ("waypoint", matching.waypoint.is_some()),
    ];
    for (name, _) in given.into_iter().filter(|(name, is_given)| *is_given && !takes(apply_to, name)) {
        out.refuse(&at.field(name), "is a condition on another kind of thing than applyTo names");
    }
    let is_waypoint = matching.context == PatchContext::Waypoint;
    if is_waypoint != matching.waypoint.is_some() {
        out.refuse(at, "conditions of waypoint and the context WAYPOINT go together");
    }
    ports(matching, at, out);
    let chain = matching.listener.as_ref().and_then(|listener| listener.filter_chain.as_ref());
    if let Some(filter) = chain.and_then(|chain| chain.filter.as_ref()) {
        filter_match(apply_to, filter, &at.field("listener").field("filterChain").field("filter"), out);
    }
}

/// Which conditions a thing can be chosen by.
fn takes(apply_to: ApplyTo, condition: &str) -> bool {
    match apply_to {
        ApplyTo::Listener | ApplyTo::FilterChain | ApplyTo::ListenerFilter => condition == "listener",
        ApplyTo::NetworkFilter | ApplyTo::HttpFilter => matches!(condition, "listener" | "waypoint"),
        ApplyTo::RouteConfiguration | ApplyTo::VirtualHost => condition == "routeConfiguration",
        ApplyTo::HttpRoute => matches!(condition, "routeConfiguration" | "waypoint"),
        ApplyTo::Cluster => condition == "cluster",
        ApplyTo::Invalid | ApplyTo::ExtensionConfig | ApplyTo::Bootstrap => true,
    }
}

fn ports(matching: &ObjectMatch, at: &Path<'_>, out: &mut Report) {
    let listener = matching.listener.as_ref().map(|listener| listener.port_number);
    let routes = matching.route_configuration.as_ref().map(|routes| routes.port_number);
    let cluster = matching.cluster.as_ref().map(|cluster| cluster.port_number);
    let waypoint = matching.waypoint.as_ref().map(|waypoint| waypoint.port_number);
    let ports = [("listener", listener), ("routeConfiguration", routes), ("cluster", cluster), ("waypoint", waypoint)];
    for (name, number) in ports {
        out.need(&at.field(name).field("portNumber"), port::optional(number.unwrap_or_default()));
    }
}

fn filter_match(apply_to: ApplyTo, filter: &FilterMatch, at: &Path<'_>, out: &mut Report) {
    if matches!(apply_to, ApplyTo::Listener | ApplyTo::FilterChain) {
        out.warn(at, "has no effect on listeners and filter chains as a whole");
    }
    let Some(inner) = &filter.sub_filter else { return };
    if apply_to != ApplyTo::HttpFilter {
        out.refuse(&at.field("subFilter"), "is for applyTo HTTP_FILTER only");
    }
    if filter.name.is_empty() {
        out.refuse(&at.field("name"), "is required with a subFilter");
    }
    if inner.name.is_empty() {
        out.refuse(&at.field("subFilter").field("name"), "is required");
    }
}
