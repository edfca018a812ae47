//! Limits and rules that types cannot say, by the place where they hold.
//!
//! A place is `Type`, `Type.field`, `Type.field[]` for the elements of a list or `Type.field{}` for the values of a
//! map; `spec:Kind` holds for the spec of a kind but not where its type is used within another. The rules in CEL
//! repeat what [`crate::validate`] says, so that the API server refuses it even where no webhook runs.

mod networking;
mod policy;

use serde_json::{Value, json};

/// Places with what holds there.
pub(super) type Limits = Vec<(&'static str, Value)>;

/// All limits.
pub(super) fn all() -> Limits {
    let mut limits = policy::limits();
    limits.extend(networking::limits());
    limits
}

/// A rule in CEL, with what is said when it is broken.
fn rule(message: &str, rule: &str) -> Value {
    json!({ "x-kubernetes-validations": [{ "message": message, "rule": rule }] })
}

/// Several rules.
fn rules(rules: &[(&str, &str)]) -> Value {
    let rules: Vec<Value> = rules.iter().map(|(message, rule)| json!({ "message": message, "rule": rule })).collect();
    json!({ "x-kubernetes-validations": rules })
}

/// Fields that must be there.
fn required(fields: &[&str]) -> Value {
    json!({ "required": fields })
}

/// The rule of a port that must not be 0 where it is set.
pub(super) const PORT: &str = "0 < self && self <= 65535";

/// A port that must be set.
fn port() -> Value {
    rule("port must be between 1-65535", PORT)
}

/// A text that must not be empty.
fn not_empty() -> Value {
    json!({ "minLength": 1 })
}
