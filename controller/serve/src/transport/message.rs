//! Responses as bytes: what all proxies share is not copied.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use heddle_xds_api::{TypeUrl, subscription::Nonce};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

/// Fields of both kinds of response that have the same number in both.
const VERSION: u32 = 1;
const TYPE_URL: u32 = 4;
const NONCE: u32 = 5;
/// `removed_resources` of a delta response.
const REMOVED: u32 = 6;

/// A gRPC message is preceded by a byte for compression and four for its length.
const PREFIX: usize = 5;

/// Resources smaller than this are copied: a frame for each would cost more.
const COPIED: usize = 512;
/// What goes into one frame of HTTP/2. Of a response that does all resources are copied.
pub(crate) const FRAME: usize = 16 * 1024;

/// A message with its prefix, in pieces, some of them shared with other streams.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) pieces: VecDeque<Bytes>,
    /// Of all pieces, in bytes.
    pub(crate) length: usize,
}

impl Message {
    /// A message that nobody shares; `None` if it is larger than gRPC can say.
    pub(crate) fn of(message: &impl prost::Message) -> Option<Self> {
        let mut buffer = BytesMut::new();
        buffer.put_u8(0);
        buffer.put_u32(u32::try_from(message.encoded_len()).ok()?);
        message.encode(&mut buffer).ok()?;
        let bytes = buffer.freeze();
        Some(Self { length: bytes.len(), pieces: [bytes].into() })
    }
}

/// What a response says.
pub(crate) struct Response<'a> {
    pub(crate) type_url: TypeUrl,
    /// Of the mesh; its number is the version.
    pub(crate) revision: u64,
    pub(crate) nonce: Nonce,
    pub(crate) removed: &'a [std::sync::Arc<str>],
    /// The resources, each with its key and length.
    pub(crate) entries: Vec<Bytes>,
}

impl Response<'_> {
    /// Encodes it; `None` if it is larger than gRPC can say.
    pub(crate) fn encode(&self) -> Option<Message> {
        let type_url = self.type_url.as_str();
        let (version, nonce) = (&*self.revision.to_string(), &*self.nonce.to_string());
        let removed: usize = self.removed.iter().map(|name| field_length(REMOVED, name)).sum();
        let body = field_length(VERSION, version)
            + field_length(TYPE_URL, type_url)
            + self.entries.iter().map(Bytes::len).sum::<usize>()
            + removed
            + field_length(NONCE, nonce);

        let copied = if PREFIX + body <= FRAME { FRAME } else { COPIED };
        let shared = self.entries.iter().map(Bytes::len).filter(|length| *length >= copied);
        let (count, bytes) = shared.fold((0, 0), |(count, bytes), length| (count + 1, bytes + length));
        let mut pieces = VecDeque::with_capacity(2 * count + 1);
        let mut buffer = BytesMut::with_capacity(PREFIX + body - bytes);
        buffer.put_u8(0);
        buffer.put_u32(u32::try_from(body).ok()?);
        field(VERSION, version, &mut buffer);
        field(TYPE_URL, type_url, &mut buffer);
        for entry in &self.entries {
            if entry.len() < copied {
                buffer.put_slice(entry);
            } else {
                if !buffer.is_empty() {
                    pieces.push_back(buffer.split().freeze());
                }
                pieces.push_back(entry.clone());
            }
        }
        for name in self.removed {
            field(REMOVED, name, &mut buffer);
        }
        field(NONCE, nonce, &mut buffer);
        pieces.push_back(buffer.freeze());
        Some(Message { pieces, length: PREFIX + body })
    }
}

fn field(number: u32, text: &str, buffer: &mut BytesMut) {
    encode_key(number, WireType::LengthDelimited, buffer);
    encode_varint(text.len() as u64, buffer);
    buffer.put_slice(text.as_bytes());
}

fn field_length(number: u32, text: &str) -> usize {
    key_len(number) + encoded_len_varint(text.len() as u64) + text.len()
}

#[cfg(test)]
mod tests {
    use heddle_xds_api::{
        Resource,
        envoy::{
            config::cluster::v3::Cluster,
            service::discovery::v3::{DeltaDiscoveryResponse, DiscoveryResponse},
        },
    };
    use prost::Message as _;

    use super::*;

    fn bytes(message: Message) -> Vec<u8> {
        let all = Vec::from(message.pieces).concat();
        assert_eq!(all.len(), message.length);
        assert_eq!(u32::from_be_bytes(all[1..5].try_into().unwrap()) as usize + 5, all.len());
        all[5..].to_vec()
    }

    #[test]
    fn both_responses_read_back() {
        let cluster = |name: &str, size: usize| {
            let message = Cluster { alt_stat_name: "x".repeat(size), ..Default::default() };
            Resource::new(TypeUrl::Cluster, name, &message)
        };
        let resources = [cluster("a", 10), cluster("b", 10_000), cluster("c", 20_000), cluster("d", 10)];
        let removed = ["gone".into()];
        let mut response = Response {
            type_url: TypeUrl::Cluster,
            revision: 7,
            nonce: Nonce::default().next(),
            removed: &removed,
            entries: resources.iter().map(Resource::delta_entry).collect(),
        };
        let delta = DeltaDiscoveryResponse::decode(bytes(response.encode().unwrap()).as_slice()).unwrap();
        let names: Vec<&str> = delta.resources.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        assert_eq!(delta.type_url, TypeUrl::Cluster.as_str());
        assert_eq!((delta.system_version_info.as_str(), delta.nonce.as_str()), ("7", "1"));
        assert_eq!(delta.removed_resources, ["gone"]);

        (response.removed, response.entries) = (&[], resources.iter().map(Resource::state_entry).collect());
        let state = DiscoveryResponse::decode(bytes(response.encode().unwrap()).as_slice()).unwrap();
        let anys: Vec<_> = resources.iter().map(Resource::to_any).collect();
        assert_eq!((state.resources, state.version_info.as_str(), state.nonce.as_str()), (anys, "7", "1"));
    }

    #[test]
    fn what_fits_into_a_frame_is_one_piece_and_what_does_not_is_shared() {
        let pieces = |sizes: &[usize]| {
            let entries = sizes.iter().map(|size| vec![1; *size].into()).collect();
            let (type_url, nonce) = (TypeUrl::Endpoint, Nonce::default().next());
            let message = Response { type_url, revision: 7, nonce, removed: &[], entries }.encode().unwrap();
            assert_eq!(message.pieces.iter().map(Bytes::len).sum::<usize>(), message.length);
            (message.pieces.len(), message.length)
        };
        let (_, rest) = pieces(&[0]);
        assert_eq!(pieces(&[600, 3000, 600]), (1, 4200 + rest));
        assert_eq!(pieces(&[FRAME - rest]), (1, FRAME));
        assert_eq!(pieces(&[FRAME - rest + 1]).0, 3);
        assert_eq!(pieces(&[FRAME, 600, 500, 600]).0, 6);
    }
}
