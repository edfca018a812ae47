//! Tests of the order of pushes.

mod world;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use heddle_xds_api::subscription::{Names, collection_of};
use proptest::prelude::*;

use super::*;
use world::{CLUSTERS, ROUTES, World};

/// A model of Envoy. It subscribes to the endpoints of its clusters and to the routes of its listeners, and
/// acknowledges clusters only when each has its endpoints.
struct EnvoyModel {
    push: Push,
    now: Instant,
    holds: BTreeMap<TypeUrl, BTreeMap<Arc<str>, Arc<Resource>>>,
    wants: BTreeMap<TypeUrl, BTreeSet<Arc<str>>>,
    requests: VecDeque<(TypeUrl, Request)>,
    replies: VecDeque<(TypeUrl, Reply)>,
    warming: BTreeSet<Arc<str>>,
    nonces: BTreeMap<TypeUrl, String>,
    /// The nonce of the clusters' response whose ACK waits for endpoints.
    withheld: Option<String>,
    /// The route configurations whose virtual hosts it accepts.
    discovering: BTreeSet<Arc<str>>,
    requested_hosts: bool,
    log: Vec<String>,
}

impl EnvoyModel {
    fn new(protocol: Protocol, world: &World) -> Self {
        let mut envoy = Self {
            push: Push::new(protocol, Arc::default()),
            now: Instant::now(),
            holds: BTreeMap::new(),
            wants: BTreeMap::new(),
            requests: VecDeque::new(),
            replies: VecDeque::new(),
            warming: BTreeSet::new(),
            nonces: BTreeMap::new(),
            withheld: None,
            discovering: BTreeSet::new(),
            requested_hosts: false,
            log: Vec::new(),
        };
        envoy.request(TypeUrl::Cluster, String::new(), &[], &[]);
        envoy.request(TypeUrl::Listener, String::new(), &[], &[]);
        envoy.change(world);
        envoy
    }

    fn change(&mut self, world: &World) {
        self.push.on_resources(world.set(), TypeSet::ALL);
        self.pull();
    }

    fn pull(&mut self) {
        for (type_url, reply) in self.push.responses(self.now) {
            let names = |names: &[Arc<str>]| names.join(" ");
            let unique: BTreeSet<_> = reply.resources.iter().map(|resource| resource.name()).collect();
            assert_eq!(unique.len(), reply.resources.len(), "a response holds a name twice");
            self.log.push(format!("{} {}", type_url.short(), names(&reply.changed)));
            self.replies.push_back((type_url, reply));
        }
    }

    fn request(&mut self, type_url: TypeUrl, nonce: String, subscribe: &[Arc<str>], unsubscribe: &[Arc<str>]) {
        let owned = |names: &[Arc<str>]| names.iter().map(ToString::to_string).collect();
        let names = match self.push.protocol() {
            Protocol::Delta => {
                Names::Delta { subscribe: owned(subscribe), unsubscribe: owned(unsubscribe), initial: BTreeMap::new() }
            }
            Protocol::State => {
                let names = self.wants.get(&type_url).into_iter().flatten().map(ToString::to_string).collect();
                Names::State { names, resumes: false }
            }
        };
        let last = self.nonces.get(&type_url).cloned().unwrap_or_default();
        let nonce = if nonce.is_empty() && self.push.protocol() == Protocol::State { last } else { nonce };
        self.requests.push_back((type_url, Request { nonce, error: None, names }));
    }

    fn deliver_request(&mut self) {
        if let Some((type_url, request)) = self.requests.pop_front() {
            self.push.on_request(type_url, &request, self.now).unwrap();
            self.pull();
        }
    }

    fn acknowledge(&mut self) {
        let Some((type_url, reply)) = self.replies.pop_front() else { return };
        self.nonces.insert(type_url, reply.nonce.to_string());
        let whole = self.push.protocol() == Protocol::State && type_url.is_whole();
        let held = self.holds.entry(type_url).or_default();
        let old = if whole { std::mem::take(held) } else { BTreeMap::new() };
        for resource in &reply.resources {
            let name = resource.name();
            let before = if whole { old.get(name) } else { held.get(name) };
            if type_url == TypeUrl::Cluster && before != Some(resource) {
                self.warming.insert(name.clone());
            }
            if type_url == TypeUrl::Endpoint {
                self.warming.remove(name);
            }
            if type_url == TypeUrl::VirtualHost && !self.discovering.contains(collection_of(name).unwrap()) {
                continue;
            }
            held.insert(name.clone(), resource.clone());
        }
        for name in &reply.removed {
            // Envoy ignores the removal of a virtual host while its route configuration does not use VHDS.
            if type_url != TypeUrl::VirtualHost || self.discovering.contains(collection_of(name).unwrap()) {
                held.remove(name);
            }
        }
        if type_url == TypeUrl::Cluster {
            let held = &self.holds[&TypeUrl::Cluster];
            self.warming.retain(|name| held.contains_key(name));
            self.withheld = Some(reply.nonce.to_string());
        } else {
            self.request(type_url, reply.nonce.to_string(), &[], &[]);
        }
        self.follow(TypeUrl::Cluster, TypeUrl::Endpoint);
        self.follow(TypeUrl::Listener, TypeUrl::Route);
        self.discover();
        if self.warming.is_empty()
            && let Some(nonce) = self.withheld.take()
        {
            self.request(TypeUrl::Cluster, nonce, &[], &[]);
        }
        self.check_references();
    }

    /// Subscribes to new references, and unsubscribes from those that are gone.
    fn follow(&mut self, from: TypeUrl, to: TypeUrl) {
        let held = self.holds.entry(from).or_default().values();
        let references = held.flat_map(|one| one.references()).filter(|reference| reference.type_url == to);
        let wanted: BTreeSet<Arc<str>> = references.map(|reference| reference.name.clone()).collect();
        let before = self.wants.insert(to, wanted.clone()).unwrap_or_default();
        let new: Vec<_> = wanted.difference(&before).cloned().collect();
        let gone: Vec<_> = before.difference(&wanted).cloned().collect();
        self.holds.entry(to).or_default().retain(|name, _| wanted.contains(name));
        if !new.is_empty() || !gone.is_empty() {
            self.request(to, String::new(), &new, &gone);
        }
    }

    /// Subscribes to virtual hosts for the route configurations that use VHDS, and removes them with these.
    fn discover(&mut self) {
        let routes = self.holds.entry(TypeUrl::Route).or_default();
        let held: BTreeSet<Arc<str>> = routes.keys().cloned().collect();
        let leaves = |one: &&Arc<Resource>| one.references().iter().any(|to| to.type_url == TypeUrl::VirtualHost);
        self.discovering = routes.values().filter(leaves).map(|one| one.name().clone()).collect();
        let hosts = self.holds.entry(TypeUrl::VirtualHost).or_default();
        hosts.retain(|name, _| held.contains(collection_of(name).unwrap()));
        if !self.discovering.is_empty() && !self.requested_hosts {
            self.requested_hosts = true;
            self.request(TypeUrl::VirtualHost, String::new(), &[], &[]);
        }
    }

    fn check_references(&self) {
        let clusters = self.holds.get(&TypeUrl::Cluster);
        let held = |one| self.holds.get(&one).into_iter().flat_map(BTreeMap::values);
        let active = |one: &&Arc<Resource>| self.discovering.contains(collection_of(one.name()).unwrap());
        for route in held(TypeUrl::Route).chain(held(TypeUrl::VirtualHost).filter(active)) {
            for reference in route.references().iter().filter(|one| one.type_url == TypeUrl::Cluster) {
                let there = clusters.is_some_and(|clusters| clusters.contains_key(&reference.name));
                assert!(there, "{route:?} refers to {reference:?}, which is not there\n{:#?}", self.log);
            }
        }
    }

    fn settle(&mut self) {
        for _ in 0..1_000 {
            if self.requests.is_empty() && self.replies.is_empty() {
                assert_eq!(self.push.deadline(), None, "nothing may wait for time to pass\n{:#?}", self.log);
                return;
            }
            self.deliver_request();
            self.acknowledge();
        }
        panic!("never comes to rest: {:#?}", self.log);
    }

    fn check(&self, world: &World) {
        assert!(self.warming.is_empty(), "{:?} waits for endpoints\n{:#?}", self.warming, self.log);
        let set = world.set();
        for type_url in [TypeUrl::Cluster, TypeUrl::Listener] {
            let held: Vec<_> = self.holds[&type_url].values().collect();
            let typed = set.typed(type_url);
            assert_eq!(held, typed.iter().collect::<Vec<_>>(), "{:#?}", self.log);
        }
        for route in &self.discovering {
            let members: BTreeMap<_, _> =
                set.typed(TypeUrl::VirtualHost).members(route).map(|one| (one.name().clone(), one.clone())).collect();
            let mut held = self.holds[&TypeUrl::VirtualHost].clone();
            held.retain(|name, _| collection_of(name) == Some(route));
            assert_eq!(held, members, "{:#?}", self.log);
        }
        for type_url in [TypeUrl::Endpoint, TypeUrl::Route] {
            for name in self.wants.get(&type_url).into_iter().flatten() {
                assert_eq!(self.holds[&type_url].get(name), set.get(type_url, name), "{:#?}", self.log);
            }
        }
    }
}

fn worlds(parted: bool) -> impl Strategy<Value = Vec<(World, usize, usize)>> {
    let clusters = proptest::array::uniform4(proptest::option::of(0..2_u8));
    let routes = proptest::array::uniform3(proptest::option::of(proptest::array::uniform4(any_bool())));
    let listeners = proptest::array::uniform2(proptest::option::of(0..ROUTES));
    let world = (clusters, routes, listeners)
        .prop_map(move |(clusters, routes, listeners)| World { clusters, routes, listeners, parted }.repair());
    proptest::collection::vec((world, 0..6_usize, 0..6_usize), 1..12)
}

fn any_bool() -> impl Strategy<Value = bool> {
    proptest::bool::ANY
}

fn check_all(protocol: Protocol, worlds: &[(World, usize, usize)]) {
    let mut envoy = EnvoyModel::new(protocol, &worlds[0].0);
    for (world, deliveries, acknowledgments) in worlds {
        envoy.change(world);
        for step in 0..*deliveries.max(acknowledgments) {
            if step < *deliveries {
                envoy.deliver_request();
            }
            if step < *acknowledgments {
                envoy.acknowledge();
            }
        }
    }
    envoy.settle();
    envoy.check(&worlds[worlds.len() - 1].0);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn a_delta_client_never_refers_to_what_it_lacks(worlds in worlds(false)) {
        check_all(Protocol::Delta, &worlds);
    }

    #[test]
    fn a_state_client_never_refers_to_what_it_lacks(worlds in worlds(false)) {
        check_all(Protocol::State, &worlds);
    }

    #[test]
    fn a_client_of_virtual_hosts_ends_with_all_of_them_and_no_others(worlds in worlds(true)) {
        check_all(Protocol::Delta, &worlds);
    }
}

fn world(clusters: &[usize], route: &[usize]) -> World {
    let mut world = World { listeners: [Some(0), None], ..World::default() };
    for index in clusters {
        world.clusters[*index] = Some(0);
    }
    let mut uses = [false; CLUSTERS];
    for index in route {
        uses[*index] = true;
    }
    world.routes[0] = Some(uses);
    world
}

#[test]
fn a_move_from_one_cluster_to_another_is_made_in_three_steps() {
    let mut envoy = EnvoyModel::new(Protocol::Delta, &world(&[0], &[0]));
    envoy.settle();
    envoy.log.clear();
    envoy.change(&world(&[1], &[1]));
    assert_eq!(envoy.log, ["cds c1", "eds c1"], "endpoints are sent with their cluster");
    envoy.settle();
    assert_eq!(envoy.log[2..4], ["rds r0", "cds c0"], "{:#?}", envoy.log);
}

#[test]
fn a_route_that_needs_nothing_new_waits_for_nothing() {
    let mut envoy = EnvoyModel::new(Protocol::Delta, &world(&[0, 1], &[0]));
    envoy.settle();
    envoy.log.clear();
    envoy.change(&world(&[0, 1, 2], &[1]));
    assert_eq!(envoy.log, ["cds c2", "eds c2", "rds r0"]);
}

#[test]
fn a_wait_ends() {
    let mut envoy = EnvoyModel::new(Protocol::Delta, &world(&[0], &[0]));
    envoy.settle();
    envoy.change(&world(&[0, 1], &[1]));
    assert_eq!(envoy.push.deadline(), Some(envoy.now + HOLD));
    envoy.log.clear();
    envoy.now += HOLD;
    envoy.pull();
    assert_eq!(envoy.log, ["rds r0"]);
    assert_eq!((envoy.push.take_lapsed(), envoy.push.deadline()), (1, None));
}

/// Envoy drops endpoints that come before it asks for any, and then asks for them.
#[test]
fn endpoints_that_were_dropped_are_soon_sent_again() {
    let mut push = Push::new(Protocol::Delta, Arc::default());
    let now = Instant::now();
    let request = |subscribe: &[&str]| {
        let subscribe = subscribe.iter().map(|name| (*name).to_owned()).collect();
        let names = Names::Delta { subscribe, unsubscribe: vec![], initial: BTreeMap::new() };
        Request { nonce: String::new(), error: None, names }
    };
    let sent = |push: &mut Push, now| -> Vec<TypeUrl> { push.responses(now).into_iter().map(|(one, _)| one).collect() };
    push.on_request(TypeUrl::Cluster, &request(&["*"]), now).unwrap();
    push.on_resources(world(&[0], &[]).set(), push.types());
    assert_eq!(sent(&mut push, now), [TypeUrl::Cluster, TypeUrl::Endpoint]);
    push.on_request(TypeUrl::Endpoint, &request(&["c0"]), now).unwrap();
    assert_eq!((sent(&mut push, now), push.deadline()), (Vec::new(), Some(now + UNREQUESTED)));
    assert_eq!(sent(&mut push, now + UNREQUESTED), [TypeUrl::Endpoint]);
}

#[test]
fn a_wait_ends_with_a_rejection() {
    let mut envoy = EnvoyModel::new(Protocol::Delta, &world(&[0], &[0]));
    envoy.settle();
    envoy.change(&world(&[0, 1], &[1]));
    envoy.log.clear();
    let (_, reply) = envoy.replies.pop_front().unwrap();
    let names = Names::Delta { subscribe: vec![], unsubscribe: vec![], initial: BTreeMap::new() };
    let nack = Request { nonce: reply.nonce.to_string(), error: Some("c1: no".to_owned()), names };
    envoy.push.on_request(TypeUrl::Cluster, &nack, envoy.now).unwrap();
    envoy.pull();
    assert_eq!(envoy.log, ["rds r0"]);
}

#[test]
fn a_type_that_was_not_compiled_gets_no_response() {
    let mut push = Push::new(Protocol::Delta, Arc::default());
    let now = Instant::now();
    let names = Names::Delta { subscribe: vec!["r0".to_owned()], unsubscribe: vec![], initial: BTreeMap::new() };
    let request = Request { nonce: String::new(), error: None, names };
    push.on_request(TypeUrl::Route, &request, now).unwrap();
    assert!(push.responses(now).is_empty() && push.is_missing_types());
    push.on_resources(world(&[0], &[0]).set(), push.types());
    assert_eq!(push.responses(now).len(), 1);
    assert!(!push.is_missing_types());
}
