//! Envoy's own rules for the fields of its messages, checked before a message is sent.
//!
//! Envoy refuses a whole resource for one value that breaks a rule. The rules are the `validate.rules` of its `.proto`
//! files; `tests/regenerate.rs` writes them into `gen/rules.rs`, with a few that Envoy has in code only. The check
//! walks over the encoded message once and allocates nothing unless a rule is broken.

mod number;
mod text;

use std::fmt;

use prost::encoding::{self, WireType};

use crate::TypeUrl;

#[rustfmt::skip]
#[allow(clippy::all, clippy::pedantic, reason = "written by tests/regenerate.rs")]
mod table {
    include!("../gen/rules.rs");
}

/// A rule that a message breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The way to the field, from the outermost message on.
    pub steps: Vec<Step>,
    /// What is wrong with its value.
    pub reason: String,
}

/// A field on the way to the one that breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name in the `.proto` file.
    pub field: &'static str,
    /// Which element, where the field has many.
    pub index: Option<usize>,
}

/// The rules of a message.
#[derive(Debug)]
struct Message {
    name: &'static str,
    /// Sorted by number; those without a rule, in which there is none either, are left out. At most 64.
    fields: &'static [Field],
    /// Sets of fields of which one must be there, a bit for each by its place, with the name of the choice.
    choices: &'static [(&'static str, u64)],
}

/// The rules of a field.
#[derive(Debug)]
struct Field {
    number: u32,
    name: &'static str,
    /// Whether the message breaks a rule without it.
    required: bool,
    /// How many elements it has; none for a field that has one value.
    items: Option<Items>,
    rule: Rule,
}

/// How many elements a field may have.
#[derive(Debug)]
struct Items {
    least: usize,
    most: usize,
    unique: bool,
}

/// What holds for a value.
#[derive(Debug)]
enum Rule {
    /// Anything.
    Free,
    Text(text::Text),
    /// A number of varint encoding; `true` where it is signed.
    Number(number::Range, bool),
    Real(number::Reals),
    /// A `google.protobuf.Duration`, in nanoseconds.
    Duration(number::Range),
    /// The value of a wrapper, such as `google.protobuf.UInt32Value`.
    Wrapped(&'static Rule),
    Message(&'static Message),
    /// The message inside of a `google.protobuf.Any`, where its type is known.
    Any,
}

/// A value as it is encoded.
#[derive(Clone, Copy)]
enum Value<'a> {
    Varint(u64),
    Float(f64),
    Bytes(&'a [u8]),
}

/// Checks an encoded message of a type.
///
/// # Errors
/// The first rule that it breaks.
pub(crate) fn check(type_url: TypeUrl, message: &[u8]) -> Result<(), Broken> {
    named(type_url.as_str()).map_or(Ok(()), |rules| rules.check(message))
}

/// The rules of the message that a type URL names.
fn named(type_url: &str) -> Option<&'static Message> {
    let (_, name) = type_url.rsplit_once('/')?;
    let at = table::MESSAGES.binary_search_by_key(&name, |message| message.name).ok()?;
    table::MESSAGES.get(at).copied()
}

impl Message {
    fn check(&self, message: &[u8]) -> Result<(), Broken> {
        let (mut rest, mut seen) = (message, 0_u64);
        while let Some((number, value)) = take(&mut rest) {
            let Ok(at) = self.fields.binary_search_by_key(&number, |field| field.number) else { continue };
            seen |= 1 << at;
            let Some(field) = self.fields.get(at) else { continue };
            field.rule.check(value).map_err(|broken| {
                let before = message.len() - rest.len();
                broken.within(field, || count(&message[..before], number).saturating_sub(1))
            })?;
        }
        self.check_presence(message, seen)
    }

    fn check_presence(&self, message: &[u8], seen: u64) -> Result<(), Broken> {
        for (at, field) in self.fields.iter().enumerate() {
            let is_seen = seen & 1 << at != 0;
            if field.required && !is_seen {
                return Err(Broken::new("must not be left out").within(field, || 0));
            }
            match &field.items {
                Some(items) if is_seen => items.check(message, field)?,
                _ => {}
            }
        }
        match self.choices.iter().find(|(_, of)| seen & of == 0) {
            Some((name, _)) => Err(Broken::new(format!("must have one choice of {name}"))),
            None => Ok(()),
        }
    }
}

impl Items {
    fn check(&self, message: &[u8], field: &Field) -> Result<(), Broken> {
        if self.least <= 1 && self.most == usize::MAX && !self.unique {
            return Ok(());
        }
        let reason = match count(message, field.number) {
            few if few < self.least => format!("has {few} elements, less than {}", self.least),
            many if many > self.most => format!("has {many} elements, more than {}", self.most),
            _ if self.unique && repeats(message, field.number) => "has an element twice".to_owned(),
            _ => return Ok(()),
        };
        Err(Broken { steps: vec![Step { field: field.name, index: None }], reason })
    }
}

impl Rule {
    fn check(&self, value: Value<'_>) -> Result<(), Broken> {
        match (self, value) {
            (Self::Text(rule), Value::Bytes(text)) => rule.check(text).map_err(Broken::new),
            (Self::Number(range, signed), Value::Varint(number)) => {
                range.check(number::of_varint(number, *signed)).map_err(Broken::new)
            }
            // Elements of one number each, packed.
            (Self::Number(..), Value::Bytes(mut packed)) => {
                while let Ok(number) = encoding::decode_varint(&mut packed) {
                    self.check(Value::Varint(number))?;
                }
                Ok(())
            }
            (Self::Real(range), Value::Float(number)) => range.check(number).map_err(Broken::new),
            (Self::Duration(range), Value::Bytes(message)) => range.check(nanoseconds(message)).map_err(Broken::new),
            (Self::Wrapped(rule), Value::Bytes(message)) => rule.check(wrapped(message, rule)),
            (Self::Message(rules), Value::Bytes(message)) => rules.check(message),
            (Self::Any, Value::Bytes(any)) => any_inside(any),
            _ => Ok(()),
        }
    }
}

impl Broken {
    fn new(reason: impl Into<String>) -> Self {
        Self { steps: Vec::new(), reason: reason.into() }
    }

    /// The same, told from the message that has this field.
    fn within(mut self, field: &Field, index: impl FnOnce() -> usize) -> Self {
        self.steps.insert(0, Step { field: field.name, index: field.items.as_ref().map(|_| index()) });
        self
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.steps.iter().enumerate() {
            write!(f, "{}{}", if at > 0 { "." } else { "" }, step.field)?;
            if let Some(index) = step.index {
                write!(f, "[{index}]")?;
            }
        }
        write!(f, "{}{}", if self.steps.is_empty() { "" } else { " " }, self.reason)
    }
}

/// Takes a field from the start of a message. None at its end; our own messages are never malformed.
fn take<'a>(rest: &mut &'a [u8]) -> Option<(u32, Value<'a>)> {
    if rest.is_empty() {
        return None;
    }
    let (number, wire) = encoding::decode_key(rest).ok()?;
    let value = match wire {
        WireType::Varint => Value::Varint(encoding::decode_varint(rest).ok()?),
        WireType::SixtyFourBit => Value::Float(f64::from_le_bytes(*split(rest, 8)?.first_chunk()?)),
        WireType::ThirtyTwoBit => Value::Float(f32::from_le_bytes(*split(rest, 4)?.first_chunk()?).into()),
        WireType::LengthDelimited => {
            let length = usize::try_from(encoding::decode_varint(rest).ok()?).ok()?;
            Value::Bytes(split(rest, length)?)
        }
        WireType::StartGroup | WireType::EndGroup => return None,
    };
    Some((number, value))
}

fn split<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

fn fields(mut message: &[u8]) -> impl Iterator<Item = (u32, Value<'_>)> {
    std::iter::from_fn(move || take(&mut message))
}

fn count(message: &[u8], number: u32) -> usize {
    fields(message).filter(|(found, _)| *found == number).count()
}

fn repeats(message: &[u8], number: u32) -> bool {
    let mut elements: Vec<&[u8]> = fields(message)
        .filter_map(|(found, value)| match value {
            Value::Bytes(bytes) if found == number => Some(bytes),
            _ => None,
        })
        .collect();
    elements.sort_unstable();
    elements.windows(2).any(|pair| pair[0] == pair[1])
}

fn nanoseconds(duration: &[u8]) -> i64 {
    let part = |value| if let Value::Varint(number) = value { number::of_varint(number, true) } else { 0 };
    fields(duration).fold(0_i64, |sum, (number, value)| match number {
        1 => sum.saturating_add(part(value).saturating_mul(1_000_000_000)),
        2 => sum.saturating_add(part(value)),
        _ => sum,
    })
}

/// The value of a wrapper; what is not encoded is the default.
fn wrapped<'a>(message: &'a [u8], rule: &Rule) -> Value<'a> {
    let default = match rule {
        Rule::Number(..) => Value::Varint(0),
        Rule::Real(_) => Value::Float(0.0),
        _ => Value::Bytes(&[]),
    };
    fields(message).find(|(number, _)| *number == 1).map_or(default, |(_, value)| value)
}

fn any_inside(any: &[u8]) -> Result<(), Broken> {
    let part = |wanted| {
        let found = fields(any).find(|(number, _)| *number == wanted);
        found.map_or(&[][..], |(_, value)| if let Value::Bytes(bytes) = value { bytes } else { &[] })
    };
    let rules = std::str::from_utf8(part(1)).ok().and_then(named);
    rules.map_or(Ok(()), |rules| rules.check(part(2)))
}

#[cfg(test)]
mod tests;
