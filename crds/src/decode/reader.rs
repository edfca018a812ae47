//! The deserializer: one value, its place, and the list of what was not understood.

use std::cell::RefCell;

use serde::de::value::StrDeserializer;
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde_json::Value;

use super::entries::{Elements, Fields, Members};
use super::error::DecodeError;
use super::path::Path;
use super::scalar;
use crate::oneof;

/// The paths of fields that no type has.
pub(super) type Unknown = RefCell<Vec<String>>;

/// Reads one value.
#[derive(Clone, Copy)]
pub(super) struct Reader<'de, 'p> {
    value: &'de Value,
    path: &'p Path<'p>,
    unknown: &'p Unknown,
}

impl<'de, 'p> Reader<'de, 'p> {
    pub(super) fn new(value: &'de Value, path: &'p Path<'p>, unknown: &'p Unknown) -> Self {
        Self { value, path, unknown }
    }

    fn wanted(&self, what: &str) -> DecodeError {
        DecodeError::new(format_args!("expected {what}, found {}", scalar::describe(self.value))).at(self.path)
    }

    fn object(&self, what: &str) -> Result<&'de serde_json::Map<String, Value>, DecodeError> {
        self.value.as_object().ok_or_else(|| self.wanted(what))
    }
}

/// A whole number goes to the visitor as `u64` or `i64`; the visitor checks the range of its own type.
macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            match scalar::integer(self.value) {
                Some(scalar::Integer::Unsigned(number)) => visitor.visit_u64(number),
                Some(scalar::Integer::Signed(number)) => visitor.visit_i64(number),
                None => Err(self.wanted("a whole number")),
            }
            .map_err(|error: DecodeError| error.at(self.path))
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de, '_> {
    type Error = DecodeError;

    integers! {
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::String(value) => visitor.visit_borrowed_str(value),
            Value::Number(number) => {
                self.value.deserialize_any(visitor).map_err(|error| DecodeError::new(format_args!("{number}: {error}")))
            }
            Value::Array(_) => return self.deserialize_seq(visitor),
            Value::Object(_) => return self.deserialize_map(visitor),
        }
        .map_err(|error| error.at(self.path))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.value {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::String(text) => match scalar::yes_or_no(text) {
                Some(value) => visitor.visit_bool(value),
                None => Err(self.wanted("true or false")),
            },
            _ => Err(self.wanted("true or false")),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match scalar::float(self.value) {
            Some(number) => visitor.visit_f64(number),
            None => Err(self.wanted("a number")),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.value {
            Value::String(value) => visitor.visit_borrowed_str(value).map_err(|error: DecodeError| error.at(self.path)),
            _ => Err(self.wanted("a string")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let Value::Array(elements) = self.value else { return Err(self.wanted("a list")) };
        visitor
            .visit_seq(Elements::new(elements, self.path, self.unknown))
            .map_err(|error: DecodeError| error.at(self.path))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let members = self.object("a map")?;
        visitor
            .visit_map(Members::new(members, self.path, self.unknown))
            .map_err(|error: DecodeError| error.at(self.path))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let fields = Fields::read(self.object("an object")?, fields, self.path, self.unknown)?;
        if let Some((first, second)) = oneof::conflict(name, |field| fields.has(field)) {
            let reason = format_args!("only one of {first} and {second} may be set");
            return Err(DecodeError::new(reason).at(self.path));
        }
        visitor.visit_map(fields).map_err(|error: DecodeError| error.at(self.path))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let Value::String(name) = self.value else { return Err(self.wanted("the name of an enum's value")) };
        if !variants.contains(&name.as_str()) {
            let reason = format_args!("unknown value {name:?}, expected one of {}", variants.join(", "));
            return Err(DecodeError::new(reason).at(self.path));
        }
        let name: StrDeserializer<'de, DecodeError> = name.as_str().into_deserializer();
        visitor.visit_enum(name)
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}
