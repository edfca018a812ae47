//! VirtualService: how requests to a host are routed.

pub mod action;
pub mod fault;
pub mod http;
pub mod matching;
pub mod tcp;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use action::{
    Body, CorsPolicy, Delegate, DirectResponse, HeaderOperations, Headers, Mirror, Percent, Redirect, RedirectPort,
    RegexRewrite, Retry, Rewrite, UnmatchedPreflights,
};
pub use fault::{AbortStatus, Fault, FaultAbort, FaultDelay};
pub use http::{HttpRoute, HttpRouteDestination};
pub use matching::{HttpMatch, L4Match, TlsMatch};
pub use tcp::{RouteDestination, TcpRoute, TlsRoute};

/// How requests to some hosts are routed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// The hosts that the rules are about: names, wildcards such as `*.shop`, or IP addresses.
    pub hosts: Vec<String>,
    /// Gateways that have the rules, as `namespace/name`, or `mesh` for all sidecars. Default: `mesh`.
    pub gateways: Vec<String>,
    /// Routes of HTTP requests. The first that matches is taken.
    pub http: Vec<HttpRoute>,
    /// Routes of TLS connections that are not ended here. The first that matches is taken.
    pub tls: Vec<TlsRoute>,
    /// Routes of other TCP connections. The first that matches is taken.
    pub tcp: Vec<TcpRoute>,
    /// Namespaces that see the rules: `.` this one, `*` all. Default: all.
    pub export_to: Vec<String>,
}
