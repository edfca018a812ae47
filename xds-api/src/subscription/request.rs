//! The part of a request that concerns one subscription, in either variant of the protocol.

use std::collections::BTreeMap;

use crate::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest};

/// The part of a request that concerns one subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `response_nonce`: of the response that it acknowledges; empty if it acknowledges none.
    pub nonce: String,
    /// The message of `error_detail`, for a NACK.
    pub error: Option<String>,
    /// What the client subscribes to.
    pub names: Names,
}

/// What the client subscribes to, as its variant of the protocol expresses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// Changes of the subscription, and what the client held when the stream began.
    Delta {
        /// `*` is the wildcard.
        subscribe: Vec<String>,
        /// `*` ends the wildcard subscription. Names that it subscribes to one by one stay.
        unsubscribe: Vec<String>,
        /// `initial_resource_versions`.
        initial: BTreeMap<String, String>,
    },
    /// All names.
    State {
        /// `*` is the wildcard.
        names: Vec<String>,
        /// Whether it names a version of an earlier stream: the client holds some resources.
        resumes: bool,
    },
}

impl Request {
    /// Whether it is an ACK or NACK and nothing else. In the delta protocol most requests name no resource.
    #[must_use]
    pub fn is_only_acknowledgment(&self) -> bool {
        let Names::Delta { subscribe, unsubscribe, initial } = &self.names else { return false };
        !self.nonce.is_empty() && subscribe.is_empty() && unsubscribe.is_empty() && initial.is_empty()
    }
}

impl From<DeltaDiscoveryRequest> for Request {
    fn from(request: DeltaDiscoveryRequest) -> Self {
        Self {
            nonce: request.response_nonce,
            error: request.error_detail.map(|status| status.message),
            names: Names::Delta {
                subscribe: request.resource_names_subscribe,
                unsubscribe: request.resource_names_unsubscribe,
                initial: request.initial_resource_versions,
            },
        }
    }
}

impl From<DiscoveryRequest> for Request {
    fn from(request: DiscoveryRequest) -> Self {
        Self {
            names: Names::State {
                names: request.resource_names,
                resumes: request.response_nonce.is_empty() && !request.version_info.is_empty(),
            },
            nonce: request.response_nonce,
            error: request.error_detail.map(|status| status.message),
        }
    }
}
