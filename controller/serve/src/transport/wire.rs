//! What the two variants of the transport protocol have in common.

use heddle_xds_api::{
    TypeUrl,
    envoy::config::core::v3::Node,
    subscription::{Protocol, Reply, Request},
};

use super::message::Message;
use crate::aside::Answer;

/// The messages of a variant of the transport protocol.
pub(crate) trait Wire: Send + 'static {
    /// A request.
    type Request: prost::Message + Default + Send + 'static;
    /// The variant of the transport protocol.
    const PROTOCOL: Protocol;

    fn node(request: &Self::Request) -> Option<&Node>;
    fn type_url(request: &Self::Request) -> &str;
    fn request(request: Self::Request) -> Request;
    /// The response; `None` if it is too large for a gRPC message.
    fn encode(type_url: TypeUrl, revision: u64, reply: &Reply) -> Option<Message>;
    /// The answer to a request that is no subscription; `None` if it is too large.
    fn encode_answer(answer: Answer) -> Option<Message>;
}
