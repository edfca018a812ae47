//! The delta protocol: a response has the secrets whose current version the stream does not have.

use std::collections::BTreeMap;

use heddle_xds_api::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Resource};

use super::files::is_file;
use super::secret::{is_known, secret};
use super::{MOST_NAMES, Protocol, SECRET};
use crate::svid::Current;

/// The names that a stream subscribes to, with their sent versions. An empty version is none.
#[derive(Debug, Default)]
pub(super) struct Delta {
    held: BTreeMap<String, String>,
    nonce: u64,
}

impl Protocol for Delta {
    type Request = DeltaDiscoveryRequest;
    type Response = DeltaDiscoveryResponse;

    fn on_request(&mut self, mut request: DeltaDiscoveryRequest, current: &Current) -> Option<DeltaDiscoveryResponse> {
        if let Some(error) = request.error_detail {
            tracing::warn!(reason = %error.message, "Envoy rejects a certificate");
        }
        for name in request.resource_names_unsubscribe {
            self.held.remove(&name);
        }
        for name in request.resource_names_subscribe.into_iter().filter(|name| is_known(name)) {
            if self.held.len() >= MOST_NAMES {
                break;
            }
            // Envoy subscribes again to a name after it dropped the resource (xDS protocol, delta). So it is sent
            // again.
            let version = request.initial_resource_versions.remove(&name).unwrap_or_default();
            self.held.insert(name, version);
        }
        self.on_change(current)
    }

    fn reads_files(&self) -> bool {
        self.held.keys().any(|name| is_file(name))
    }

    fn on_change(&mut self, current: &Current) -> Option<DeltaDiscoveryResponse> {
        let mut resources = Vec::new();
        for (name, held) in &mut self.held {
            let Some(secret) = secret(name, current.as_deref()).filter(|secret| secret.version != *held) else {
                continue;
            };
            held.clone_from(&secret.version);
            resources.push(Resource {
                name: name.clone(),
                version: secret.version,
                resource: Some(secret.body),
                ..Resource::default()
            });
        }
        if resources.is_empty() {
            return None;
        }
        self.nonce += 1;
        Some(DeltaDiscoveryResponse {
            resources,
            type_url: SECRET.to_owned(),
            nonce: self.nonce.to_string(),
            ..DeltaDiscoveryResponse::default()
        })
    }
}
