//! What a request says about one subscription, in either protocol.

use std::collections::BTreeMap;

use crate::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest};

/// The part of a request that a subscription hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Of the response that is answered; empty if none is.
    pub nonce: String,
    /// Why that response was rejected; `None` if it was not.
    pub error: Option<String>,
    /// What the client wants.
    pub names: Names,
}

/// What the client wants, said as its protocol says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// What it wants from now on and what no longer, and what it held when the stream began.
    Delta {
        /// `*` is all.
        subscribe: Vec<String>,
        /// `*` is all that was not asked for by name.
        unsubscribe: Vec<String>,
        /// Versions by name.
        initial: BTreeMap<String, String>,
    },
    /// All that it wants.
    State(Vec<String>),
}

impl Request {
    /// Whether it does no more than answer: in the delta protocol most requests name nothing.
    #[must_use]
    pub fn is_plain_answer(&self) -> bool {
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
            nonce: request.response_nonce,
            error: request.error_detail.map(|status| status.message),
            names: Names::State(request.resource_names),
        }
    }
}
