//! istiod's debug types: requests about the control plane itself, sent as SotW requests. `istioctl proxy-status` does
//! so.
//!
//! Such a stream is no proxy's. It is in no registry, nothing is compiled for it, and each request gets one response.

use std::future::Future;
use std::pin::Pin;

use bytes::{BufMut, Bytes, BytesMut};
use heddle_model::identity::Identity;
use heddle_xds_api::envoy::config::core::v3::ControlPlane;
use heddle_xds_api::envoy::service::discovery::v3::DiscoveryResponse;
use heddle_xds_api::google::protobuf::Any;
use heddle_xds_api::subscription::{Names, Protocol};
use prost::Message as _;
use tonic::Status;

use crate::auth::AuthError;
use crate::error::StreamError;
use crate::transport::mailbox::Outbox;
use crate::transport::message::Message;
use crate::transport::requests::Requests;
use crate::transport::wire::Wire;

/// The prefix of all debug types.
const TYPE: &str = "istio.io/debug";

/// Responses that may wait to be written.
const MAX_WAITING: usize = 1;

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
    /// The resources.
    pub resources: Vec<Any>,
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

/// Serves the requests of a stream, one after another, until its client ends it.
pub(crate) async fn serve<W: Wire>(
    inspect: Option<&dyn Inspect>,
    identity: Option<Identity>,
    first: W::Request,
    mut requests: Requests<W::Request>,
    messages: Outbox<Message>,
) -> Result<(), StreamError> {
    // Unauthenticated clients, and so all of the plain-text port, get nothing.
    let identity = identity.ok_or(AuthError::Missing)?;
    let unknown = || StreamError::from(Status::unimplemented("debug types are not served here"));
    let inspect = inspect.filter(|_| W::PROTOCOL == Protocol::State).ok_or_else(unknown)?;
    let (mut next, mut count) = (Some(first), 0_u64);
    while let Some(request) = next {
        let type_url = W::type_url(&request).to_owned();
        let request = W::request(request);
        // An ACK gets no response.
        if let (true, true, Names::State(names)) = (is_debug_type(&type_url), request.nonce.is_empty(), request.names) {
            let request = DebugRequest { identity: identity.clone(), type_url: type_url.clone(), names };
            let response = inspect.inspect(request).await?;
            count += 1;
            let message =
                message(type_url, response, count).ok_or(StreamError::Internal("the response is too large"))?;
            messages.send(message, MAX_WAITING).await;
        }
        next = requests.message().await?;
    }
    Ok(())
}

fn message(type_url: String, response: DebugResponse, count: u64) -> Option<Message> {
    let identifier = response.identifier;
    let response = DiscoveryResponse {
        type_url,
        version_info: count.to_string(),
        nonce: count.to_string(),
        resources: response.resources,
        control_plane: (!identifier.is_empty()).then_some(ControlPlane { identifier }),
        ..DiscoveryResponse::default()
    };
    let mut buffer = BytesMut::new();
    buffer.put_u8(0);
    buffer.put_u32(u32::try_from(response.encoded_len()).ok()?);
    response.encode(&mut buffer).ok()?;
    let bytes: Bytes = buffer.freeze();
    Some(Message { length: bytes.len(), pieces: [bytes].into() })
}
