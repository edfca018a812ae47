//! Authorization: the filters by which a proxy decides who may call what.
//!
//! The policies of a workload are those of the root namespace and of its own that select it. Envoy asks them in this
//! order: those that are audited, those that deny, those that allow. If some policy allows, all else is refused.

mod caller;
mod node;
mod operation;
mod pattern;
mod policy;
mod trust;

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{
    authz::{Action, AuthorizationPolicies, AuthorizationPolicy},
    labels::Labels,
    mesh::Mesh,
};
use heddle_xds_api::envoy::{
    config::{
        listener::v3::Filter,
        rbac::v3::{Rbac as Rules, rbac},
    },
    extensions::filters::{
        http::rbac::v3::Rbac as HttpRbac,
        network::{http_connection_manager::v3::HttpFilter, rbac::v3::Rbac as NetworkRbac},
    },
};

use crate::{
    by_ptr::ByPtr,
    listener::{filter::filter as http_filter, tcp::filter as network_filter},
};
use policy::Port;
use trust::TrustDomains;

/// Prefixes of the statistics of policies that are tried only, as istiod names them.
const TRIAL_ALLOW: &str = "istio_dry_run_allow_";
const TRIAL_DENY: &str = "istio_dry_run_deny_";

/// The policies that bind the workloads of a namespace with these labels: those of the root namespace first.
pub(crate) fn effective<'a>(
    policies: &'a AuthorizationPolicies,
    root: &str,
    namespace: &str,
    labels: &Labels,
) -> Vec<&'a Arc<AuthorizationPolicy>> {
    let of = |namespace: &str| policies.get(namespace).into_iter().flat_map(|list| list.iter());
    let own = of(namespace).filter(|_| namespace != root);
    let binds = |policy: &&Arc<AuthorizationPolicy>| policy.selector.as_ref().is_none_or(|one| one.select(labels));
    of(root).chain(own).filter(binds).collect()
}

/// The filters of requests.
pub(crate) fn http_filters(mesh: &Mesh, policies: &[ByPtr<AuthorizationPolicy>]) -> Vec<HttpFilter> {
    let filters = decisions(mesh, policies, Port::Http).map(|decision| {
        let config = HttpRbac {
            rules: decision.rules,
            shadow_rules: decision.trial,
            shadow_rules_stat_prefix: decision.trial_prefix.into(),
            ..HttpRbac::default()
        };
        http_filter("envoy.filters.http.rbac", &config)
    });
    filters.collect()
}

/// The filters of connections that carry no HTTP.
pub(crate) fn network_filters(mesh: &Mesh, policies: &[ByPtr<AuthorizationPolicy>]) -> Vec<Filter> {
    let filters = decisions(mesh, policies, Port::Tcp).map(|decision| {
        let config = NetworkRbac {
            rules: decision.rules,
            shadow_rules: decision.trial,
            shadow_rules_stat_prefix: decision.trial_prefix.into(),
            stat_prefix: "tcp.".into(),
            ..NetworkRbac::default()
        };
        network_filter("envoy.filters.network.rbac", &config)
    });
    filters.collect()
}

/// What the policies of one action decide.
struct Decision {
    rules: Option<Rules>,
    trial: Option<Rules>,
    trial_prefix: &'static str,
}

fn decisions<'a>(
    mesh: &'a Mesh,
    policies: &'a [ByPtr<AuthorizationPolicy>],
    port: Port,
) -> impl Iterator<Item = Decision> + 'a {
    let trust = TrustDomains::of(mesh);
    [Action::Audit, Action::Deny, Action::Allow].into_iter().filter_map(move |action| {
        let of_action = policies.iter().map(|policy| &**policy).filter(|policy| policy.action == action);
        let (trials, enforced): (Vec<_>, Vec<_>) = of_action.partition(|policy| policy.dry_run);
        let rules = |of: &[&AuthorizationPolicy]| (!of.is_empty()).then(|| rules(of, action, port, &trust));
        let (rules, trial) = (rules(&enforced), rules(&trials));
        let is_denial = action == Action::Deny && trial.is_some();
        let trial_prefix = if is_denial { TRIAL_DENY } else { TRIAL_ALLOW };
        (rules.is_some() || trial.is_some()).then_some(Decision { rules, trial, trial_prefix })
    })
}

fn rules(policies: &[&AuthorizationPolicy], action: Action, port: Port, trust: &TrustDomains<'_>) -> Rules {
    let mut named = BTreeMap::new();
    for policy in policies {
        let name =
            |index: usize| format!("ns[{}]-policy[{}]-rule[{index}]", policy.origin.namespace(), policy.origin.name());
        if policy.rules.is_empty() && action == Action::Allow {
            named.insert(name(0), policy::nothing());
        }
        for rule in &policy.rules {
            if let Some(compiled) = policy::compile(rule, action, port, trust) {
                named.insert(name(rule.index), compiled);
            }
        }
    }
    let action = match action {
        Action::Allow => rbac::Action::Allow,
        Action::Deny => rbac::Action::Deny,
        Action::Audit => rbac::Action::Log,
    };
    Rules { action: action.into(), policies: named, ..Rules::default() }
}

#[cfg(test)]
mod tests;
