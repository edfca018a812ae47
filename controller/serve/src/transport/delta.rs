//! `DeltaAggregatedResources`: only what changed.

use heddle_xds_api::{
    TypeUrl,
    envoy::{
        config::core::v3::{ControlPlane, Node},
        service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Resource},
    },
    subscription::{Protocol, Reply, Request},
};

use crate::{
    aside::Answer,
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

    fn encode_answer(answer: Answer) -> Option<Message> {
        let (version, identifier) = (answer.nonce.clone(), answer.identifier);
        let resource = |(name, resource)| Resource {
            name,
            version: version.clone(),
            resource: Some(resource),
            ..Resource::default()
        };
        Message::of(&DeltaDiscoveryResponse {
            resources: answer.resources.into_iter().map(resource).collect(),
            system_version_info: version.clone(),
            nonce: answer.nonce,
            type_url: answer.type_url,
            removed_resources: answer.removed,
            resource_errors: answer.errors,
            control_plane: (!identifier.is_empty()).then_some(ControlPlane { identifier }),
            ..DeltaDiscoveryResponse::default()
        })
    }
}
