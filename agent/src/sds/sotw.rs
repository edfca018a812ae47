//! State-of-the-world: each response has all secrets that the stream requests.

use std::collections::BTreeSet;

use heddle_xds_api::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};

use super::files::is_file;
use super::secret::{is_known, secret};
use super::{MOST_NAMES, Protocol, SECRET};
use crate::svid::Current;

/// The requested names of a stream, and its last response.
#[derive(Debug, Default)]
pub(super) struct Sotw {
    names: BTreeSet<String>,
    /// The version of the last response. It is empty before the first one.
    version: String,
    nonce: u64,
}

impl Protocol for Sotw {
    type Request = DiscoveryRequest;
    type Response = DiscoveryResponse;

    fn on_request(&mut self, request: DiscoveryRequest, current: &Current) -> Option<DiscoveryResponse> {
        if !request.response_nonce.is_empty() && request.response_nonce != self.nonce.to_string() {
            return None;
        }
        if let Some(error) = request.error_detail {
            tracing::warn!(reason = %error.message, "Envoy rejects a certificate");
        }
        let names = request.resource_names.into_iter().filter(|name| is_known(name)).take(MOST_NAMES).collect();
        if names != self.names {
            self.names = names;
            self.version.clear();
        }
        self.on_change(current)
    }

    fn reads_files(&self) -> bool {
        self.names.iter().any(|name| is_file(name))
    }

    fn on_change(&mut self, current: &Current) -> Option<DiscoveryResponse> {
        let secrets: Vec<_> = self.names.iter().filter_map(|name| secret(name, current.as_deref())).collect();
        let version = secrets.iter().map(|secret| secret.version.as_str()).collect::<Vec<_>>().join("-");
        if version == self.version {
            return None;
        }
        self.version.clone_from(&version);
        self.nonce += 1;
        Some(DiscoveryResponse {
            version_info: version,
            resources: secrets.into_iter().map(|secret| secret.body).collect(),
            type_url: SECRET.to_owned(),
            nonce: self.nonce.to_string(),
            ..DiscoveryResponse::default()
        })
    }
}
