//! Claims: which connections the filter chains of a listener take.
//!
//! Envoy expands the match of a chain into one key for each combination of its values, and refuses a listener with two
//! equal keys (`envoy.config.listener.v3.FilterChainMatch`). So each combination belongs to the oldest chain that asks
//! for it. A younger chain keeps the others.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ipnet::IpNet;

use heddle_model::{host::Host, issue::Issue, labels::Labels, object::ObjectRef, route::L4Match, service::Service};

use super::chain::Asks;

/// Most combinations of one chain. Envoy holds a matcher for each, so a product of long lists would exhaust its memory.
const MAX_COMBINATIONS: usize = 1 << 16;

/// The field of an object that asks for connections.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Claimant {
    /// The object.
    pub(crate) object: Arc<ObjectRef>,
    /// Path of the rule, e.g. `spec.tls[0].match[1]`.
    pub(crate) field: String,
    /// The service, where a service asks for its own connections. One object may declare several services.
    pub(crate) service: Option<Host>,
    /// Where the rule applies, without its subnets.
    pub(crate) condition: L4Match,
}

/// What the chains of a listener take.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Claims {
    taken: BTreeMap<Combination, usize>,
    claimants: Vec<Claimant>,
}

/// What a chain gets of what it asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Claimed {
    /// The matches that are left. More than one where what is left is no product of lists.
    pub(crate) left: Vec<Asks>,
    /// What another rule has, or why nothing is left.
    pub(crate) lost: Option<Lost>,
}

/// What a chain does not get.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Lost {
    /// Another rule has it, wherever this rule applies.
    To {
        /// The rule that has the first of them.
        claimant: Claimant,
        /// The first of them, in words.
        example: String,
        /// Whether nothing is left.
        all: bool,
    },
    /// The match has too many combinations.
    TooMany(usize),
}

/// One combination of values, as Envoy compares them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Combination {
    port: Option<u16>,
    network: IpNet,
    server_name: String,
    transport: &'static str,
    protocol: &'static str,
}

impl Claims {
    /// Claims what `asks` asks for, as far as no earlier chain of another rule takes it. What the same rule asks for
    /// again is left out without a word.
    pub(crate) fn claim(&mut self, asks: &Asks, claimant: &Claimant) -> Claimed {
        let values = Values::of(asks);
        if values.combinations() > MAX_COMBINATIONS {
            return Claimed { left: Vec::new(), lost: Some(Lost::TooMany(values.combinations())) };
        }
        let own = self.claimants.len();
        let (mut free, mut lost, mut has_own) = (Vec::new(), None, false);
        for ((network, name, protocol), combination) in values.each(asks) {
            match self.taken.get(&combination) {
                None => {
                    self.taken.insert(combination, own);
                    free.push((network, name, protocol));
                }
                Some(&by) if by == own || self.claimants[by].is_rule(claimant) => has_own = true,
                Some(&by) => {
                    lost.get_or_insert_with(|| (self.claimants[by].clone(), combination.words()));
                }
            }
        }
        if !free.is_empty() {
            self.claimants.push(claimant.clone());
        }
        let all = free.is_empty() && !has_own;
        let left = values.products(asks, free);
        // A rule for some clients is there to go before one for all.
        lost = lost.filter(|(older, _): &(Claimant, String)| older.applies_wherever(claimant));
        Claimed { left, lost: lost.map(|(claimant, example)| Lost::To { claimant, example, all }) }
    }
}

impl Claimant {
    /// A rule of an object.
    pub(crate) fn rule(object: &Arc<ObjectRef>, field: String, condition: &L4Match) -> Self {
        let condition = L4Match { destination_subnets: Vec::new(), ..condition.clone() };
        Self { object: object.clone(), field, service: None, condition }
    }

    /// A service.
    pub(crate) fn service(service: &Service) -> Self {
        let of_object = Self::rule(&service.origin.object, "spec.ports".into(), &L4Match::default());
        Self { service: Some(service.host.clone()), ..of_object }
    }

    /// Whether this rule applies wherever the other does.
    pub(crate) fn applies_wherever(&self, other: &Self) -> bool {
        let (own, other) = (&self.condition, &other.condition);
        (own.port.is_none() || own.port == other.port)
            && (own.source_labels == Labels::default() || own.source_labels == other.source_labels)
            && (own.source_namespace.is_empty() || own.source_namespace == other.source_namespace)
            && (own.gateways.is_empty() || own.gateways == other.gateways)
    }

    fn is_rule(&self, other: &Self) -> bool {
        (&self.object, &self.field, &self.service) == (&other.object, &other.field, &other.service)
    }
}

impl Claimed {
    /// What is wrong with a rule that does not get all that it asks for.
    pub(crate) fn issue(&self, claimant: &Claimant) -> Option<Issue> {
        let (reason, message) = match self.lost.as_ref()? {
            Lost::To { claimant: Claimant { object, field, .. }, example, all } => {
                let rest =
                    if *all { "nothing is left of this rule, it is left out" } else { "this rule keeps the others" };
                ("MatchConflict", format!("connections {example} belong to {field} of {object}; {rest}"))
            }
            Lost::TooMany(combinations) => {
                let message = format!(
                    "the match has {combinations} combinations of names and subnets, {MAX_COMBINATIONS} are the most; \
                     this rule is left out"
                );
                ("TooManyMatches", message)
            }
        };
        Some(Issue::error(&claimant.object, &claimant.field, reason, message))
    }
}

/// The values of a match, each once, with the form in which Envoy compares them.
struct Values<'a> {
    networks: Vec<IpNet>,
    names: Vec<(&'a str, String)>,
    protocols: Vec<&'static str>,
}

/// Places of a network, a name and a protocol in their lists.
type Places = (usize, usize, usize);

impl<'a> Values<'a> {
    fn of(asks: &'a Asks) -> Self {
        let mut networks = asks.networks.clone();
        if networks.is_empty() {
            networks = vec![IpNet::from(ipnet::Ipv4Net::default()), IpNet::from(ipnet::Ipv6Net::default())];
        }
        let mut names: Vec<_> = asks.server_names.iter().map(|name| (name.as_str(), compared(name))).collect();
        if names.is_empty() {
            names.push(("", String::new()));
        }
        let mut protocols = asks.protocols.clone();
        if protocols.is_empty() {
            protocols.push("");
        }
        let (mut known, mut known_names) = (BTreeSet::new(), BTreeSet::new());
        networks.retain(|network| known.insert(network.trunc()));
        names.retain(|(_, name)| known_names.insert(name.clone()));
        Self { networks, names, protocols }
    }

    fn combinations(&self) -> usize {
        self.networks.len().saturating_mul(self.names.len()).saturating_mul(self.protocols.len())
    }

    fn each(&self, asks: &Asks) -> Vec<(Places, Combination)> {
        let mut all = Vec::with_capacity(self.combinations());
        for (n, network) in self.networks.iter().enumerate() {
            for (s, (_, name)) in self.names.iter().enumerate() {
                for (p, protocol) in self.protocols.iter().enumerate() {
                    let combination = Combination {
                        port: asks.port,
                        network: network.trunc(),
                        server_name: name.clone(),
                        transport: asks.transport,
                        protocol,
                    };
                    all.push(((n, s, p), combination));
                }
            }
        }
        all
    }

    /// The fewest matches that take just these combinations: equal lists are brought together.
    fn products(&self, asks: &Asks, free: Vec<Places>) -> Vec<Asks> {
        let by_pair = grouped(free.into_iter().map(|(network, name, protocol)| ((network, name), protocol)));
        let by_name = grouped(by_pair.into_iter().map(|((network, name), protocols)| ((name, protocols), network)));
        let by_lists = grouped(by_name.into_iter().map(|((name, protocols), networks)| ((networks, protocols), name)));
        let product = |((networks, protocols), names): ((Vec<usize>, Vec<usize>), Vec<usize>)| {
            let every_network = asks.networks.is_empty() && networks.len() == self.networks.len();
            let networks = if every_network { Vec::new() } else { networks };
            Asks {
                networks: networks.into_iter().map(|at| self.networks[at]).collect(),
                server_names: names.into_iter().map(|at| self.names[at].0.to_owned()).collect::<Vec<_>>(),
                protocols: protocols.into_iter().map(|at| self.protocols[at]).collect(),
                ..asks.clone()
            }
        };
        let mut products: Vec<Asks> = by_lists.into_iter().map(product).collect();
        for product in &mut products {
            product.server_names.retain(|name| !name.is_empty());
            product.protocols.retain(|protocol| !protocol.is_empty());
        }
        products
    }
}

impl Combination {
    fn words(&self) -> String {
        let wildcard = if self.server_name.starts_with('.') { "*" } else { "" };
        let name = &self.server_name;
        match (name.is_empty(), self.network.prefix_len() == 0) {
            (true, true) => "to any address".to_owned(),
            (true, false) => format!("to {}", self.network),
            (false, true) => format!("for {wildcard}{name}"),
            (false, false) => format!("for {wildcard}{name} to {}", self.network),
        }
    }
}

/// Values by key, in order.
fn grouped<K: Ord, V>(pairs: impl Iterator<Item = (K, V)>) -> BTreeMap<K, Vec<V>> {
    let mut groups: BTreeMap<K, Vec<V>> = BTreeMap::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    groups
}

/// A name as Envoy compares it: without case, and `*.example.com` as `.example.com`.
fn compared(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    if name.starts_with("*.") { name[1..].to_owned() } else { name }
}

#[cfg(test)]
mod tests;
