//! Changes of headers.

use std::collections::BTreeMap;

use heddle_model::{
    Text,
    route::{HeaderChanges, HeaderOps},
};
use heddle_xds_api::envoy::config::{
    core::v3::{HeaderValue, HeaderValueOption, header_value_option::HeaderAppendAction},
    route::v3::{Route, weighted_cluster::ClusterWeight},
};

/// Headers that Envoy takes from elsewhere: a new value for them rewrites the host.
const AUTHORITY: [&str; 2] = ["host", ":authority"];

/// Adds a rule's changes to its route.
pub(super) fn apply(changes: &HeaderChanges, route: &mut Route) {
    route.request_headers_to_add = additions(&changes.request);
    route.request_headers_to_remove = removals(&changes.request);
    route.response_headers_to_add = additions(&changes.response);
    route.response_headers_to_remove = removals(&changes.response);
}

/// Adds a destination's changes to its share.
pub(super) fn apply_weighted(changes: &HeaderChanges, share: &mut ClusterWeight) {
    share.request_headers_to_add = additions(&changes.request);
    share.request_headers_to_remove = removals(&changes.request);
    share.response_headers_to_add = additions(&changes.response);
    share.response_headers_to_remove = removals(&changes.response);
}

/// The host that a change of `Host` asks for.
pub(super) fn authority(changes: &HeaderChanges) -> Option<&Text> {
    changes.request.set.iter().find(|(name, _)| is_authority(name)).map(|(_, value)| value)
}

fn additions(ops: &HeaderOps) -> Vec<HeaderValueOption> {
    let all = |map: &BTreeMap<Text, Text>, action: HeaderAppendAction| -> Vec<HeaderValueOption> {
        let kept = map.iter().filter(|(name, _)| !is_authority(name));
        kept.map(|(name, value)| option(name, value, action)).collect()
    };
    let mut options = all(&ops.set, HeaderAppendAction::OverwriteIfExistsOrAdd);
    options.extend(all(&ops.add, HeaderAppendAction::AppendIfExistsOrAdd));
    options
}

fn removals(ops: &HeaderOps) -> Vec<String> {
    ops.remove.iter().filter(|name| !is_authority(name) && !name.starts_with(':')).map(ToString::to_string).collect()
}

fn option(name: &str, value: &str, action: HeaderAppendAction) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue { key: name.into(), value: value.into(), ..HeaderValue::default() }),
        append_action: action.into(),
        ..HeaderValueOption::default()
    }
}

fn is_authority(name: &str) -> bool {
    AUTHORITY.iter().any(|a| name.eq_ignore_ascii_case(a))
}
