//! A resource, encoded once and hashed once, to be sent to many clients.

use std::{any::Any, fmt, sync::Arc};

use bytes::Bytes;
use prost::{Message, encoding};
use sha2::{Digest, Sha256};

use crate::{
    Broken, Reference, TypeUrl,
    envoy::config::{endpoint::v3::ClusterLoadAssignment, route::v3::RouteConfiguration},
    references, rules,
};

/// Field `resources` of both kinds of response, and field `resource` of `Resource`: all three are number 2.
const RESOURCE: u32 = 2;
/// Fields of `envoy.service.discovery.v3.Resource`.
const VERSION: u32 = 1;
const NAME: u32 = 3;
/// Fields of `google.protobuf.Any`.
const ANY_TYPE_URL: u32 = 1;
const ANY_VALUE: u32 = 2;

/// A resource as it goes over the wire.
///
/// One buffer serves both protocols: the entry of a delta response ends with what is, byte for byte, the entry of a
/// state-of-the-world response.
#[derive(Clone, PartialEq, Eq)]
pub struct Resource {
    type_url: TypeUrl,
    name: Arc<str>,
    version: u64,
    references: Box<[Reference]>,
    /// `resources` of a delta response: key, length, name, version, then key, length and body of the `Any`.
    entry: Bytes,
    /// Where in `entry` the body of the delta `Resource` starts.
    body: usize,
    /// Where in `entry` the key of the `Any` starts.
    state: usize,
    /// Where in `entry` the body of the `Any` starts.
    any: usize,
    /// Where in `entry` the message itself starts.
    value: usize,
}

impl Resource {
    /// Encodes `message`, a message of the type that `type_url` names.
    #[must_use]
    pub fn new<M: Message + 'static>(type_url: TypeUrl, name: impl Into<Arc<str>>, message: &M) -> Self {
        let name = name.into();
        let value = message.encode_to_vec();
        let version = version_of(type_url, &value);
        let url = type_url.as_str();

        let any_length = field_length(ANY_TYPE_URL, url.len()) + field_length(ANY_VALUE, value.len());
        let version_text = version_text(version);
        let body_length = field_length(NAME, name.len())
            + field_length(VERSION, version_text.len())
            + field_length(RESOURCE, any_length);
        let mut entry = Vec::with_capacity(field_length(RESOURCE, body_length));
        open_field(RESOURCE, body_length, &mut entry);
        let body = entry.len();
        field(NAME, name.as_bytes(), &mut entry);
        field(VERSION, version_text.as_bytes(), &mut entry);
        let state = entry.len();
        open_field(RESOURCE, any_length, &mut entry);
        let any = entry.len();
        field(ANY_TYPE_URL, url.as_bytes(), &mut entry);
        open_field(ANY_VALUE, value.len(), &mut entry);
        let value_start = entry.len();
        entry.extend_from_slice(&value);

        let references = references(message as &dyn Any);
        Self { type_url, name, version, references, entry: entry.into(), body, state, any, value: value_start }
    }

    /// The empty resource that stands for a name which does not exist, for the types where a client waits for a
    /// response: no endpoints, no routes. An empty secret would trust nobody or everybody, so there is none.
    #[must_use]
    pub fn empty(type_url: TypeUrl, name: &Arc<str>) -> Option<Self> {
        match type_url {
            TypeUrl::Endpoint => {
                let message = ClusterLoadAssignment { cluster_name: name.to_string(), ..Default::default() };
                Some(Self::new(type_url, name.clone(), &message))
            }
            TypeUrl::Route => {
                let message = RouteConfiguration { name: name.to_string(), ..Default::default() };
                Some(Self::new(type_url, name.clone(), &message))
            }
            _ => None,
        }
    }

    /// Its type.
    #[must_use]
    pub fn type_url(&self) -> TypeUrl {
        self.type_url
    }

    /// Its name, unique among those of its type.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// A hash of the message: equal messages have equal versions, on every machine and in every run.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What a client must hold before it can use this.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// An element of `DeltaDiscoveryResponse.resources`, with its key and length.
    #[must_use]
    pub fn delta_entry(&self) -> Bytes {
        self.entry.clone()
    }

    /// An element of `DiscoveryResponse.resources`, with its key and length.
    #[must_use]
    pub fn state_entry(&self) -> Bytes {
        self.entry.slice(self.state..)
    }

    /// The body of an `envoy.service.discovery.v3.Resource`.
    #[must_use]
    pub fn delta_bytes(&self) -> Bytes {
        self.entry.slice(self.body..)
    }

    /// The body of a `google.protobuf.Any`.
    #[must_use]
    pub fn any_bytes(&self) -> Bytes {
        self.entry.slice(self.any..)
    }

    /// The message, encoded.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.entry.slice(self.value..)
    }

    /// The message.
    ///
    /// # Errors
    ///
    /// If `M` is not the type that the resource was made from.
    pub fn decode<M: Message + Default>(&self) -> Result<M, prost::DecodeError> {
        M::decode(self.bytes())
    }

    /// Checks the message by Envoy's own rules for its fields: Envoy refuses a resource that breaks one.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self) -> Result<(), Broken> {
        rules::check(self.type_url, &self.entry[self.value..])
    }

    /// The message as an `Any`, copied.
    #[must_use]
    pub fn to_any(&self) -> crate::google::protobuf::Any {
        crate::google::protobuf::Any { type_url: self.type_url.as_str().to_owned(), value: self.bytes().into() }
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.type_url.short(), self.name, version_text(self.version))
    }
}

/// A version as responses hold it.
#[must_use]
pub fn version_text(version: u64) -> String {
    format!("{version:016x}")
}

/// The version that a client says it holds; `None` if it is not one of ours.
#[must_use]
pub fn parse_version(text: &str) -> Option<u64> {
    (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

fn version_of(type_url: TypeUrl, value: &[u8]) -> u64 {
    let digest = Sha256::new().chain_update(type_url.as_str()).chain_update(value).finalize();
    digest.iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

fn field(number: u32, value: &[u8], buffer: &mut Vec<u8>) {
    open_field(number, value.len(), buffer);
    buffer.extend_from_slice(value);
}

fn open_field(number: u32, length: usize, buffer: &mut Vec<u8>) {
    encoding::encode_key(number, encoding::WireType::LengthDelimited, buffer);
    encoding::encode_varint(length as u64, buffer);
}

fn field_length(number: u32, length: usize) -> usize {
    encoding::key_len(number) + encoding::encoded_len_varint(length as u64) + length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        any,
        envoy::{config::cluster::v3::Cluster, service::discovery::v3},
        istio::networking::nds::v1::{NameTable, name_table::NameInfo},
    };

    fn cluster(name: &str) -> Cluster {
        Cluster { name: name.to_owned(), alt_stat_name: "x".repeat(300), ..Default::default() }
    }

    #[test]
    fn the_bytes_are_those_of_the_messages() {
        let resource = Resource::new(TypeUrl::Cluster, "a", &cluster("a"));
        let delta = v3::Resource::decode(resource.delta_bytes()).unwrap();
        let expected = v3::Resource {
            name: "a".to_owned(),
            version: version_text(resource.version()),
            resource: Some(any(&cluster("a"))),
            ..Default::default()
        };
        assert_eq!(delta, expected);
        assert_eq!(resource.any_bytes(), any(&cluster("a")).encode_to_vec());
        assert_eq!(resource.decode::<Cluster>().unwrap(), cluster("a"));

        let response = v3::DeltaDiscoveryResponse { resources: vec![expected], ..Default::default() };
        assert_eq!(v3::DeltaDiscoveryResponse::decode(resource.delta_entry()).unwrap(), response);
        let response = v3::DiscoveryResponse { resources: vec![any(&cluster("a"))], ..Default::default() };
        assert_eq!(resource.state_entry(), response.encode_to_vec());
    }

    #[test]
    fn the_version_is_the_content() {
        let one = Resource::new(TypeUrl::Cluster, "a", &cluster("a"));
        assert_eq!(one, Resource::new(TypeUrl::Cluster, "a", &cluster("a")));
        assert_ne!(one.version(), Resource::new(TypeUrl::Cluster, "a", &cluster("b")).version());
        assert_eq!(parse_version(&version_text(one.version())), Some(one.version()));
        assert_eq!(parse_version("2026-01-01T00:00:00Z/7"), None);
        // Written down: it must not change from a release to the next, or every proxy would get all it has again.
        let empty = Resource::new(TypeUrl::Cluster, "", &Cluster::default());
        assert_eq!(version_text(empty.version()), "0235ed4218cda6ae");
    }

    #[test]
    fn equal_messages_are_equal_bytes() {
        let table = |names: &[&str]| NameTable {
            table: names.iter().map(|name| ((*name).to_owned(), NameInfo::default())).collect(),
        };
        let names: Vec<String> = (0..50).map(|number| format!("host-{number}")).collect();
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        let one = Resource::new(TypeUrl::NameTable, "", &table(&names));
        names.reverse();
        assert_eq!(one, Resource::new(TypeUrl::NameTable, "", &table(&names)));
    }
}
