//! Where the parts of a document are written, so that a finding can say the line and not only the field.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// A part of a document: its line, and its own parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    line: usize,
    parts: PositionParts,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PositionParts {
    None,
    Items(Vec<Position>),
    Fields(Vec<(String, Position)>),
}

impl Position {
    /// The line, from 1, of the field at a path such as `spec.http[0].route`; where it is not written, of the nearest
    /// part around it that is.
    #[must_use]
    pub fn line_of(&self, path: &str) -> usize {
        self.step(path).map_or(self.line, |(part, rest)| part.line_of(rest))
    }

    /// The part at the beginning of a path, and the rest of the path.
    fn step<'a>(&self, path: &'a str) -> Option<(&Self, &'a str)> {
        let path = path.strip_prefix('.').unwrap_or(path);
        match &self.parts {
            PositionParts::None => None,
            PositionParts::Items(items) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                Some((items.get(index.parse::<usize>().ok()?)?, rest))
            }
            // A name may have dots itself, as those of labels do: the longest counts.
            PositionParts::Fields(fields) => {
                let fitting = fields.iter().filter_map(|(name, part)| Some((part, after(path, name)?)));
                fitting.min_by_key(|(_, rest)| rest.len())
            }
        }
    }

    /// The position in the whole file, whose document began at a line.
    pub(crate) fn below(mut self, line: usize) -> Self {
        self.move_by(line.saturating_sub(1));
        self
    }

    fn move_by(&mut self, lines: usize) {
        self.line += lines;
        match &mut self.parts {
            PositionParts::None => {}
            PositionParts::Items(items) => items.iter_mut().for_each(|item| item.move_by(lines)),
            PositionParts::Fields(fields) => fields.iter_mut().for_each(|(_, field)| field.move_by(lines)),
        }
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Spanned::<PositionParts>::deserialize(deserializer)?;
        Ok(Self { line: line(read.referenced.line()), parts: read.value })
    }
}

impl<'de> Deserialize<'de> for PositionParts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartsVisitor)
    }
}

struct PartsVisitor;

/// Scalars have no parts, whatever they say.
macro_rules! scalars {
    ($($method:ident: $type:ty),*) => {
        $(fn $method<E>(self, _: $type) -> Result<PositionParts, E> {
            Ok(PositionParts::None)
        })*
    };
}

impl<'de> Visitor<'de> for PartsVisitor {
    type Value = PositionParts;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a document")
    }

    scalars! {
        visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128, visit_f64: f64,
        visit_str: &str
    }

    fn visit_unit<E>(self) -> Result<PositionParts, E> {
        Ok(PositionParts::None)
    }

    fn visit_none<E>(self) -> Result<PositionParts, E> {
        Ok(PositionParts::None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<PositionParts, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(PositionParts::Items(items))
    }

    /// A field is where its name is; its content may begin a line below.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PositionParts, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<Spanned<String>>()? {
            let position: Position = map.next_value()?;
            fields.push((name.value, Position { line: line(name.referenced.line()), ..position }));
        }
        Ok(PositionParts::Fields(fields))
    }
}

/// What of a path comes after a field's name, if it begins with it.
fn after<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    path.strip_prefix(name).filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn line(line: u64) -> usize {
    usize::try_from(line).unwrap_or(usize::MAX)
}
