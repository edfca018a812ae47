//! The table of kinds: what Kubernetes needs to know of each besides its schema.

use std::fmt;
use std::str::FromStr;

/// A kind of Istio's API.
///
/// Kinds of Heddle's own will stand in the group `policy.heddle.dev`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IstioKind {
    /// Who may call what.
    AuthorizationPolicy,
    /// How connections to a host are made.
    DestinationRule,
    /// Changes of Envoy's configuration.
    EnvoyFilter,
    /// What a proxy at the edge listens for.
    Gateway,
    /// Whether connections must use mutual TLS.
    PeerAuthentication,
    /// Settings of proxies.
    ProxyConfig,
    /// Which tokens are accepted.
    RequestAuthentication,
    /// A service outside the registry.
    ServiceEntry,
    /// What a workload's proxy listens for and sees.
    Sidecar,
    /// Metrics, traces and logs.
    Telemetry,
    /// An extension of a proxy.
    TrafficExtension,
    /// How requests are routed.
    VirtualService,
    /// A WebAssembly module.
    WasmPlugin,
    /// A workload that is no pod.
    WorkloadEntry,
    /// A template of such workloads.
    WorkloadGroup,
}

/// What Kubernetes needs to know of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindInfo {
    /// API group.
    pub group: &'static str,
    /// Name in paths.
    pub plural: &'static str,
    /// Short names for commands.
    pub short_names: &'static [&'static str],
    /// Versions in the order in which the API server lists them; all are served, with one schema.
    pub versions: &'static [&'static str],
    /// The version in which objects are stored.
    pub storage: &'static str,
    /// Columns of tables, as Istio has them.
    pub columns: &'static [Column],
    /// Whether an object without a spec is refused by its schema.
    pub spec_required: bool,
}

/// A column of `kubectl get`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Title.
    pub name: &'static str,
    /// What is shown.
    pub path: &'static str,
    /// `string` or `date`.
    pub kind: &'static str,
    /// What it means.
    pub description: &'static str,
}

/// A name that is not that of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKind(String);

const NETWORKING: &str = "networking.istio.io";
const SECURITY: &str = "security.istio.io";
const TELEMETRY: &str = "telemetry.istio.io";
const EXTENSIONS: &str = "extensions.istio.io";

const AGE: Column =
    Column { name: "Age", path: ".metadata.creationTimestamp", kind: "date", description: "When the object was made." };

/// Whether the object is in force, as its condition says.
const READY: Column =
    text("Ready", r#".status.conditions[?(@.type=="Reconciled")].status"#, "Whether the object does what it says.");
/// Why it is not, in a word.
const REASON: Column =
    text("Reason", r#".status.conditions[?(@.type=="Reconciled")].reason"#, "Why the object is, or is not, ready.");

impl KindInfo {
    /// The columns of tables: those of the kind, those of the status, and the age.
    #[must_use]
    pub fn table(&self) -> Vec<Column> {
        let own = self.columns.iter().copied().filter(|column| *column != AGE);
        own.chain([READY, REASON, AGE]).collect()
    }
}

impl IstioKind {
    /// All kinds, by name.
    pub const ALL: [Self; 15] = [
        Self::AuthorizationPolicy,
        Self::DestinationRule,
        Self::EnvoyFilter,
        Self::Gateway,
        Self::PeerAuthentication,
        Self::ProxyConfig,
        Self::RequestAuthentication,
        Self::ServiceEntry,
        Self::Sidecar,
        Self::Telemetry,
        Self::TrafficExtension,
        Self::VirtualService,
        Self::WasmPlugin,
        Self::WorkloadEntry,
        Self::WorkloadGroup,
    ];

    /// The name, as objects carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthorizationPolicy => "AuthorizationPolicy",
            Self::DestinationRule => "DestinationRule",
            Self::EnvoyFilter => "EnvoyFilter",
            Self::Gateway => "Gateway",
            Self::PeerAuthentication => "PeerAuthentication",
            Self::ProxyConfig => "ProxyConfig",
            Self::RequestAuthentication => "RequestAuthentication",
            Self::ServiceEntry => "ServiceEntry",
            Self::Sidecar => "Sidecar",
            Self::Telemetry => "Telemetry",
            Self::TrafficExtension => "TrafficExtension",
            Self::VirtualService => "VirtualService",
            Self::WasmPlugin => "WasmPlugin",
            Self::WorkloadEntry => "WorkloadEntry",
            Self::WorkloadGroup => "WorkloadGroup",
        }
    }

    /// What Kubernetes needs to know of the kind.
    #[must_use]
    pub const fn info(self) -> KindInfo {
        match self {
            Self::AuthorizationPolicy => security("authorizationpolicies", &["ap"], &[ACTION, AGE]),
            Self::DestinationRule => networking("destinationrules", &["dr"], &[HOST, AGE]),
            Self::EnvoyFilter => single(networking("envoyfilters", &[], &[]), &["v1alpha3"]),
            Self::Gateway => networking("gateways", &["gw"], &[]),
            Self::PeerAuthentication => security("peerauthentications", &["pa"], &[MODE, AGE]),
            Self::ProxyConfig => single(networking("proxyconfigs", &[], &[]), &["v1beta1"]),
            Self::RequestAuthentication => security("requestauthentications", &["ra"], &[]),
            Self::ServiceEntry => {
                needs_spec(networking("serviceentries", &["se"], &[HOSTS, LOCATION, RESOLUTION, AGE]))
            }
            Self::Sidecar => networking("sidecars", &[], &[]),
            Self::Telemetry => KindInfo {
                group: TELEMETRY,
                plural: "telemetries",
                short_names: &["telemetry"],
                versions: &["v1", "v1alpha1"],
                storage: "v1alpha1",
                columns: &[AGE],
                spec_required: false,
            },
            Self::TrafficExtension => extensions("trafficextensions"),
            Self::VirtualService => networking("virtualservices", &["vs"], &[GATEWAYS, HOSTS, AGE]),
            Self::WasmPlugin => extensions("wasmplugins"),
            Self::WorkloadEntry => needs_spec(networking("workloadentries", &["we"], &[AGE, ADDRESS])),
            Self::WorkloadGroup => needs_spec(networking("workloadgroups", &["wg"], &[AGE])),
        }
    }

    /// What the missing support of this kind means for an object. `None` if objects of this kind are in force.
    #[must_use]
    pub const fn consequence(self) -> Option<&'static str> {
        Some(match self {
            Self::EnvoyFilter => "is not applied: it changes the configuration of no proxy",
            Self::RequestAuthentication => "is not enforced: requests with invalid tokens are accepted",
            Self::Telemetry => "is not applied: it changes no metrics, traces or access logs",
            Self::TrafficExtension | Self::WasmPlugin => "is not loaded: requests do not pass through the extension",
            Self::WorkloadGroup => "is not used: workloads that connect get no WorkloadEntry",
            _ => return None,
        })
    }

    /// The kind of an object, by its `apiVersion` and `kind`; nothing if it is not served.
    #[must_use]
    pub fn of(api_version: &str, kind: &str) -> Option<Self> {
        let (group, version) = api_version.split_once('/')?;
        let kind: Self = kind.parse().ok()?;
        let info = kind.info();
        (info.group == group && info.versions.contains(&version)).then_some(kind)
    }
}

impl FromStr for IstioKind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == name);
        known.ok_or_else(|| UnknownKind(name.chars().take(64).collect()))
    }
}

impl fmt::Display for IstioKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not one of the kinds that Heddle reads", self.0)
    }
}

impl std::error::Error for UnknownKind {}

const ACTION: Column = text("Action", ".spec.action", "What is done with the requests that match.");
const ADDRESS: Column = text("Address", ".spec.address", "Address of the workload.");
const GATEWAYS: Column = text("Gateways", ".spec.gateways", "Gateways and sidecars to which the rules apply.");
const HOST: Column = text("Host", ".spec.host", "The host that the rule is about.");
const HOSTS: Column = text("Hosts", ".spec.hosts", "The hosts that this is about.");
const LOCATION: Column = text("Location", ".spec.location", "Whether the service is part of the mesh.");
const MODE: Column = text("Mode", ".spec.mtls.mode", "Whether connections must use mutual TLS.");
const RESOLUTION: Column = text("Resolution", ".spec.resolution", "How the endpoints' addresses are found.");

const fn text(name: &'static str, path: &'static str, description: &'static str) -> Column {
    Column { name, path, kind: "string", description }
}

const fn networking(
    plural: &'static str,
    short_names: &'static [&'static str],
    columns: &'static [Column],
) -> KindInfo {
    let versions = &["v1", "v1alpha3", "v1beta1"];
    KindInfo { group: NETWORKING, plural, short_names, versions, storage: "v1", columns, spec_required: false }
}

const fn security(plural: &'static str, short_names: &'static [&'static str], columns: &'static [Column]) -> KindInfo {
    let versions = &["v1", "v1beta1"];
    KindInfo { group: SECURITY, plural, short_names, versions, storage: "v1", columns, spec_required: false }
}

const fn extensions(plural: &'static str) -> KindInfo {
    let versions = &["v1alpha1"];
    let (storage, columns) = ("v1alpha1", &[AGE]);
    KindInfo { group: EXTENSIONS, plural, short_names: &[], versions, storage, columns, spec_required: true }
}

const fn single(info: KindInfo, versions: &'static [&'static str; 1]) -> KindInfo {
    KindInfo { versions, storage: versions[0], ..info }
}

const fn needs_spec(info: KindInfo) -> KindInfo {
    KindInfo { spec_required: true, ..info }
}

#[cfg(test)]
mod tests;
