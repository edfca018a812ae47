//! istiod's debug types: requests about the control plane itself. `istioctl proxy-status` sends them on a stream of its
//! own, which is in no registry and for which nothing is compiled. An agent passes them on its proxy's stream.

use std::future::Future;
use std::pin::Pin;

use heddle_model::identity::Identity;
use heddle_xds_api::google::protobuf::Any;
use tonic::Status;

/// The prefix of all debug types.
const TYPE: &str = "istio.io/debug";

/// A request of a debug type.
#[derive(Clone, Debug)]
pub struct DebugRequest {
    /// The authenticated identity of the client.
    pub identity: Identity,
    /// `istio.io/debug`, or that with a slash and a page.
    pub type_url: String,
    /// The names of a page or a proxy.
    pub names: Vec<String>,
}

/// The response to a request of a debug type.
#[derive(Clone, Debug, Default)]
pub struct DebugResponse {
    /// The resources with their names.
    pub resources: Vec<(String, Any)>,
    /// The identifier of the control plane, where the client needs it.
    pub identifier: String,
}

/// The future of a response.
pub type DebugFuture<'a> = Pin<Box<dyn Future<Output = Result<DebugResponse, Status>> + Send + 'a>>;

/// Serves debug types.
pub trait Inspect: Send + Sync + 'static {
    /// The response, if the client is allowed to have it.
    fn inspect(&self, request: DebugRequest) -> DebugFuture<'_>;
}

/// Whether this is a debug type.
pub(crate) fn is_debug_type(type_url: &str) -> bool {
    type_url.strip_prefix(TYPE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
