//! Messages inside `google.protobuf.Any`.

use prost::Name;

use crate::google::protobuf::Any;

/// The message with its type URL.
#[must_use]
pub fn any<M: Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec() }
}

/// The message inside, if it is of this type.
#[must_use]
pub fn unpack<M: Name + Default>(any: &Any) -> Option<M> {
    (any.type_url == M::type_url()).then(|| M::decode(any.value.as_slice()).ok()).flatten()
}
