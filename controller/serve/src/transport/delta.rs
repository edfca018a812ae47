//! `DeltaAggregatedResources`: only what changed.

use heddle_xds_api::{
    TypeUrl,
    envoy::{config::core::v3::Node, service::discovery::v3::DeltaDiscoveryRequest},
    subscription::{Protocol, Reply, Request},
};

use crate::{
    transport::message::{Message, Response},
    transport::wire::Wire,
};

/// The delta protocol.
pub(crate) struct Delta;

impl Wire for Delta {
    type Request = DeltaDiscoveryRequest;
    const PROTOCOL: Protocol = Protocol::Delta;

    fn node(request: &Self::Request) -> Option<&Node> {
        request.node.as_ref()
    }

    fn type_url(request: &Self::Request) -> &str {
        &request.type_url
    }

    fn request(request: Self::Request) -> Request {
        request.into()
    }

    fn encode(type_url: TypeUrl, revision: u64, reply: &Reply) -> Option<Message> {
        let entries = reply.resources.iter().map(|resource| resource.delta_entry()).collect();
        Response { type_url, revision, nonce: reply.nonce, removed: &reply.removed, entries }.encode()
    }
}
