//! What a list, a map and a message hold.

use std::slice;

use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::error::DecodeError;
use super::path::Path;
use super::reader::{Reader, Unknown};

/// The elements of a list, in order.
pub(super) struct Elements<'de, 'p> {
    rest: std::iter::Enumerate<slice::Iter<'de, Value>>,
    path: &'p Path<'p>,
    unknown: &'p Unknown,
}

/// The entries of a map, whose keys are the user's own.
pub(super) struct Members<'de, 'p> {
    rest: serde_json::map::Iter<'de>,
    value: Option<(&'de str, &'de Value)>,
    path: &'p Path<'p>,
    unknown: &'p Unknown,
}

/// The fields of a message that are set, under the names of the type.
pub(super) struct Fields<'de, 'p> {
    set: Vec<(&'static str, &'de Value)>,
    next: usize,
    path: &'p Path<'p>,
    unknown: &'p Unknown,
}

impl<'de, 'p> Elements<'de, 'p> {
    pub(super) fn new(elements: &'de [Value], path: &'p Path<'p>, unknown: &'p Unknown) -> Self {
        Self { rest: elements.iter().enumerate(), path, unknown }
    }
}

impl<'de> SeqAccess<'de> for Elements<'de, '_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        let Some((index, value)) = self.rest.next() else { return Ok(None) };
        let path = Path::Index(self.path, index);
        seed.deserialize(Reader::new(value, &path, self.unknown)).map(Some).map_err(|error| error.at(&path))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

impl<'de, 'p> Members<'de, 'p> {
    pub(super) fn new(members: &'de Map<String, Value>, path: &'p Path<'p>, unknown: &'p Unknown) -> Self {
        Self { rest: members.iter(), value: None, path, unknown }
    }
}

impl<'de> MapAccess<'de> for Members<'de, '_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some((key, value));
        let path = Path::Field(self.path, key);
        seed.deserialize(Key(key)).map(Some).map_err(|error| error.at(&path))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        let (key, value) = self.value.take().ok_or_else(|| DecodeError::new("a value before its key"))?;
        let path = Path::Field(self.path, key);
        seed.deserialize(Reader::new(value, &path, self.unknown)).map_err(|error| error.at(&path))
    }
}

impl<'de, 'p> Fields<'de, 'p> {
    /// Sorts an object's members into fields of the type and unknown ones; leaves out those that are `null`.
    pub(super) fn read(
        members: &'de Map<String, Value>,
        names: &'static [&'static str],
        path: &'p Path<'p>,
        unknown: &'p Unknown,
    ) -> Result<Self, DecodeError> {
        let mut set: Vec<(&'static str, &'de Value)> = Vec::with_capacity(members.len().min(names.len()));
        for (key, value) in members {
            let Some(name) = names.iter().copied().find(|name| is_spelling(key, name)) else {
                unknown.borrow_mut().push(Path::Field(path, key).to_string());
                continue;
            };
            if value.is_null() {
                continue;
            }
            if set.iter().any(|(other, _)| *other == name) {
                return Err(DecodeError::new("the field is set twice, in two spellings").at(&Path::Field(path, name)));
            }
            set.push((name, value));
        }
        Ok(Self { set, next: 0, path, unknown })
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.set.iter().any(|(name, _)| *name == field)
    }
}

impl<'de> MapAccess<'de> for Fields<'de, '_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        let Some((name, _)) = self.set.get(self.next) else { return Ok(None) };
        seed.deserialize((*name).into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        let (name, value) = *self.set.get(self.next).ok_or_else(|| DecodeError::new("a value before its key"))?;
        self.next += 1;
        let path = Path::Field(self.path, name);
        seed.deserialize(Reader::new(value, &path, self.unknown)).map_err(|error| error.at(&path))
    }
}

/// A map's key: a string in the document, which may be a number in the type (ports).
struct Key<'de>(&'de str);

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        // Rust's parser takes a sign, which protobuf's does not.
        let digits = Some(self.0).filter(|key| key.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(number) = digits.and_then(|key| key.parse().ok()) else {
            return Err(DecodeError::new("the key is not a whole number from 0 to 4294967295"));
        };
        visitor.visit_u32(number)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Whether `key` is `name` (lowerCamelCase) or the snake_case of it.
///
/// Upper-case letters of a name match `_` and the lower-case letter; protobuf drops an underscore before a digit, so
/// `consecutive_5xx_errors` is `consecutive5xxErrors`.
pub(crate) fn is_spelling(key: &str, name: &str) -> bool {
    if key == name {
        return true;
    }
    if !key.contains('_') {
        return false;
    }
    let mut joined = false;
    let mut letters = name.chars();
    for letter in key.chars() {
        if letter == '_' {
            if joined {
                return false;
            }
            joined = true;
            continue;
        }
        let want = if joined { letter.to_ascii_uppercase() } else { letter };
        joined = false;
        if letters.next() != Some(want) || letter.is_ascii_uppercase() {
            return false;
        }
    }
    !joined && letters.next().is_none()
}
