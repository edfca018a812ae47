//! Parses one document within a budget.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Budget, split};

/// The longest reason, in characters: it may quote the text.
const MAX_REASON: usize = 300;

/// Which types plain scalars such as `yes`, `off` and `0777` have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// The core schema of YAML 1.2: `yes` is a string. Where a boolean is expected, the type takes it for one. So a
    /// label may say `country: no`.
    Core,
    /// The types of YAML 1.1, as `kubectl` reads a file before it sends anything: `yes` is a boolean, `0777` is octal.
    Yaml11,
}

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Line of the text, from 1.
    pub line: usize,
    /// Reason, in one line.
    pub reason: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for Unreadable {}

/// Parses one document into any type.
///
/// # Errors
/// Says the line and the reason, which may be the limit that the text exceeds.
pub fn parse<T: DeserializeOwned>(text: &str, schema: Schema, budget: &Budget) -> Result<T, Unreadable> {
    if text.len() > budget.bytes {
        return Err(Unreadable { line: 1, reason: format!("the text has more than {} bytes", budget.bytes) });
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: budget.depth,
            max_documents: 1,
            max_nodes: budget.nodes,
            max_events: budget.nodes.saturating_mul(3),
            max_aliases: budget.aliases,
            max_anchors: budget.aliases,
            max_total_scalar_bytes: budget.bytes,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: budget.replayed_events,
            max_replay_stack_depth: 16,
        },
        strict_booleans: schema == Schema::Core,
        legacy_octal_numbers: schema == Schema::Yaml11,
        emit_comments: false,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::AsString,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        let message = error.without_snippet().to_string();
        let reason = message.lines().next().unwrap_or_default();
        let reason = reason.rsplit_once(" at line ").map_or(reason, |(before, _)| before);
        Unreadable { line: usize::try_from(line).unwrap_or(1), reason: reason.chars().take(MAX_REASON).collect() }
    })
}

/// Parses one document as JSON; a text without content is `null`.
///
/// # Errors
/// Says the line and the reason, which may be the limit that the text exceeds.
pub fn value(text: &str, schema: Schema, budget: &Budget) -> Result<Value, Unreadable> {
    if text.lines().any(split::has_content) { parse(text, schema, budget) } else { Ok(Value::Null) }
}
