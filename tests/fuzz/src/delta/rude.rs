//! A client that keeps no rules: any request of any type at any time, and answers or none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle_serve::push::{HOLD, Push};
use heddle_xds_api::envoy::config::cluster::v3::{Cluster, cluster};
use heddle_xds_api::envoy::config::route::v3::{RouteConfiguration, Vhds};
use heddle_xds_api::subscription::{Names, Protocol, Reply, Request};
use heddle_xds_api::{Layer, Resource, ResourceSet, TypeSet, TypeUrl};

use super::client::{NAMES, resource};

/// Responses of all types that may be under way at once: endpoints go with their clusters, of other types it is one.
const MOST: usize = 9 * 8;

struct Stream {
    push: Push,
    protocol: Protocol,
    now: Instant,
    set: Arc<ResourceSet>,
    nonces: BTreeMap<TypeUrl, Vec<String>>,
    seen: BTreeSet<(TypeUrl, String)>,
    /// The sets before: of what it rejects, a client is sent what it held.
    before: Vec<Arc<ResourceSet>>,
}

/// Plays the actions, then lets all waits end.
pub(super) fn run(protocol: Protocol, actions: impl Iterator<Item = (u8, u8)>) {
    let mut stream = Stream {
        push: Push::new(protocol, Arc::default()),
        protocol,
        now: Instant::now(),
        set: Arc::default(),
        nonces: BTreeMap::new(),
        seen: BTreeSet::new(),
        before: Vec::new(),
    };
    for (verb, object) in actions {
        stream.act(verb, object);
    }
    for _ in 0..4 {
        stream.now += HOLD;
        stream.pull();
    }
    let waits_for_ever = stream.push.deadline().is_some_and(|deadline| deadline <= stream.now);
    assert!(!waits_for_ever, "a wait that is over does not end");
}

impl Stream {
    fn act(&mut self, verb: u8, object: u8) {
        match verb % 8 {
            0 => self.show(object),
            1 => self.now += Duration::from_millis(u64::from(object) * 100),
            2 => self.pull(),
            _ => {
                let request = self.request(verb >> 3, object);
                let type_url = TypeUrl::ALL[usize::from(object) % TypeUrl::ALL.len()];
                assert!(self.push.on_request(type_url, &request, self.now).is_ok(), "a few names are too many");
                self.pull();
            }
        }
    }

    /// A request of which each part is there or not by the bits of two bytes.
    fn request(&self, bits: u8, object: u8) -> Request {
        let type_url = TypeUrl::ALL[usize::from(object) % TypeUrl::ALL.len()];
        let sent = self.nonces.get(&type_url).map(Vec::as_slice).unwrap_or_default();
        let nonce = match bits & 3 {
            0 => String::new(),
            1 => "never".to_owned(),
            2 => sent.last().cloned().unwrap_or_default(),
            _ => sent.first().cloned().unwrap_or_default(),
        };
        let error = (bits & 4 != 0).then(|| format!("{} is bad", NAMES[usize::from(object >> 4) % NAMES.len()]));
        let some = |shift: u8| {
            let chosen = NAMES.iter().chain(&["*", "", "a/a", "b/b"]).enumerate();
            let chosen = chosen.filter(move |(index, _)| (usize::from(object >> shift) + index) % 6 == 0);
            chosen.map(|(_, name)| (*name).to_owned()).collect::<Vec<String>>()
        };
        let names = match self.protocol {
            Protocol::State => Names::State { names: some(2), resumes: false },
            Protocol::Delta => {
                let initial = if bits & 8 == 0 { Vec::new() } else { some(3) };
                Names::Delta {
                    subscribe: some(1),
                    unsubscribe: if bits & 16 == 0 { Vec::new() } else { some(5) },
                    initial: initial.into_iter().map(|name| (name, format!("{object:016x}"))).collect(),
                }
            }
        };
        Request { nonce, error, names }
    }

    /// A new set: of each type some names, clusters with endpoints of their own.
    fn show(&mut self, object: u8) {
        let mut layer = Layer::default();
        for (place, type_url) in TypeUrl::ALL.into_iter().enumerate() {
            let chosen =
                NAMES.iter().enumerate().filter(|(index, _)| usize::from(object) >> ((index + place) % 8) & 1 == 1);
            let make = |(index, name): (usize, &&str)| match type_url {
                TypeUrl::Cluster => eds(name, object),
                TypeUrl::Route => routes(name, (usize::from(object) + index) % 3 > 0),
                TypeUrl::VirtualHost => resource(type_url, &member(index, name), object),
                _ => resource(type_url, name, object),
            };
            layer = layer.with(type_url, chosen.map(make).map(Arc::new));
        }
        let set = Arc::new(ResourceSet { shared: Arc::new(layer), own: Arc::default() });
        self.before.push(std::mem::replace(&mut self.set, set));
        self.push.on_resources(self.set.clone(), TypeSet::ALL);
        self.pull();
    }

    fn pull(&mut self) {
        let replies = self.push.responses(self.now);
        assert!(replies.len() <= MOST, "{} responses at once", replies.len());
        for (type_url, reply) in replies {
            self.judge(type_url, &reply);
            self.nonces.entry(type_url).or_default().push(reply.nonce.to_string());
        }
    }

    /// Nothing is sent but what is, and nothing taken away that is there.
    fn judge(&mut self, type_url: TypeUrl, reply: &Reply) {
        assert!(self.seen.insert((type_url, reply.nonce.to_string())), "a nonce twice");
        for sent in &reply.resources {
            let is = self.set.get(type_url, sent.name()) == Some(sent);
            let stands_for_none = Resource::empty(type_url, sent.name()).is_some_and(|empty| empty == **sent);
            let was = || self.before.iter().any(|set| set.get(type_url, sent.name()) == Some(sent));
            assert!(is || stands_for_none || was(), "{sent:?} is of no set");
        }
        for name in &reply.removed {
            assert!(self.set.get(type_url, name).is_none(), "{name} of {type_url} is there, and is taken away");
        }
    }
}

/// A virtual host of one of two route configurations.
fn member(index: usize, name: &str) -> String {
    format!("{}/{name}", NAMES[index % 2])
}

/// Routes that leave their virtual hosts to be discovered, or do not.
fn routes(name: &str, leaves_members: bool) -> Resource {
    let vhds = leaves_members.then(Vhds::default);
    let message = RouteConfiguration { name: name.to_owned(), vhds, ..RouteConfiguration::default() };
    Resource::new(TypeUrl::Route, name, &message)
}

fn eds(name: &str, content: u8) -> Resource {
    let eds = cluster::ClusterDiscoveryType::Type(cluster::DiscoveryType::Eds.into());
    let message = Cluster {
        name: name.to_owned(),
        alt_stat_name: content.to_string(),
        cluster_discovery_type: Some(eds),
        ..Cluster::default()
    };
    Resource::new(TypeUrl::Cluster, name, &message)
}
