//! AuthorizationPolicy.
//!
//! Nothing fails open: what cannot be read of a rule is reported, and marks the rule as broken. The compiler lets a
//! broken rule of ALLOW match nothing, and a broken rule of DENY everything.

use std::net::IpAddr;

use heddle_crds::{
    security::authorization_policy as crd,
    validate::authorization_policy::{DRY_RUN, is_true},
};
use heddle_model::{
    Text,
    authz::{Action, Attribute, AuthorizationPolicy, Condition, Rule, TextPattern, Values},
    object::Origin,
};
use ipnet::IpNet;

use super::Report;
use crate::object::Meta;

const REASON: &str = "InvalidValue";

/// Ingests one. Nothing where it binds no workload that Heddle serves.
#[must_use]
pub fn ingest(spec: &crd::Spec, meta: &Meta, origin: &Origin, report: &mut Report) -> Option<AuthorizationPolicy> {
    if spec.target_ref.is_some() || !spec.target_refs.is_empty() {
        report.not_supported(if spec.target_ref.is_some() { "spec.targetRef" } else { "spec.targetRefs" });
        return None;
    }
    if spec.provider.is_some() && spec.action != crd::Action::Custom {
        report.no_effect("spec.provider", "is for the action CUSTOM only; it has no effect");
    }
    let action = match spec.action {
        crd::Action::Allow => Action::Allow,
        crd::Action::Deny => Action::Deny,
        crd::Action::Audit => Action::Audit,
        crd::Action::Custom => {
            let message = "CUSTOM is not supported yet; requests that a rule matches are refused";
            report.error("spec.action", super::NOT_SUPPORTED, message);
            Action::Deny
        }
    };
    let selector = spec.selector.as_ref().filter(|selector| !selector.match_labels.is_empty());
    let rules = spec.rules.iter().enumerate();
    Some(AuthorizationPolicy {
        origin: origin.clone(),
        selector: selector.map(|s| s.match_labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()),
        action,
        dry_run: meta.annotations.get(DRY_RUN).is_some_and(|value| is_true(value)) && action != Action::Audit,
        rules: rules.map(|(index, rule)| Reader::new(origin, index, report).rule(index, rule)).collect(),
    })
}

/// Reads one rule.
struct Reader<'a> {
    /// The policy's namespace, of accounts that name none.
    namespace: &'a str,
    field: String,
    report: &'a mut Report,
    is_broken: bool,
}

impl<'a> Reader<'a> {
    fn new(origin: &'a Origin, index: usize, report: &'a mut Report) -> Self {
        Self { namespace: origin.namespace(), field: format!("spec.rules[{index}]"), report, is_broken: false }
    }

    fn rule(mut self, index: usize, rule: &crd::Rule) -> Rule {
        let mut from = Vec::new();
        for (at, entry) in rule.from.iter().enumerate() {
            let field = format!("{}.from[{at}].source", self.field);
            match &entry.source {
                Some(source) => from.push(self.source(source, &field)),
                None => self.broken(field, "a source is missing"),
            }
        }
        let mut to = Vec::new();
        for (at, entry) in rule.to.iter().enumerate() {
            let field = format!("{}.to[{at}].operation", self.field);
            match &entry.operation {
                Some(operation) => to.push(self.operation(operation, &field)),
                None => self.broken(field, "an operation is missing"),
            }
        }
        let mut when = Vec::new();
        for (at, entry) in rule.when.iter().enumerate() {
            let field = format!("{}.when[{at}]", self.field);
            when.extend(self.when(entry, &field));
        }
        Rule { index, is_broken: self.is_broken, from, to, when }
    }

    fn source(&mut self, source: &crd::Source, field: &str) -> Vec<Condition> {
        let fields = [
            (Attribute::ServiceAccount, "serviceAccounts", &source.service_accounts, &source.not_service_accounts),
            (Attribute::Principal, "principals", &source.principals, &source.not_principals),
            (
                Attribute::RequestPrincipal,
                "requestPrincipals",
                &source.request_principals,
                &source.not_request_principals,
            ),
            (Attribute::Namespace, "namespaces", &source.namespaces, &source.not_namespaces),
            (Attribute::TrustDomain, "trustDomains", &source.trust_domains, &source.not_trust_domains),
            (Attribute::RemoteIp, "remoteIpBlocks", &source.remote_ip_blocks, &source.not_remote_ip_blocks),
            (Attribute::SourceIp, "ipBlocks", &source.ip_blocks, &source.not_ip_blocks),
        ];
        let conditions = fields.map(|(attribute, name, values, not_values)| {
            self.condition(attribute, (values, not_values), &named(field, name))
        });
        conditions.into_iter().flatten().collect()
    }

    fn operation(&mut self, operation: &crd::Operation, field: &str) -> Vec<Condition> {
        let fields = [
            (Attribute::Host, "hosts", &operation.hosts, &operation.not_hosts),
            (Attribute::Method, "methods", &operation.methods, &operation.not_methods),
            (Attribute::Path, "paths", &operation.paths, &operation.not_paths),
            (Attribute::DestinationPort, "ports", &operation.ports, &operation.not_ports),
        ];
        let conditions = fields.map(|(attribute, name, values, not_values)| {
            self.condition(attribute, (values, not_values), &named(field, name))
        });
        conditions.into_iter().flatten().collect()
    }

    fn when(&mut self, condition: &crd::Condition, field: &str) -> Option<Condition> {
        let Some(attribute) = attribute(&condition.key) else {
            self.broken(format!("{field}.key"), format!("{} is not an attribute that is known", condition.key));
            return None;
        };
        let fields = [format!("{field}.values"), format!("{field}.notValues")];
        let found = self.condition(attribute, (&condition.values, &condition.not_values), &fields);
        if found.is_none() {
            self.broken(field.to_owned(), "it has neither values nor notValues");
        }
        found
    }

    /// None where there are no values.
    fn condition(
        &mut self,
        attribute: Attribute,
        (values, not_values): (&[String], &[String]),
        [field, not_field]: &[String; 2],
    ) -> Option<Condition> {
        if values.is_empty() && not_values.is_empty() {
            return None;
        }
        let values = self.values(&attribute, values, field);
        let not_values = self.values(&attribute, not_values, not_field);
        Some(Condition { attribute, values, not_values })
    }

    fn values(&mut self, attribute: &Attribute, values: &[String], field: &str) -> Values {
        match attribute {
            Attribute::SourceIp | Attribute::RemoteIp | Attribute::DestinationIp => {
                Values::Networks(self.each(values, field, network))
            }
            Attribute::DestinationPort => Values::Ports(self.each(values, field, |text| text.parse().ok())),
            Attribute::ServiceAccount => {
                let namespace = self.namespace;
                Values::Accounts(self.each(values, field, |text| account(namespace, text)))
            }
            _ => Values::Texts(self.each(values, field, |text| (!text.is_empty()).then(|| TextPattern::of(text)))),
        }
    }

    fn each<T>(&mut self, values: &[String], field: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let mut found = Vec::new();
        for value in values {
            match read(value) {
                Some(read) => found.push(read),
                None => self.broken(field.to_owned(), format!("{value:?} is not valid")),
            }
        }
        found
    }

    fn broken(&mut self, field: String, what: impl std::fmt::Display) {
        self.is_broken = true;
        let done = "the rule lets nothing more pass: one of ALLOW matches nothing, any other everything";
        self.report.error(field, REASON, format!("{what}; {done}"));
    }
}

/// The paths of a field and of its negation.
fn named(field: &str, name: &str) -> [String; 2] {
    let mut rest = name.chars();
    let first = rest.next().map(|first| first.to_ascii_uppercase());
    [format!("{field}.{name}"), format!("{field}.not{}{}", first.unwrap_or_default(), rest.as_str())]
}

fn network(text: &str) -> Option<IpNet> {
    let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    network.map(|network: IpNet| network.trunc())
}

/// `namespace/account`; an account alone is of the policy's namespace.
fn account(namespace: &str, text: &str) -> Option<(Text, Text)> {
    let (namespace, account) = text.split_once('/').unwrap_or((namespace, text));
    let is_name = |part: &str| !part.is_empty() && !part.contains(['/', '*']);
    (is_name(namespace) && is_name(account)).then(|| (namespace.into(), account.into()))
}

/// The attribute of a condition.
fn attribute(key: &str) -> Option<Attribute> {
    let exact = match key {
        "source.ip" => Some(Attribute::SourceIp),
        "remote.ip" => Some(Attribute::RemoteIp),
        "source.namespace" => Some(Attribute::Namespace),
        "source.principal" => Some(Attribute::Principal),
        "source.serviceAccount" => Some(Attribute::ServiceAccount),
        "source.trustDomain" => Some(Attribute::TrustDomain),
        "request.auth.principal" => Some(Attribute::RequestPrincipal),
        "request.auth.audiences" => Some(Attribute::Claim(vec!["aud".into()])),
        "request.auth.presenter" => Some(Attribute::Claim(vec!["azp".into()])),
        "destination.ip" => Some(Attribute::DestinationIp),
        "destination.port" => Some(Attribute::DestinationPort),
        "connection.sni" => Some(Attribute::Sni),
        _ => None,
    };
    exact.or_else(|| {
        if let Some(name) = key.strip_prefix("request.headers") {
            return Some(Attribute::Header(bracketed(name)?.into()));
        }
        if let Some(names) = key.strip_prefix("request.auth.claims") {
            let names = bracketed(names)?.split("][").map(Into::into).collect();
            return Some(Attribute::Claim(names));
        }
        let (filter, name) = key.strip_prefix("experimental.")?.split_once('[')?;
        let is_filter = filter.starts_with("envoy.filters.");
        is_filter.then_some(Attribute::FilterMetadata(filter.into(), name.strip_suffix(']')?.into()))
    })
}

/// What stands within brackets.
fn bracketed(text: &str) -> Option<&str> {
    let name = text.strip_prefix('[')?.strip_suffix(']')?;
    (!name.is_empty()).then_some(name)
}
