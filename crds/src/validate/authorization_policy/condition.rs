//! Conditions on attributes.

use crate::decode::Path;
use crate::security::authorization_policy::{Action, Condition, Operation, Rule, Source};
use crate::validate::attribute::{self, Attribute};
use crate::validate::report::Report;

/// Checks a condition.
pub(super) fn check(condition: &Condition, action: Action, at: &Path<'_>, out: &mut Report) {
    if condition.key.is_empty() {
        return out.refuse(&at.field("key"), "is required");
    }
    if condition.values.is_empty() && condition.not_values.is_empty() {
        out.refuse(at, "one of values and notValues is required");
    }
    let attribute = match attribute::parse(&condition.key) {
        Ok(attribute) => attribute,
        Err(reason) => return out.refuse(&at.field("key"), reason),
    };
    if action == Action::Custom && attribute.is_identity() {
        out.refuse(&at.field("key"), "is not supported with the action CUSTOM");
    }
    attribute::values(attribute, &condition.values, &at.field("values"), out);
    attribute::values(attribute, &condition.not_values, &at.field("notValues"), out);
}

/// Whether a rule has conditions that only HTTP can meet, and whether it has others.
pub(super) fn kinds(rule: &Rule) -> (bool, bool) {
    let (mut http, mut other) = (false, false);
    for source in rule.from.iter().filter_map(|from| from.source.as_ref()) {
        let tokens = !source.request_principals.is_empty() || !source.not_request_principals.is_empty();
        let remote = !source.remote_ip_blocks.is_empty() || !source.not_remote_ip_blocks.is_empty();
        http |= tokens || remote;
        other |= without_http(source) != Source::default();
    }
    for operation in rule.to.iter().filter_map(|to| to.operation.as_ref()) {
        let ports = Operation {
            ports: operation.ports.clone(),
            not_ports: operation.not_ports.clone(),
            ..Operation::default()
        };
        http |= *operation != ports;
        other |= ports != Operation::default();
    }
    for condition in &rule.when {
        match attribute::parse(&condition.key) {
            Ok(Attribute::Header | Attribute::Token | Attribute::RemoteAddress) => http = true,
            Ok(_) => other = true,
            Err(_) => {}
        }
    }
    (http, other)
}

fn without_http(source: &Source) -> Source {
    Source {
        request_principals: Vec::new(),
        not_request_principals: Vec::new(),
        remote_ip_blocks: Vec::new(),
        not_remote_ip_blocks: Vec::new(),
        ..source.clone()
    }
}
