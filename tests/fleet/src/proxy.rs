//! One simulated sidecar: asks as Envoy asks, in Envoy's order, and answers every response.
//!
//! Clusters come first, all of them; then the endpoints of each cluster that wants them; when those have come the
//! listeners, then the routes that these name, and virtual hosts once a route configuration says that it has them
//! apart.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::marker::Marker;
use crate::names::{Id, Names};
use crate::wire::Value;
use crate::wire::grpc::Piece;
use crate::wire::request::Request;

mod resource;

use resource::Seen;

/// The types of resources that a sidecar asks for, in the order in which it comes to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ResourceType {
    Cluster,
    Endpoint,
    Listener,
    Route,
    VirtualHost,
}

impl ResourceType {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [Self::Cluster, Self::Endpoint, Self::Listener, Self::Route, Self::VirtualHost];

    /// The type's URL.
    pub(crate) fn url(self) -> &'static str {
        match self {
            Self::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Endpoint => "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::Route => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            Self::VirtualHost => "type.googleapis.com/envoy.config.route.v3.VirtualHost",
        }
    }

    fn parse(url: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.url().as_bytes() == url)
    }
}

/// What a proxy has been through.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Responses that it answered.
    pub(crate) responses: u64,
    /// Resources in them.
    pub(crate) resources: u64,
    /// Names that it was told to drop.
    pub(crate) removed: u64,
}

/// One type's subscription, and what is held of it.
#[derive(Debug, Default)]
struct Holding {
    open: bool,
    /// Whether a response has come on this stream.
    answered: bool,
    asked: HashSet<Id>,
    /// By name: the version, and the one name of another type that the resource refers to.
    held: HashMap<Id, (Id, Option<Id>)>,
}

/// The response under way.
#[derive(Debug, Default)]
struct Response {
    kind: Option<ResourceType>,
    nonce: Vec<u8>,
    removed: Vec<Id>,
    /// Names to ask for that the response brought up, and those that nothing refers to any more.
    wanted: Vec<Id>,
    unwanted: Vec<Id>,
    virtual_hosts: bool,
}

/// A sidecar's side of its stream.
#[derive(Debug, Default)]
pub(crate) struct Proxy {
    holdings: [Holding; 5],
    response: Response,
    /// Whether it rejects what comes.
    pub(crate) rejects: bool,
    pub(crate) tally: Tally,
}

/// What all proxies of a thread share while one of them reads.
pub(crate) struct ThreadState<'a> {
    pub(crate) names: &'a mut Names,
    pub(crate) marker: Option<&'a Marker>,
    /// Set when the marker was found.
    pub(crate) found: bool,
}

impl Proxy {
    /// The requests with which a stream begins: clusters only when it is new, all it had when it comes back.
    pub(crate) fn begin(&mut self, node: &[u8], names: &Names) -> Vec<Vec<u8>> {
        self.response = Response::default();
        self.holding(ResourceType::Cluster).open = true;
        let mut requests = Vec::new();
        for kind in ResourceType::ALL {
            let holding = self.holding(kind);
            holding.answered = false;
            if !holding.open {
                continue;
            }
            let mut request = Request::new(kind);
            if requests.is_empty() {
                request = request.node(node);
            }
            for name in &holding.asked {
                request = request.subscribe(names.text(*name));
            }
            for (name, (version, _)) in &holding.held {
                request = request.holds(names.text(*name), names.text(*version));
            }
            requests.push(request.encode());
        }
        requests
    }

    /// Forgets all that it holds, as a proxy that starts again.
    pub(crate) fn forget(&mut self) {
        *self = Self { rejects: self.rejects, tally: self.tally, ..Self::default() };
    }

    /// Whether it has all that it asked for.
    pub(crate) fn is_complete(&self) -> bool {
        let [clusters, endpoints, listeners, routes, hosts] = &self.holdings;
        let has_all = |one: &Holding| {
            one.asked.len() <= one.held.len() && one.asked.iter().all(|name| one.held.contains_key(name))
        };
        (clusters.answered && listeners.answered)
            && (!hosts.open || hosts.answered)
            && has_all(routes)
            && has_all(endpoints)
    }

    /// How many resources of each type it holds.
    pub(crate) fn held(&self) -> [usize; 5] {
        self.holdings.each_ref().map(|holding| holding.held.len())
    }

    /// A number that is the same for two proxies that hold the same resources in the same versions. What only the
    /// proxy itself has, its inbound side, is left out.
    pub(crate) fn digest(&self, names: &Names) -> u64 {
        let mut digest = 0;
        for (kind, holding) in self.holdings.iter().enumerate() {
            for (name, (version, _)) in &holding.held {
                let name = names.text(*name);
                if name.starts_with(b"inbound") || name.starts_with(b"virtualInbound") {
                    continue;
                }
                let mut hasher = DefaultHasher::new();
                (kind, name, names.text(*version)).hash(&mut hasher);
                digest ^= hasher.finish();
            }
        }
        digest
    }

    /// Takes a piece of a response; what is to be said goes to `say`.
    pub(crate) fn hear(&mut self, piece: Piece<'_>, shared: &mut ThreadState<'_>, say: &mut impl FnMut(&[u8])) {
        match piece {
            Piece::Field(2, Value::Bytes(bytes)) => self.resource(bytes, shared),
            Piece::Field(4, Value::Bytes(url)) => self.response.kind = self.response.kind.or(ResourceType::parse(url)),
            Piece::Field(5, Value::Bytes(nonce)) => self.response.nonce = nonce.to_vec(),
            Piece::Field(6, Value::Bytes(name)) => {
                shared.found |= shared.marker.is_some_and(|marker| marker.is_removal(name));
                let name = shared.names.id(name);
                self.response.removed.push(name);
            }
            Piece::Field(..) => {}
            Piece::End => self.answer(shared.names, say),
        }
    }

    fn resource(&mut self, bytes: &[u8], shared: &mut ThreadState<'_>) {
        let Some(seen) = Seen::read(bytes) else { return };
        self.tally.resources += 1;
        let Some(kind) = seen.kind else { return };
        self.response.kind = Some(kind);
        if shared.marker.is_some_and(|marker| marker.is_in(kind, seen.body)) {
            shared.found = true;
        }
        if self.rejects {
            return;
        }
        let (name, version) = (shared.names.id(seen.name), shared.names.id(seen.version));
        let refers = seen.refers_to().map(|name| shared.names.id(name));
        self.response.virtual_hosts |= seen.has_virtual_hosts();
        let old = self.holding(kind).held.insert(name, (version, refers));
        if let Some(refers) = refers {
            self.response.wanted.push(refers);
        }
        self.response.unwanted.extend(old.and_then(|(_, old)| old).filter(|old| Some(*old) != refers));
    }

    /// Answers the response: first asks for what it brought up, as Envoy does, then acknowledges.
    fn answer(&mut self, names: &Names, say: &mut impl FnMut(&[u8])) {
        let response = std::mem::take(&mut self.response);
        self.tally.responses += 1;
        let Some(kind) = response.kind else { return };
        self.tally.removed += response.removed.len() as u64;
        let holding = self.holding(kind);
        holding.answered = true;
        let mut unwanted = response.unwanted;
        if !self.rejects {
            let holding = self.holding(kind);
            unwanted.extend(response.removed.iter().filter_map(|name| holding.held.remove(name)?.1));
            self.follow(kind, &response.wanted, &unwanted, names, say);
        }
        let acknowledgement = Request::new(kind).nonce(&response.nonce);
        let acknowledgement =
            if self.rejects { acknowledgement.error("the fleet was told to") } else { acknowledgement };
        say(&acknowledgement.encode());
        if kind == ResourceType::Endpoint
            || (kind == ResourceType::Cluster && self.holding(ResourceType::Endpoint).asked.is_empty())
        {
            self.open(ResourceType::Listener, say);
        }
        if response.virtual_hosts && kind == ResourceType::Route && !self.rejects {
            self.open(ResourceType::VirtualHost, say);
        }
    }

    /// Asks for what resources refer to, and gives up what none refers to any more.
    fn follow(
        &mut self,
        kind: ResourceType,
        wanted: &[Id],
        unwanted: &[Id],
        names: &Names,
        say: &mut impl FnMut(&[u8]),
    ) {
        let next = match kind {
            ResourceType::Cluster => ResourceType::Endpoint,
            ResourceType::Listener => ResourceType::Route,
            _ => return,
        };
        let referred =
            |proxy: &Self, id: Id| proxy.holdings[kind as usize].held.values().any(|(_, refers)| *refers == Some(id));
        let unwanted: Vec<Id> = unwanted.iter().copied().filter(|id| !referred(self, *id)).collect();
        let holding = self.holding(next);
        let mut request = Request::new(next);
        let mut news = false;
        for name in wanted {
            if holding.asked.insert(*name) {
                (request, news) = (request.subscribe(names.text(*name)), true);
            }
        }
        for name in unwanted {
            if holding.asked.remove(&name) {
                holding.held.remove(&name);
                (request, news) = (request.unsubscribe(names.text(name)), true);
            }
        }
        if news {
            holding.open = true;
            say(&request.encode());
        }
    }

    /// Asks for all of a type, once a stream.
    fn open(&mut self, kind: ResourceType, say: &mut impl FnMut(&[u8])) {
        let holding = self.holding(kind);
        if !std::mem::replace(&mut holding.open, true) {
            say(&Request::new(kind).encode());
        }
    }

    fn holding(&mut self, kind: ResourceType) -> &mut Holding {
        &mut self.holdings[kind as usize]
    }
}

#[cfg(test)]
mod tests;
