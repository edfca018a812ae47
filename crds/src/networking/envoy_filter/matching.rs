//! What a patch is applied to.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
/// Which things are changed. Set at most one of `listener`, `routeConfiguration`, `cluster` and `waypoint`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectMatch {
    /// In which direction the thing stands.
    pub context: PatchContext,
    /// Which proxies.
    pub proxy: Option<ProxyMatch>,
    /// Conditions on listeners and what they hold.
    pub listener: Option<ListenerMatch>,
    /// Conditions on route configurations and what they hold.
    pub route_configuration: Option<RouteConfigurationMatch>,
    /// Conditions on clusters.
    pub cluster: Option<ClusterMatch>,
    /// Conditions on what a waypoint holds.
    pub waypoint: Option<WaypointMatch>,
}

/// In which direction a thing stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PatchContext {
    /// Any direction of sidecars and gateways.
    #[default]
    Any,
    /// Calls to the workload of a sidecar.
    SidecarInbound,
    /// Calls of the workload of a sidecar.
    SidecarOutbound,
    /// Gateways.
    Gateway,
    /// Waypoints.
    Waypoint,
}

/// Conditions on proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyMatch {
    /// RE2 expression that the proxy's version matches.
    pub proxy_version: String,
    /// Metadata that the proxy must have.
    pub metadata: BTreeMap<String, String>,
}

/// Conditions on listeners and what they hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ListenerMatch {
    /// Port of the service or gateway for which the listener was made. 0 means any.
    pub port_number: u32,
    /// Name of the port. It has no effect.
    pub port_name: String,
    /// Conditions on a filter chain.
    pub filter_chain: Option<FilterChainMatch>,
    /// Name of a listener filter.
    pub listener_filter: String,
    /// Name of the listener.
    pub name: String,
}

/// Conditions on a filter chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FilterChainMatch {
    /// Name of the filter chain.
    pub name: String,
    /// Server name of the filter chain's own condition.
    pub sni: String,
    /// Transport protocol of the filter chain's own condition: `raw_buffer` or `tls`.
    pub transport_protocol: String,
    /// Application protocols of the filter chain's own condition, separated by commas.
    pub application_protocols: String,
    /// Conditions on a network filter.
    pub filter: Option<FilterMatch>,
    /// Destination port of the filter chain's own condition. 0 means any.
    pub destination_port: u32,
    /// Name of the filter chain's transport socket.
    pub transport_socket: String,
}

/// Conditions on a network filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FilterMatch {
    /// Name of the filter.
    pub name: String,
    /// Conditions on an HTTP filter within it.
    pub sub_filter: Option<SubFilterMatch>,
}

/// Conditions on an HTTP filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SubFilterMatch {
    /// Name of the filter.
    pub name: String,
}

/// Conditions on route configurations and what they hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteConfigurationMatch {
    /// Port of the service or gateway for which the routes were made. 0 means any.
    pub port_number: u32,
    /// Name of the gateway's port.
    pub port_name: String,
    /// The Gateway, as `namespace/name`.
    pub gateway: String,
    /// Conditions on a virtual host.
    pub vhost: Option<VirtualHostMatch>,
    /// Name of the route configuration.
    pub name: String,
}

/// Conditions on a virtual host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct VirtualHostMatch {
    /// Name of the virtual host, as `host:port`.
    pub name: String,
    /// A domain of the virtual host.
    pub domain_name: String,
    /// Conditions on a route.
    pub route: Option<RouteMatch>,
}

/// Conditions on a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteMatch {
    /// Name of the route.
    pub name: String,
    /// What the route does.
    pub action: RouteAction,
}

/// What a route does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RouteAction {
    /// Anything.
    #[default]
    Any,
    /// It sends requests on.
    Route,
    /// It redirects.
    Redirect,
    /// It answers.
    DirectResponse,
}

/// Conditions on clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterMatch {
    /// Port of the service. 0 means any.
    pub port_number: u32,
    /// Host of the service.
    pub service: String,
    /// Subset of the service.
    pub subset: String,
    /// Name of the cluster. Excludes the other conditions.
    pub name: String,
}

/// Conditions on what a waypoint holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WaypointMatch {
    /// Port of the service. 0 means any.
    pub port_number: u32,
    /// Conditions on a network filter.
    pub filter: Option<FilterMatch>,
    /// Conditions on a route.
    pub route: Option<WaypointRouteMatch>,
}

/// Conditions on a route of a waypoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WaypointRouteMatch {
    /// Name of the route.
    pub name: String,
}
