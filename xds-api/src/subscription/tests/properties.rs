//! Whatever requests, answers, rejections, reconnects and changes come in whatever order: in the end the client holds the
//! last set, and on the way it was sent nothing that it held.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
/// A client rejects what has this content.
const BAD: u32 = 0;

#[derive(Clone, Debug)]
enum Action {
    Change(Vec<Option<u32>>),
    Hear,
    Answer,
    Want(usize),
    Drop(usize),
    Renew(usize),
    Reconnect,
}

/// A client and the wires between it and the server.
struct Client {
    type_url: TypeUrl,
    protocol: Protocol,
    server: Subscription,
    target: TypedSet,
    requests: VecDeque<Request>,
    replies: VecDeque<Reply>,
    holds: BTreeMap<String, Arc<Resource>>,
    wants: BTreeSet<String>,
    wildcard: bool,
    named: bool,
    nonce: String,
    /// What the server can know that the client holds.
    known: BTreeMap<String, u64>,
    sent: BTreeMap<String, Reply>,
}

fn is_bad(resource: &Resource) -> bool {
    resource.decode::<Cluster>().is_ok_and(|cluster| cluster.alt_stat_name == BAD.to_string())
}

impl Client {
    fn new(type_url: TypeUrl, protocol: Protocol) -> Self {
        let mut client = Self {
            type_url,
            protocol,
            server: Subscription::new(type_url, protocol),
            target: TypedSet::default(),
            requests: VecDeque::new(),
            replies: VecDeque::new(),
            holds: BTreeMap::new(),
            wants: BTreeSet::new(),
            wildcard: type_url.may_be_wildcard(),
            named: false,
            nonce: String::new(),
            known: BTreeMap::new(),
            sent: BTreeMap::new(),
        };
        client.connect();
        client
    }

    fn connect(&mut self) {
        self.server = Subscription::new(self.type_url, self.protocol);
        self.server.observe(self.target.clone(), &Differences::default());
        self.requests.clear();
        self.replies.clear();
        self.known.clear();
        self.sent.clear();
        self.nonce.clear();
        let mut subscribe: Vec<String> = self.wants.iter().cloned().collect();
        self.named = !subscribe.is_empty();
        if self.wildcard && !subscribe.is_empty() {
            subscribe.push("*".to_owned());
        }
        let names = match self.protocol {
            Protocol::State => Names::State(subscribe),
            Protocol::Delta => {
                let versions = self.holds.iter().map(|(name, one)| (name.clone(), crate::version_text(one.version())));
                Names::Delta { subscribe, unsubscribe: vec![], initial: versions.collect() }
            }
        };
        self.requests.push_back(Request { nonce: String::new(), error: None, names });
    }

    fn ask(&mut self, subscribe: &[String], unsubscribe: &[String]) {
        self.request(String::new(), None, subscribe, unsubscribe);
    }

    fn request(&mut self, nonce: String, error: Option<String>, subscribe: &[String], unsubscribe: &[String]) {
        let names = match self.protocol {
            Protocol::Delta => Names::Delta {
                subscribe: subscribe.to_vec(),
                unsubscribe: unsubscribe.to_vec(),
                initial: BTreeMap::new(),
            },
            Protocol::State => {
                // No names means all only as long as none was ever said.
                let star = (self.wildcard && self.named).then(|| "*".to_owned());
                Names::State(self.wants.iter().cloned().chain(star).collect())
            }
        };
        let nonce = if nonce.is_empty() && self.protocol == Protocol::State { self.nonce.clone() } else { nonce };
        self.requests.push_back(Request { nonce, error, names });
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Change(contents) => {
                let pairs: Vec<_> =
                    NAMES.iter().zip(contents).filter_map(|(name, content)| Some((*name, (*content)?))).collect();
                self.target = set(self.type_url, &pairs);
                self.server.observe(self.target.clone(), &Differences::default());
                self.pull();
            }
            Action::Hear => self.hear(),
            Action::Answer => self.answer(),
            Action::Want(index) => {
                let name = NAMES[*index].to_owned();
                if self.wants.insert(name.clone()) {
                    self.named = true;
                    self.ask(&[name], &[]);
                }
            }
            Action::Drop(index) => {
                let name = NAMES[*index].to_owned();
                if self.wants.remove(&name) {
                    // A name less makes no difference to who asks for all, unless it says so.
                    if !(self.wildcard && self.protocol == Protocol::State) {
                        self.holds.remove(&name);
                    }
                    self.ask(&[], &[name]);
                }
            }
            Action::Renew(index) => {
                let name = NAMES[*index].to_owned();
                if self.protocol == Protocol::Delta && self.wants.contains(&name) {
                    self.holds.remove(&name);
                    self.ask(std::slice::from_ref(&name), std::slice::from_ref(&name));
                }
            }
            Action::Reconnect => self.connect(),
        }
    }

    /// The server hears a request.
    fn hear(&mut self) {
        let Some(request) = self.requests.pop_front() else { return };
        match &request.names {
            Names::Delta { subscribe, unsubscribe, initial } => {
                for name in subscribe.iter().chain(unsubscribe).filter(|name| !initial.contains_key(*name)) {
                    self.known.remove(name);
                }
                for (name, version) in initial {
                    self.known.insert(name.clone(), crate::parse_version(version).unwrap());
                }
            }
            Names::State(names) => self.known.retain(|name, _| self.wildcard || names.contains(name)),
        }
        if request.error.is_some() {
            let reply = &self.sent[&request.nonce];
            self.known.retain(|name, _| !reply.resources.iter().any(|one| **one.name() == **name));
        }
        self.server.on_request(&request).unwrap();
        self.server.observe(self.target.clone(), &Differences::default());
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
            self.sent.insert(reply.nonce.clone(), reply.clone());
            self.replies.push_back(reply);
            assert_eq!(self.replies.len(), 1, "one response at a time");
        }
    }

    /// The client answers a response.
    fn answer(&mut self) {
        let Some(reply) = self.replies.pop_front() else { return };
        let bad: Vec<_> = reply.resources.iter().filter(|one| is_bad(one)).collect();
        let whole = self.protocol == Protocol::State && self.type_url.is_whole();
        let old = if whole { std::mem::take(&mut self.holds) } else { BTreeMap::new() };
        for resource in &reply.resources {
            let name = resource.name().to_string();
            if is_bad(resource) {
                if !self.type_url.is_whole() {
                    break;
                }
                if let Some(old) = old.get(&name) {
                    self.holds.insert(name, old.clone());
                }
            } else if self.wildcard || self.wants.contains(&name) {
                self.holds.insert(name, resource.clone());
            }
        }
        for name in &reply.removed {
            self.holds.remove(&**name);
        }
        let named = bad.len() % 2 == 0;
        let words = bad.iter().map(|one| if named { one.name().to_string() } else { "regex".to_owned() });
        let error = (!bad.is_empty()).then(|| words.collect::<Vec<_>>().join(", "));
        self.nonce.clone_from(&reply.nonce);
        self.request(reply.nonce, error, &[], &[]);
    }

    fn settle(&mut self) {
        for _ in 0..2_000 {
            if self.requests.is_empty() && self.replies.is_empty() {
                return;
            }
            self.hear();
            self.answer();
        }
        panic!("the server never comes to rest");
    }

    fn check(&self) {
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
        assert!(self.server.is_settled());
    }
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let index = 0..NAMES.len();
    let contents = proptest::collection::vec(proptest::option::of(BAD..4), NAMES.len());
    let action = prop_oneof![
        3 => contents.prop_map(Action::Change),
        4 => Just(Action::Hear),
        4 => Just(Action::Answer),
        2 => index.clone().prop_map(Action::Want),
        1 => index.clone().prop_map(Action::Drop),
        1 => index.prop_map(Action::Renew),
        1 => Just(Action::Reconnect),
    ];
    proptest::collection::vec(action, 0..60)
}

fn check_all(type_url: TypeUrl, protocol: Protocol, actions: &[Action]) {
    let mut client = Client::new(type_url, protocol);
    for action in actions {
        client.act(action);
    }
    client.settle();
    // A last change, with nothing in it to reject: what was rejected before comes to rest with it.
    client.act(&Action::Change(vec![Some(10), None, Some(11), Some(12), None, Some(13)]));
    client.settle();
    client.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn delta_clusters(actions in actions()) {
        check_all(TypeUrl::Cluster, Protocol::Delta, &actions);
    }

    #[test]
    fn delta_routes(actions in actions()) {
        check_all(TypeUrl::Route, Protocol::Delta, &actions);
    }

    #[test]
    fn delta_secrets(actions in actions()) {
        check_all(TypeUrl::Secret, Protocol::Delta, &actions);
    }

    #[test]
    fn state_listeners(actions in actions()) {
        check_all(TypeUrl::Listener, Protocol::State, &actions);
    }

    #[test]
    fn state_endpoints(actions in actions()) {
        check_all(TypeUrl::Endpoint, Protocol::State, &actions);
    }

    #[test]
    fn state_name_tables(actions in actions()) {
        check_all(TypeUrl::NameTable, Protocol::State, &actions);
    }
}
