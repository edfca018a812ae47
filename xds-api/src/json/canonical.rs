//! Encodes a dynamic message so that equal messages are equal bytes: prost-reflect keeps maps unsorted.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::{Message, encoding};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage, Value};

/// The bytes of the message, with map entries sorted by key, also inside of `Any`.
pub(super) fn encode(message: &DynamicMessage) -> Vec<u8> {
    let mut buffer = Vec::new();
    let opened = open_any(message);
    for (field, value) in opened.as_ref().unwrap_or(message).fields() {
        match value {
            Value::Map(entries) => encode_map(&field, entries.iter(), &mut buffer),
            Value::Message(one) => encode_length_delimited(field.number(), &encode(one), &mut buffer),
            Value::List(values) if matches!(field.kind(), Kind::Message(_)) => {
                for one in values.iter().filter_map(Value::as_message) {
                    encode_length_delimited(field.number(), &encode(one), &mut buffer);
                }
            }
            scalar => encode_alone(&field, scalar, &mut buffer),
        }
    }
    buffer
}

/// The `Any` with its content made canonical; `None` if it is no `Any`, or of an unknown type.
fn open_any(message: &DynamicMessage) -> Option<DynamicMessage> {
    if message.descriptor().full_name() != "google.protobuf.Any" {
        return None;
    }
    let url = message.get_field_by_number(1)?;
    let name = url.as_str()?.rsplit('/').next()?;
    let inner = message.descriptor().parent_pool().get_message_by_name(name)?;
    let inner = DynamicMessage::decode(inner, message.get_field_by_number(2)?.as_bytes()?.clone()).ok()?;
    let mut opened = message.clone();
    opened.try_set_field_by_number(2, Value::Bytes(Bytes::from(encode(&inner)))).ok()?;
    Some(opened)
}

fn encode_map<'a>(
    field: &FieldDescriptor,
    entries: impl Iterator<Item = (&'a MapKey, &'a Value)>,
    buffer: &mut Vec<u8>,
) {
    let Kind::Message(descriptor) = field.kind() else { return };
    let sorted: BTreeMap<_, _> = entries.collect();
    for (key, value) in sorted {
        let mut entry = DynamicMessage::new(descriptor.clone());
        let set = entry.try_set_field_by_number(1, key.clone().into());
        if set.and_then(|()| entry.try_set_field_by_number(2, value.clone())).is_ok() {
            encode_length_delimited(field.number(), &encode(&entry), buffer);
        }
    }
}

/// A scalar or a list of them, which has but one encoding.
fn encode_alone(field: &FieldDescriptor, value: &Value, buffer: &mut Vec<u8>) {
    let mut alone = DynamicMessage::new(field.parent_message().clone());
    if alone.try_set_field(field, value.clone()).is_ok() {
        buffer.extend(alone.encode_to_vec());
    }
}

fn encode_length_delimited(number: u32, value: &[u8], buffer: &mut Vec<u8>) {
    encoding::encode_key(number, encoding::WireType::LengthDelimited, buffer);
    encoding::encode_varint(value.len() as u64, buffer);
    buffer.extend_from_slice(value);
}
