//! Routes: what a VirtualService says, with hosts resolved and delegates merged.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ipnet::IpNet;

use crate::{Text, host::Host, labels::Labels, map::SharedMap, object::Origin, service::Visibility};

/// All VirtualServices, the oldest first. Parts are shared between revisions.
pub type VirtualServices = SharedMap<Origin, Arc<VirtualService>>;

/// One VirtualService.
#[derive(Clone, Debug, PartialEq)]
pub struct VirtualService {
    /// All but its HTTP routes.
    pub reach: Arc<Reach>,
    /// HTTP routes, the first match wins.
    pub http: Vec<Arc<HttpRoute>>,
}

/// What a VirtualService reaches: all but how it treats HTTP requests on the way to the same services. Most edits leave
/// it as it is, and then it keeps its pointer: such an edit concerns the routes of these hosts only.
#[derive(Clone, Debug, PartialEq)]
pub struct Reach {
    /// The object.
    pub origin: Origin,
    /// Hosts it speaks for, full names.
    pub hosts: Vec<Host>,
    /// Where it applies.
    pub gateways: Vec<GatewayRef>,
    /// Who sees it.
    pub export_to: Visibility,
    /// Whether it has HTTP routes.
    pub has_http: bool,
    /// Where its HTTP routes lead, mirrors too.
    pub http_destinations: Vec<Destination>,
    /// TLS routes by SNI.
    pub tls: Vec<TlsRoute>,
    /// TCP routes.
    pub tcp: Vec<TcpRoute>,
}

impl VirtualService {
    /// One with these HTTP routes. The reach need not know them yet.
    #[must_use]
    pub fn new(reach: Reach, http: Vec<Arc<HttpRoute>>) -> Self {
        let http_destinations = http.iter().flat_map(|route| route.destinations()).cloned().collect();
        Self { reach: Arc::new(Reach { has_http: !http.is_empty(), http_destinations, ..reach }), http }
    }
}

impl Reach {
    /// Every destination, of HTTP, TLS and TCP routes.
    pub fn destinations(&self) -> impl Iterator<Item = &Destination> {
        let tls = self.tls.iter().flat_map(|route| &route.destinations).map(|to| &to.destination);
        let tcp = self.tcp.iter().flat_map(|route| &route.destinations).map(|to| &to.destination);
        self.http_destinations.iter().chain(tls).chain(tcp)
    }

    /// Whether it has routes for connections, TCP or TLS.
    #[must_use]
    pub fn has_l4_routes(&self) -> bool {
        !(self.tls.is_empty() && self.tcp.is_empty())
    }
}

impl HttpRoute {
    /// Where it leads, mirrors too.
    pub fn destinations(&self) -> impl Iterator<Item = &Destination> {
        let forwards = match &self.action {
            HttpAction::Forward(to) => to.as_slice(),
            HttpAction::Redirect(_) | HttpAction::Respond(_) => &[],
        };
        forwards.iter().map(|to| &to.destination).chain(self.mirrors.iter().map(|mirror| &mirror.destination))
    }
}

/// A gateway that a route binds to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GatewayRef {
    /// All sidecars (`mesh`).
    Mesh,
    /// A Gateway object.
    Gateway {
        /// Its namespace.
        namespace: Text,
        /// Its name.
        name: Text,
    },
}

/// One HTTP rule.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRoute {
    /// The VirtualService (the delegate, where one was merged in).
    pub origin: Origin,
    /// Path of the rule in its object, e.g. `spec.http[2]`.
    pub field: String,
    /// Name; empty when it has none.
    pub name: Text,
    /// Any of these; empty matches all.
    pub matches: Vec<HttpMatch>,
    /// What is done.
    pub action: HttpAction,
    /// Rewriting before forwarding.
    pub rewrite: Option<Rewrite>,
    /// Whole-request timeout; none: the default, no timeout.
    pub timeout: Option<Duration>,
    /// Retries; none: the mesh's default.
    pub retries: Option<Retries>,
    /// Faults to inject.
    pub fault: Option<Fault>,
    /// Copies to send.
    pub mirrors: Vec<Mirror>,
    /// CORS policy.
    pub cors: Option<Cors>,
    /// Header changes for all destinations.
    pub headers: HeaderChanges,
}

/// What a rule does with a request.
#[derive(Clone, Debug, PartialEq)]
pub enum HttpAction {
    /// Forwards it to weighted destinations.
    Forward(Vec<HttpDestination>),
    /// Answers with a redirect.
    Redirect(Redirect),
    /// Answers itself.
    Respond(DirectResponse),
}

/// A weighted destination.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpDestination {
    /// Where to.
    pub destination: Destination,
    /// Share; all zero means all to the first.
    pub weight: u32,
    /// Header changes for this destination.
    pub headers: HeaderChanges,
}

/// A service, one of its subsets and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    /// Full host name.
    pub host: Host,
    /// Subset of the service's DestinationRule; empty: none.
    pub subset: Text,
    /// Port; none: the only port, or the port of the listener.
    pub port: Option<u16>,
    /// Written as a short name. Where no service has it, its cluster is named by the short form, as istiod names it.
    pub short: bool,
}

/// Conditions that all must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpMatch {
    /// Name; appended to the route's.
    pub name: Text,
    /// Path without query.
    pub uri: Option<StringMatch>,
    /// Path compares without case (exact and prefix).
    pub ignore_case: bool,
    /// `:scheme`.
    pub scheme: Option<StringMatch>,
    /// `:method`.
    pub method: Option<StringMatch>,
    /// `:authority`.
    pub authority: Option<StringMatch>,
    /// Headers that must match; none: must be present.
    pub headers: BTreeMap<Text, Option<StringMatch>>,
    /// Headers that must not match; none: must be absent.
    pub without_headers: BTreeMap<Text, Option<StringMatch>>,
    /// Query parameters that must match.
    pub query: BTreeMap<Text, Option<StringMatch>>,
    /// Port of the listener.
    pub port: Option<u16>,
    /// Labels of the client's workload.
    pub source_labels: Labels,
    /// Namespace of the client's workload; empty: any.
    pub source_namespace: Text,
    /// Gateways, in place of the VirtualService's.
    pub gateways: Vec<GatewayRef>,
    /// Prefix of the route's statistics.
    pub stat_prefix: Text,
}

/// A comparison of text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StringMatch {
    /// Equal.
    Exact(Text),
    /// Begins with.
    Prefix(Text),
    /// Matches whole, RE2.
    Regex(Text),
}

/// Rewriting of path and authority.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// Replaces the matched prefix, or the path.
    pub uri: Option<Text>,
    /// Replaces `:authority`.
    pub authority: Option<Text>,
    /// Replaces by a regex (pattern, substitution).
    pub regex: Option<(Text, Text)>,
}

/// A redirect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redirect {
    /// Replaces the path.
    pub uri: Option<Text>,
    /// Replaces the matched prefix of the path.
    pub prefix: Option<Text>,
    /// Replaces the authority.
    pub authority: Option<Text>,
    /// Replaces the scheme.
    pub scheme: Option<Text>,
    /// Port.
    pub port: RedirectPort,
    /// 301, 302, 303, 307 or 308.
    pub code: u16,
}

/// The port of a redirect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RedirectPort {
    /// As it is in the request.
    #[default]
    Keep,
    /// This one.
    Number(u16),
    /// The default of the scheme.
    ProtocolDefault,
    /// The port of the request's listener.
    Request,
}

/// An answer given by the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectResponse {
    /// Status code.
    pub status: u16,
    /// Body, if any.
    pub body: Option<Body>,
}

/// A body given in YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Text.
    Text(Text),
    /// Bytes (base64 in YAML).
    Bytes(Arc<[u8]>),
}

/// Retries of failed requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retries {
    /// How often at most; 0 switches retries off.
    pub attempts: u32,
    /// Timeout of each try.
    pub per_try_timeout: Option<Duration>,
    /// Envoy's conditions and status codes, comma-separated; empty: the default.
    pub on: Text,
    /// Whether retries may leave the locality.
    pub remote_localities: Option<bool>,
    /// Whether hosts that failed are avoided.
    pub ignore_previous_hosts: Option<bool>,
    /// Base of the back-off.
    pub backoff: Option<Duration>,
}

/// Faults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fault {
    /// Delay and the share of requests that it meets.
    pub delay: Option<(Duration, Percent)>,
    /// Abort and the share of requests that it meets.
    pub abort: Option<(Abort, Percent)>,
}

/// How a request is aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Abort {
    /// With an HTTP status.
    Http(u16),
    /// With a gRPC status code.
    Grpc(u32),
}

/// A share in millionths: 1% is 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(pub u32);

/// A copy of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Where to.
    pub destination: Destination,
    /// Share of requests.
    pub share: Percent,
}

/// CORS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// Origins allowed.
    pub allow_origins: Vec<StringMatch>,
    /// Methods allowed.
    pub allow_methods: Vec<Text>,
    /// Headers allowed.
    pub allow_headers: Vec<Text>,
    /// Headers exposed.
    pub expose_headers: Vec<Text>,
    /// How long a preflight's answer holds.
    pub max_age: Option<Duration>,
    /// Whether credentials are allowed.
    pub allow_credentials: Option<bool>,
    /// Whether a preflight of another origin is forwarded; none: Envoy's default.
    pub forward_unmatched_preflights: Option<bool>,
}

/// Changes of headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderChanges {
    /// On requests.
    pub request: HeaderOps,
    /// On responses.
    pub response: HeaderOps,
}

/// Operations on headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderOps {
    /// Overwrite.
    pub set: BTreeMap<Text, Text>,
    /// Append.
    pub add: BTreeMap<Text, Text>,
    /// Remove.
    pub remove: Vec<Text>,
}

/// One TLS rule.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsRoute {
    /// Path of the rule in its object.
    pub field: String,
    /// Any of these.
    pub matches: Vec<TlsMatch>,
    /// Weighted destinations.
    pub destinations: Vec<WeightedDestination>,
}

/// Conditions of a TLS rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TlsMatch {
    /// SNI hosts.
    pub sni_hosts: Vec<Host>,
    /// Everything else.
    pub l4: L4Match,
}

/// One TCP rule.
#[derive(Clone, Debug, PartialEq)]
pub struct TcpRoute {
    /// Path of the rule in its object.
    pub field: String,
    /// Any of these; empty matches all.
    pub matches: Vec<L4Match>,
    /// Weighted destinations.
    pub destinations: Vec<WeightedDestination>,
}

/// Conditions on a connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct L4Match {
    /// Networks of the original destination.
    pub destination_subnets: Vec<IpNet>,
    /// Port of the listener.
    pub port: Option<u16>,
    /// Labels of the client's workload.
    pub source_labels: Labels,
    /// Namespace of the client's workload; empty: any.
    pub source_namespace: Text,
    /// Gateways, in place of the VirtualService's.
    pub gateways: Vec<GatewayRef>,
}

/// A destination of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightedDestination {
    /// Where to.
    pub destination: Destination,
    /// Share.
    pub weight: u32,
}
