//! Destinations of routes, and the hosts and subsets of DestinationRules.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{
    destination_rule::DestinationRule,
    host::Host,
    issue::Issue,
    object::{Kind, ObjectRef},
    route::{Destination, HttpAction, VirtualService},
    service::{Resolution, Service},
    snapshot::Snapshot,
};

use super::Extent;

/// The hosts that exist, and the rules for them.
struct Known<'a> {
    snapshot: &'a Snapshot,
    /// Aliases.
    aliases: BTreeSet<&'a Host>,
    /// Hosts of services that stand for many names.
    wildcards: Vec<&'a Host>,
    /// The rules of one host.
    rules: BTreeMap<&'a Host, Vec<&'a DestinationRule>>,
    /// The rules of many hosts.
    wide_rules: Vec<&'a DestinationRule>,
}

/// Checks all VirtualServices and DestinationRules.
pub(super) fn check(snapshot: &Snapshot, extent: &Extent<'_>, issues: &mut Vec<Issue>) {
    let known = Known::new(snapshot);
    // Routes may come from a delegate, so all are looked at that have one of the object.
    let is_wanted = |one: &VirtualService| {
        extent.has(&one.reach.origin.object) || one.http.iter().any(|route| extent.has(&route.origin.object))
    };
    for virtual_service in snapshot.virtual_services.values().filter(|one| is_wanted(one)) {
        known.check_routes(virtual_service, issues);
    }
    let rules = snapshot.destination_rules.values().flat_map(|rules| rules.iter());
    for rule in rules.filter(|rule| extent.has(&rule.origin.object)) {
        known.check_rule(rule, issues);
    }
}

impl<'a> Known<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let services = || snapshot.services.iter();
        let mut known = Self {
            snapshot,
            aliases: services().flat_map(|service| &service.aliases).collect(),
            wildcards: services().map(|service| &service.host).filter(|host| host.is_wildcard()).collect(),
            rules: BTreeMap::new(),
            wide_rules: Vec::new(),
        };
        for rule in snapshot.destination_rules.values().flat_map(|rules| rules.iter()) {
            if rule.host.is_wildcard() {
                known.wide_rules.push(rule);
            } else {
                known.rules.entry(&rule.host).or_default().push(rule);
            }
        }
        known
    }

    fn services(&self, host: &'a Host) -> Vec<&'a Arc<Service>> {
        self.snapshot.services.of_host(host).collect()
    }

    /// Whether some service has this name, alone or among others.
    fn is_host(&self, host: &Host) -> bool {
        self.snapshot.services.of_host(host).next().is_some()
            || self.aliases.contains(host)
            || self.wildcards.iter().any(|wide| wide.covers(host))
    }

    fn check_routes(&self, virtual_service: &'a VirtualService, issues: &mut Vec<Issue>) {
        for route in &virtual_service.http {
            let object = &route.origin.object;
            if let HttpAction::Forward(all) = &route.action {
                for (index, to) in all.iter().enumerate() {
                    let field = format!("{}.route[{index}].destination", route.field);
                    self.check_destination(&to.destination, (object, &field), "requests get 503", issues);
                }
            }
        }
        let reach = &virtual_service.reach;
        let tls = reach.tls.iter().map(|rule| (&rule.field, &rule.destinations));
        let tcp = reach.tcp.iter().map(|rule| (&rule.field, &rule.destinations));
        for (field, destinations) in tls.chain(tcp) {
            for (index, to) in destinations.iter().enumerate() {
                let field = format!("{field}.route[{index}].destination");
                let place = (&reach.origin.object, field.as_str());
                self.check_destination(&to.destination, place, "connections are closed", issues);
            }
        }
    }

    fn check_destination(
        &self,
        to: &'a Destination,
        (object, field): (&Arc<ObjectRef>, &str),
        consequence: &str,
        issues: &mut Vec<Issue>,
    ) {
        if object.kind != Kind::VirtualService {
            return;
        }
        let mut report = |part: &str, reason, message: String| {
            issues.push(Issue::error(object, format!("{field}.{part}"), reason, message));
        };
        if !self.is_host(&to.host) {
            return report("host", "UnknownHost", format!("there is no service {}; {consequence}", to.host));
        }
        let services = self.services(&to.host);
        if let Some(port) = to.port.filter(|port| services.iter().all(|service| service.port(*port).is_none()))
            && !services.is_empty()
        {
            report("port.number", "UnknownPort", format!("service {} has no port {port}; {consequence}", to.host));
        }
        if !to.subset.is_empty() && !self.has_subset(&to.host, &to.subset) {
            let message =
                format!("no DestinationRule of {} defines subset `{}`; the whole service is used", to.host, to.subset);
            report("subset", "UnknownSubset", message);
        }
    }

    fn has_subset(&self, host: &Host, subset: &str) -> bool {
        let own = self.rules.get(host).into_iter().flatten();
        let wide = self.wide_rules.iter().filter(|rule| rule.host.covers(host));
        // The subsets of an alias are those of the service that it stands for.
        self.aliases.contains(host) || own.chain(wide).any(|rule| rule.subset(subset).is_some())
    }

    fn check_rule(&self, rule: &'a DestinationRule, issues: &mut Vec<Issue>) {
        let object = &rule.origin.object;
        let matched = if rule.host.is_wildcard() {
            self.snapshot.services.iter().any(|service| rule.host.overlaps(&service.host))
        } else {
            self.is_host(&rule.host)
        };
        if !matched {
            let message = format!("there is no service {}; the rule has no effect", rule.host);
            issues.push(Issue::error(object, "spec.host", "UnknownHost", message));
            return;
        }
        // Merged subsets do not say which object they come from.
        let services = if rule.merged.is_empty() { self.services(&rule.host) } else { Vec::new() };
        if services.is_empty() || services.iter().any(|service| !self.has_endpoint_list(service)) {
            return;
        }
        for subset in rule.subsets.iter().filter(|subset| !subset.labels.is_empty()) {
            let endpoints = services.iter().filter_map(|service| self.snapshot.endpoints.get(&service.key()));
            if !endpoints.flat_map(|list| list.iter()).any(|one| subset.labels.select(&one.labels)) {
                let message = format!(
                    "no endpoint of {} has these labels; requests to subset `{}` get 503",
                    rule.host, subset.name
                );
                issues.push(Issue::error(object, format!("{}.labels", subset.field), "EmptySubset", message));
            }
        }
    }

    /// Whether the endpoints of a service are listed. Those of other services are found by name, or by the caller.
    fn has_endpoint_list(&self, service: &Service) -> bool {
        match service.resolution {
            Resolution::Static | Resolution::Dns | Resolution::DnsRoundRobin => true,
            Resolution::Passthrough => self.snapshot.endpoints.get(&service.key()).is_some(),
            Resolution::DynamicDns | Resolution::Alias(_) => false,
        }
    }
}
