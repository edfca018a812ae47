//! `StreamAggregatedResources`: the state of the world.

use heddle_xds_api::{
    TypeUrl,
    envoy::{
        config::core::v3::{ControlPlane, Node},
        service::discovery::v3::{DiscoveryRequest, DiscoveryResponse},
    },
    subscription::{Protocol, Reply, Request},
};

use crate::{
    aside::Answer,
    transport::message::{Message, Response},
    transport::wire::Wire,
};

/// The state-of-the-world protocol.
pub(crate) struct StateOfTheWorld;

impl Wire for StateOfTheWorld {
    type Request = DiscoveryRequest;
    const PROTOCOL: Protocol = Protocol::State;

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
        let entries = reply.resources.iter().map(|resource| resource.state_entry()).collect();
        Response { type_url, revision, nonce: reply.nonce, removed: &[], entries }.encode()
    }

    fn encode_answer(answer: Answer) -> Option<Message> {
        let identifier = answer.identifier;
        Message::of(&DiscoveryResponse {
            version_info: answer.nonce.clone(),
            nonce: answer.nonce,
            type_url: answer.type_url,
            resources: answer.resources.into_iter().map(|(_, resource)| resource).collect(),
            resource_errors: answer.errors,
            control_plane: (!identifier.is_empty()).then_some(ControlPlane { identifier }),
            ..DiscoveryResponse::default()
        })
    }
}
