//! A client that keeps the rules, and the wires between it and the server.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use heddle_xds_api::envoy::config::cluster::v3::Cluster;
use heddle_xds_api::subscription::{Gate, Names, Protocol, Reply, Request, Subscription};
use heddle_xds_api::{Differences, Layer, Resource, ResourceSet, TypeUrl, TypedSet, version_text};

/// Every name that there is.
pub(super) const NAMES: [&str; 6] = ["a", "b", "c", "d", "80", "f"];
/// A client rejects what has this content.
const BAD: u8 = 0;
/// A client cannot even read a response with this content, and takes nothing of it.
const UNREADABLE: u8 = 1;
/// What stands in for a resource that is rejected.
const STAND_IN: u8 = 99;
/// Turns after which everything must have come to rest: a search by halves of six names is short.
const TURNS: usize = 2_000;

/// The client, the server's idea of it, and what is under way.
pub(super) struct Client {
    type_url: TypeUrl,
    protocol: Protocol,
    server: Subscription,
    target: TypedSet,
    contents: [Option<u8>; NAMES.len()],
    requests: VecDeque<Request>,
    replies: VecDeque<Reply>,
    holds: BTreeMap<String, Arc<Resource>>,
    wants: BTreeSet<String>,
    wildcard: bool,
    /// Whether it ever named something: before, no names mean all.
    named: bool,
    nonce: String,
    /// What the server can know that the client holds.
    known: BTreeMap<String, u64>,
    sent: BTreeMap<String, Reply>,
    differences: Differences,
    /// Whether it held something when it connected, and could not say what.
    resumed: bool,
}

impl Client {
    pub(super) fn new(type_url: TypeUrl, protocol: Protocol) -> Self {
        let mut client = Self {
            type_url,
            protocol,
            server: Subscription::new(type_url, protocol),
            target: TypedSet::default(),
            contents: [None; NAMES.len()],
            requests: VecDeque::new(),
            replies: VecDeque::new(),
            holds: BTreeMap::new(),
            wants: BTreeSet::new(),
            wildcard: type_url.may_be_wildcard(),
            named: false,
            nonce: String::new(),
            known: BTreeMap::new(),
            sent: BTreeMap::new(),
            differences: Differences::default().with_stand_in(|of| Some(resource(of.type_url(), of.name(), STAND_IN))),
            resumed: false,
        };
        client.connect(None);
        client
    }

    pub(super) fn act(&mut self, verb: u8, object: u8) {
        let index = usize::from(object) % NAMES.len();
        match verb % 16 {
            0..4 => self.change(index, (object >> 3 != 31).then_some(object >> 3 & 3)),
            4..8 => self.hear(),
            8..12 => self.answer(),
            12 => self.want(index),
            13 => self.drop_name(index),
            14 if object & 0x80 == 0 => self.renew(index),
            14 => self.stray(object),
            // Of another server, whose versions are not ours, or of none that it remembers.
            _ => self.connect((object & 1 == 1).then_some("2026-01-01T00:00:00Z/7")),
        }
    }

    /// Lets everything come to rest, and judges what the client holds.
    pub(super) fn finish(mut self) {
        self.settle();
        // What is rejected keeps nothing else from the client. Who starts holds what stands in for it.
        for name in NAMES.iter().filter(|name| self.wildcard || self.wants.contains(**name)) {
            let (target, held) = (self.target.get(name), self.holds.get(*name));
            match target {
                Some(target) if is_refused(target) => {
                    let has_one = held.is_some_and(|held| !is_refused(held));
                    assert!(has_one || self.resumed, "{name}: {held:?} in place of {target:?}");
                }
                Some(target) => assert_eq!(held, Some(target), "{name}"),
                None => {}
            }
        }
        // A last change, with nothing in it to reject: what was rejected before comes to rest with it.
        self.show([Some(10), None, Some(11), Some(12), None, Some(13)]);
        self.settle();
        for name in NAMES.iter().filter(|name| self.wildcard || self.wants.contains(**name)) {
            match (self.target.get(name), self.holds.get(*name)) {
                (Some(target), held) => assert_eq!(held, Some(target), "{name}"),
                (None, None) => {}
                (None, Some(held)) => {
                    let empty = Resource::empty(self.type_url, held.name()).is_some_and(|empty| empty == **held);
                    let keeps = self.protocol == Protocol::State && !self.type_url.is_whole();
                    assert!(empty || keeps, "{held:?} should be gone");
                }
            }
        }
        assert!(self.server.is_settled(), "the server waits for something");
    }

    fn connect(&mut self, foreign: Option<&str>) {
        self.server = Subscription::new(self.type_url, self.protocol);
        self.server.observe(self.target.clone(), &self.differences);
        self.requests.clear();
        self.replies.clear();
        self.known.clear();
        self.sent.clear();
        self.nonce.clear();
        let mut subscribe: Vec<String> = self.wants.iter().cloned().collect();
        self.named = !subscribe.is_empty();
        if self.wildcard && self.named {
            subscribe.push("*".to_owned());
        }
        self.resumed = self.protocol == Protocol::State && !self.holds.is_empty();
        let version = |one: &Resource| foreign.map_or_else(|| version_text(one.version()), str::to_owned);
        let names = match self.protocol {
            Protocol::State => Names::State { names: subscribe, resumes: !self.holds.is_empty() },
            Protocol::Delta => {
                let initial = self.holds.iter().map(|(name, one)| (name.clone(), version(one))).collect();
                Names::Delta { subscribe, unsubscribe: Vec::new(), initial }
            }
        };
        self.requests.push_back(Request { nonce: String::new(), error: None, names });
    }

    fn request(&mut self, nonce: &str, error: Option<String>, subscribe: &[String], unsubscribe: &[String]) {
        let names = match self.protocol {
            Protocol::Delta => Names::Delta {
                subscribe: subscribe.to_vec(),
                unsubscribe: unsubscribe.to_vec(),
                initial: BTreeMap::new(),
            },
            Protocol::State => {
                let star = (self.wildcard && self.named).then(|| "*".to_owned());
                Names::State { names: self.wants.iter().cloned().chain(star).collect(), resumes: false }
            }
        };
        let bare = nonce.is_empty() && self.protocol == Protocol::State;
        let nonce = if bare { self.nonce.clone() } else { nonce.to_owned() };
        self.requests.push_back(Request { nonce, error, names });
    }

    fn change(&mut self, index: usize, content: Option<u8>) {
        let mut contents = self.contents;
        contents[index] = content;
        self.show(contents);
    }

    fn show(&mut self, contents: [Option<u8>; NAMES.len()]) {
        self.contents = contents;
        let pairs = NAMES.iter().zip(contents).filter_map(|(name, content)| Some((*name, content?)));
        let resources = pairs.map(|(name, content)| Arc::new(resource(self.type_url, name, content)));
        let layer = Arc::new(Layer::default().with(self.type_url, resources));
        self.target = ResourceSet { shared: layer, own: Arc::default() }.typed(self.type_url);
        self.server.observe(self.target.clone(), &self.differences);
        self.pull();
    }

    fn want(&mut self, index: usize) {
        let name = NAMES[index].to_owned();
        if self.wants.insert(name.clone()) {
            self.named = true;
            self.request("", None, &[name], &[]);
        }
    }

    fn drop_name(&mut self, index: usize) {
        let name = NAMES[index].to_owned();
        if self.wants.remove(&name) {
            // A name less makes no difference to who asks for all, unless it says so.
            if !(self.wildcard && self.protocol == Protocol::State) {
                self.holds.remove(&name);
            }
            self.request("", None, &[], &[name]);
        }
    }

    /// Drops a name and asks for it in one breath.
    fn renew(&mut self, index: usize) {
        let name = NAMES[index].to_owned();
        if self.protocol == Protocol::Delta && self.wants.contains(&name) {
            self.holds.remove(&name);
            self.request("", None, std::slice::from_ref(&name), std::slice::from_ref(&name));
        }
    }

    /// Says something about a response that nobody remembers.
    fn stray(&mut self, object: u8) {
        let error = (object & 1 == 1).then(|| "a, b: no".to_owned());
        let names = match self.protocol {
            Protocol::Delta => Names::Delta { subscribe: vec![], unsubscribe: vec![], initial: BTreeMap::new() },
            Protocol::State => Names::State { names: NAMES.map(str::to_owned).to_vec(), resumes: false },
        };
        self.requests.push_back(Request { nonce: format!("stray{object}"), error, names });
    }

    /// The server hears a request.
    fn hear(&mut self) {
        let Some(request) = self.requests.pop_front() else { return };
        let stray = request.nonce.starts_with("stray");
        match &request.names {
            Names::Delta { subscribe, unsubscribe, initial } => {
                for name in subscribe.iter().chain(unsubscribe).filter(|name| !initial.contains_key(*name)) {
                    self.known.remove(name);
                }
                let ours = |version: &String| u64::from_str_radix(version, 16).ok();
                self.known.extend(initial.iter().filter_map(|(name, version)| Some((name.clone(), ours(version)?))));
            }
            Names::State { .. } if stray => {}
            Names::State { names, .. } => self.known.retain(|name, _| self.wildcard || names.contains(name)),
        }
        if let Some(reply) = request.error.as_ref().and_then(|_| self.sent.get(&request.nonce)) {
            self.known.retain(|name, _| !reply.resources.iter().any(|one| **one.name() == **name));
        }
        assert!(self.server.on_request(&request, &self.differences).is_ok(), "six names are too many");
        self.server.observe(self.target.clone(), &self.differences);
        self.pull();
    }

    fn pull(&mut self) {
        while let Some(reply) = self.server.next_response(&Gate::OPEN) {
            let whole = self.protocol == Protocol::State && self.type_url.is_whole();
            for resource in &reply.resources {
                let known = self.known.insert(resource.name().to_string(), resource.version());
                assert!(whole || known != Some(resource.version()), "{resource:?} was sent to a client that holds it");
            }
            for name in &reply.removed {
                self.known.remove(&**name);
            }
            assert!(self.sent.insert(reply.nonce.to_string(), reply.clone()).is_none(), "a nonce twice");
            self.replies.push_back(reply);
            assert_eq!(self.replies.len(), 1, "one response at a time");
        }
    }

    /// The client answers a response.
    fn answer(&mut self) {
        let Some(reply) = self.replies.pop_front() else { return };
        let unreadable = reply.resources.iter().any(|one| has(one, UNREADABLE));
        let bad: Vec<_> = reply.resources.iter().filter(|one| is_refused(one)).collect();
        let whole = self.protocol == Protocol::State && self.type_url.is_whole();
        let old = if whole && !unreadable { std::mem::take(&mut self.holds) } else { BTreeMap::new() };
        for resource in reply.resources.iter().filter(|_| !unreadable) {
            let name = resource.name().to_string();
            if !is_refused(resource) {
                if self.wildcard || self.wants.contains(&name) {
                    self.holds.insert(name, resource.clone());
                }
            } else if self.type_url.is_whole() {
                // The good ones of a rejected response are applied, and of the bad one the version before stays.
                self.holds.extend(old.get(&name).map(|old| (name, old.clone())));
            } else {
                break;
            }
        }
        for name in reply.removed.iter().filter(|_| !unreadable) {
            self.holds.remove(&**name);
        }
        let named = bad.len() % 2 == 0 && !unreadable;
        let words = bad.iter().map(|one| if named { one.name().to_string() } else { "regex".to_owned() });
        let error = (!bad.is_empty()).then(|| words.collect::<Vec<_>>().join(", "));
        self.nonce = reply.nonce.to_string();
        self.request(&reply.nonce.to_string(), error, &[], &[]);
    }

    fn settle(&mut self) {
        for _ in 0..TURNS {
            if self.requests.is_empty() && self.replies.is_empty() {
                return;
            }
            self.hear();
            self.answer();
        }
        assert!(self.requests.is_empty() && self.replies.is_empty(), "the server never comes to rest");
    }
}

/// A resource of any type: what is in it is no matter to the state machine.
pub(super) fn resource(type_url: TypeUrl, name: &str, content: u8) -> Resource {
    Resource::new(type_url, name, &Cluster { alt_stat_name: content.to_string(), ..Cluster::default() })
}

fn is_refused(resource: &Resource) -> bool {
    has(resource, BAD) || has(resource, UNREADABLE)
}

fn has(resource: &Resource, content: u8) -> bool {
    resource.decode::<Cluster>().is_ok_and(|cluster| cluster.alt_stat_name == content.to_string())
}
