//! Callers and operations.

use super::path;
use crate::decode::Path;
use crate::security::authorization_policy::{Action, Operation, Source};
use crate::validate::attribute;
use crate::validate::report::{Report, quote};

/// Most service accounts of a rule.
const MOST_ACCOUNTS: usize = 16;

/// A field's name with its values.
type Field<'a> = (&'static str, &'a [String]);

/// Checks the conditions on a caller.
pub(super) fn source(source: &Source, action: Action, at: &Path<'_>, out: &mut Report) {
    if *source == Source::default() {
        out.refuse(at, "at least one condition is required");
    }
    let addresses: [Field<'_>; 4] = [
        ("ipBlocks", &source.ip_blocks),
        ("notIpBlocks", &source.not_ip_blocks),
        ("remoteIpBlocks", &source.remote_ip_blocks),
        ("notRemoteIpBlocks", &source.not_remote_ip_blocks),
    ];
    for (name, values) in addresses {
        attribute::addresses(values, &at.field(name), out);
    }
    let identities = identities(source);
    for (name, values) in identities {
        attribute::not_empty(values, &at.field(name), out);
        if action == Action::Custom && !values.is_empty() {
            out.refuse(&at.field(name), "is not supported with the action CUSTOM");
        }
    }
    accounts(source, at, out);
}

/// Checks the conditions on an operation.
pub(super) fn operation(operation: &Operation, at: &Path<'_>, out: &mut Report) {
    if *operation == Operation::default() {
        out.refuse(at, "at least one condition is required");
    }
    let texts: [Field<'_>; 6] = [
        ("hosts", &operation.hosts),
        ("notHosts", &operation.not_hosts),
        ("methods", &operation.methods),
        ("notMethods", &operation.not_methods),
        ("paths", &operation.paths),
        ("notPaths", &operation.not_paths),
    ];
    for (name, values) in texts {
        attribute::not_empty(values, &at.field(name), out);
    }
    for (name, values) in [("paths", &operation.paths), ("notPaths", &operation.not_paths)] {
        for (index, value) in values.iter().enumerate() {
            out.need(&at.field(name).index(index), path::check(value));
        }
    }
    attribute::ports(&operation.ports, &at.field("ports"), out);
    attribute::ports(&operation.not_ports, &at.field("notPorts"), out);
}

/// What is known of a caller by its certificate or token.
fn identities(source: &Source) -> [Field<'_>; 10] {
    [
        ("principals", &source.principals),
        ("notPrincipals", &source.not_principals),
        ("requestPrincipals", &source.request_principals),
        ("notRequestPrincipals", &source.not_request_principals),
        ("namespaces", &source.namespaces),
        ("notNamespaces", &source.not_namespaces),
        ("serviceAccounts", &source.service_accounts),
        ("notServiceAccounts", &source.not_service_accounts),
        ("trustDomains", &source.trust_domains),
        ("notTrustDomains", &source.not_trust_domains),
    ]
}

fn accounts(source: &Source, at: &Path<'_>, out: &mut Report) {
    let has_accounts = !source.service_accounts.is_empty() || !source.not_service_accounts.is_empty();
    let others = [&source.namespaces, &source.not_namespaces, &source.principals, &source.not_principals];
    if has_accounts && others.into_iter().any(|values| !values.is_empty()) {
        out.refuse(at, "service accounts exclude namespaces and principals");
    }
    for (name, values) in
        [("serviceAccounts", &source.service_accounts), ("notServiceAccounts", &source.not_service_accounts)]
    {
        if values.len() > MOST_ACCOUNTS {
            out.refuse(&at.field(name), format_args!("more than {MOST_ACCOUNTS} entries"));
        }
        for (index, value) in values.iter().enumerate() {
            let is_split = value.split('/').count() <= 2 && !value.split('/').any(str::is_empty);
            if !is_split && !value.is_empty() || value.contains('*') {
                let reason = format_args!("{} is neither namespace/account nor an account", quote(value));
                out.refuse(&at.field(name).index(index), reason);
            }
        }
    }
}
