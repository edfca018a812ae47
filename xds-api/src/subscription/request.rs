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

impl From<&DeltaDiscoveryRequest> for Request {
    fn from(request: &DeltaDiscoveryRequest) -> Self {
        Self {
            nonce: request.response_nonce.clone(),
            error: request.error_detail.as_ref().map(|status| status.message.clone()),
            names: Names::Delta {
                subscribe: request.resource_names_subscribe.clone(),
                unsubscribe: request.resource_names_unsubscribe.clone(),
                initial: request.initial_resource_versions.clone(),
            },
        }
    }
}

impl From<&DiscoveryRequest> for Request {
    fn from(request: &DiscoveryRequest) -> Self {
        Self {
            nonce: request.response_nonce.clone(),
            error: request.error_detail.as_ref().map(|status| status.message.clone()),
            names: Names::State(request.resource_names.clone()),
        }
    }
}
