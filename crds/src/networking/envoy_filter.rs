//! EnvoyFilter: changes of the configuration that is made for Envoy.

pub mod matching;

pub use matching::{
    ClusterMatch, FilterChainMatch, FilterMatch, ListenerMatch, ObjectMatch, PatchContext, ProxyMatch, RouteAction,
    RouteConfigurationMatch, RouteMatch, SubFilterMatch, VirtualHostMatch, WaypointMatch, WaypointRouteMatch,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::FreeForm;
use crate::selector::{PolicyTargetRef, WorkloadSelector};

/// Changes of the configuration that is made for Envoy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// The workloads. Without it: all of the namespace, or of the mesh in the root namespace.
    pub workload_selector: Option<WorkloadSelector>,
    /// The objects whose proxies are changed. Excludes `workloadSelector`.
    pub target_refs: Vec<PolicyTargetRef>,
    /// The changes, in order.
    pub config_patches: Vec<ConfigPatch>,
    /// Order among EnvoyFilters; smaller comes first. Default: 0.
    pub priority: i32,
}

/// A change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigPatch {
    /// What kind of thing is changed.
    pub apply_to: ApplyTo,
    /// Which of these things.
    #[serde(rename = "match")]
    pub matches: Option<ObjectMatch>,
    /// The change.
    pub patch: Option<Patch>,
}

/// What kind of thing a patch changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ApplyTo {
    /// Not said, which is refused.
    #[default]
    Invalid,
    /// A listener.
    Listener,
    /// A filter chain of a listener.
    FilterChain,
    /// A network filter of a filter chain.
    NetworkFilter,
    /// An HTTP filter of an HTTP connection manager.
    HttpFilter,
    /// A route configuration.
    RouteConfiguration,
    /// A virtual host of a route configuration.
    VirtualHost,
    /// A route of a virtual host.
    HttpRoute,
    /// A cluster.
    Cluster,
    /// An extension's configuration that filters refer to.
    ExtensionConfig,
    /// The bootstrap.
    Bootstrap,
    /// A listener filter of a listener.
    ListenerFilter,
}

/// A change of the things that match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Patch {
    /// What is done.
    pub operation: Operation,
    /// JSON of the Envoy message that is merged or added.
    pub value: Option<FreeForm>,
    /// Where an added filter goes.
    pub filter_class: FilterClass,
}

/// What a patch does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Operation {
    /// Not said, which is refused.
    #[default]
    Invalid,
    /// Merges the value into what is there.
    Merge,
    /// Adds the value.
    Add,
    /// Takes away what matches.
    Remove,
    /// Adds the value ahead of what matches.
    InsertBefore,
    /// Adds the value behind what matches.
    InsertAfter,
    /// Adds the value ahead of all.
    InsertFirst,
    /// Puts the value in the place of what matches.
    Replace,
    /// Merges the value, and replaces lists.
    MergeAndReplaceList,
}

/// Where an added filter goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FilterClass {
    /// As the operation says.
    #[default]
    Unspecified,
    /// Behind authentication.
    Authn,
    /// Behind authorization.
    Authz,
    /// Ahead of metrics.
    Stats,
}
