//! Requests of the delta protocol, written field by field.

use crate::proxy::ResourceType;
use crate::wire;

/// A `DeltaDiscoveryRequest` being made.
#[derive(Debug)]
pub(crate) struct Request(Vec<u8>);

impl Request {
    /// Of this type, and saying nothing yet.
    pub(crate) fn new(kind: ResourceType) -> Self {
        let mut out = Vec::with_capacity(128);
        wire::put(2, kind.url().as_bytes(), &mut out);
        Self(out)
    }

    /// Says who speaks.
    pub(crate) fn node(self, node: &[u8]) -> Self {
        self.with(1, node)
    }

    /// Asks for a name.
    pub(crate) fn subscribe(self, name: &[u8]) -> Self {
        self.with(3, name)
    }

    /// Gives a name up.
    pub(crate) fn unsubscribe(self, name: &[u8]) -> Self {
        self.with(4, name)
    }

    /// Says that this name is held in this version.
    pub(crate) fn holds(self, name: &[u8], version: &[u8]) -> Self {
        let mut entry = Vec::with_capacity(name.len() + version.len() + 4);
        wire::put(1, name, &mut entry);
        wire::put(2, version, &mut entry);
        self.with(5, &entry)
    }

    /// Answers the response of this nonce.
    pub(crate) fn nonce(self, nonce: &[u8]) -> Self {
        self.with(6, nonce)
    }

    /// Rejects it.
    pub(crate) fn error(self, words: &str) -> Self {
        // `google.rpc.Status`: code INVALID_ARGUMENT, message.
        let mut status = vec![0x08, 3];
        wire::put(2, words.as_bytes(), &mut status);
        self.with(7, &status)
    }

    /// As bytes.
    pub(crate) fn encode(self) -> Vec<u8> {
        self.0
    }

    fn with(mut self, number: u32, bytes: &[u8]) -> Self {
        wire::put(number, bytes, &mut self.0);
        self
    }
}

#[cfg(test)]
mod tests {
    use heddle_xds_api::envoy::service::discovery::v3::DeltaDiscoveryRequest;
    use prost::Message as _;

    use super::*;

    #[test]
    fn requests_read_back() {
        let request =
            Request::new(ResourceType::Route).subscribe(b"80").unsubscribe(b"81").holds(b"82", b"v").nonce(b"n");
        let read = DeltaDiscoveryRequest::decode(request.error("no").encode().as_slice()).unwrap();
        assert_eq!(read.type_url, ResourceType::Route.url());
        assert_eq!(
            (read.resource_names_subscribe, read.resource_names_unsubscribe),
            (vec!["80".into()], vec!["81".into()])
        );
        assert_eq!(read.initial_resource_versions, [("82".into(), "v".into())].into());
        assert_eq!((read.response_nonce.as_str(), read.error_detail.unwrap().message.as_str()), ("n", "no"));
    }
}
