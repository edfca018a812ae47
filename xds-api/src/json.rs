//! Messages as protobuf's JSON, both ways: what `config_dump` shows and what an EnvoyFilter holds.
//!
//! Every message of Envoy is known here, not only those with code. The output is sorted, the bytes are canonical.

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::Value;

use crate::google::protobuf::Any;

mod canonical;

/// Why a message could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It is of a type that we have no description of.
    #[error("unknown type {0}")]
    UnknownType(String),
    /// Its bytes are not of its type.
    #[error("{type_url}: {reason}")]
    Decode {
        /// Of the message.
        type_url: String,
        /// As prost says it.
        reason: String,
    },
    /// The JSON is not of its type, or something inside is of an unknown type.
    #[error("{type_url}: {reason}")]
    Json {
        /// Of the outermost message.
        type_url: String,
        /// Names the field or the type.
        reason: String,
    },
}

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    // A test decodes it; should it fail all the same, then every type is unknown.
    DescriptorPool::decode(crate::descriptor::ALL).unwrap_or_default()
});

/// The message as JSON: lowerCamel names, no defaults, each `Any` opened with its `@type` beside its fields.
///
/// # Errors
///
/// If the message, or one inside of it, is of an unknown type or not of the type that it says.
pub fn to_json(message: &Any) -> Result<Value, JsonError> {
    descriptor(&message.type_url)?;
    message_to_json(message)
}

/// A message of ours as JSON, without `@type`.
///
/// # Errors
///
/// If an `Any` inside is of an unknown type or not of the type that it says.
pub fn message_to_json<M: Name>(message: &M) -> Result<Value, JsonError> {
    let mut value = dynamic_to_json(&M::type_url(), &message.encode_to_vec())?;
    value.sort_all_objects();
    Ok(value)
}

/// The message that the JSON says, which may have an `@type` of its own. Names may be lowerCamel or as in the `.proto`;
/// an unknown field is an error.
///
/// # Errors
///
/// If the type is unknown or another than the JSON says, or the JSON is not of it.
pub fn from_json(type_url: &str, value: &Value) -> Result<Any, JsonError> {
    let wrong = |reason: String| JsonError::Json { type_url: type_url.to_owned(), reason };
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let inner = descriptor(type_url)?;
    let Some(sent) = value.get("@type").and_then(Value::as_str) else {
        let message = DynamicMessage::deserialize_with_options(inner, value, &options)
            .map_err(|error| wrong(error.to_string()))?;
        return Ok(Any { type_url: type_url.to_owned(), value: canonical::encode(&message) });
    };
    if descriptor(sent)? != inner {
        return Err(wrong(format!("@type is {sent}")));
    }
    let outer = descriptor(&Any::type_url())?;
    let any =
        DynamicMessage::deserialize_with_options(outer, value, &options).map_err(|error| wrong(error.to_string()))?;
    Any::decode(canonical::encode(&any).as_slice()).map_err(|error| undecodable(type_url, &error))
}

/// A message of ours from JSON.
///
/// # Errors
///
/// If the JSON is not of the type.
pub fn message_from_json<M: Name + Default>(value: &Value) -> Result<M, JsonError> {
    let any = from_json(&M::type_url(), value)?;
    M::decode(any.value.as_slice()).map_err(|error| undecodable(&any.type_url, &error))
}

/// Whether there is a message of that type URL.
#[must_use]
pub fn is_known(type_url: &str) -> bool {
    descriptor(type_url).is_ok()
}

fn dynamic_to_json(type_url: &str, bytes: &[u8]) -> Result<Value, JsonError> {
    let message =
        DynamicMessage::decode(descriptor(type_url)?, bytes).map_err(|error| undecodable(type_url, &error))?;
    message
        .serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new())
        .map_err(|error| JsonError::Json { type_url: type_url.to_owned(), reason: error.to_string() })
}

fn descriptor(type_url: &str) -> Result<MessageDescriptor, JsonError> {
    let name = type_url.rsplit('/').next().unwrap_or_default();
    POOL.get_message_by_name(name).ok_or_else(|| JsonError::UnknownType(type_url.to_owned()))
}

fn undecodable(type_url: &str, error: &prost::DecodeError) -> JsonError {
    JsonError::Decode { type_url: type_url.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests;
