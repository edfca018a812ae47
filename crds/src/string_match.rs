//! How a string is compared.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How to match a string. Matching is case-sensitive unless the field that holds it says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "StringMatchFields", into = "StringMatchFields")]
pub enum StringMatch {
    /// Nothing is said (`{}`); for a header this means that it is present.
    #[default]
    Unset,
    /// The string is exactly this.
    Exact(String),
    /// The string begins with this.
    Prefix(String),
    /// The whole string matches this RE2 expression.
    Regex(String),
}

/// How to match a string. Set one of the fields; matching is case-sensitive.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct StringMatchFields {
    /// The string is exactly this.
    #[serde(skip_serializing_if = "Option::is_none")]
    exact: Option<String>,
    /// The string begins with this.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    /// The whole string matches this RE2 expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    regex: Option<String>,
}

impl From<StringMatchFields> for StringMatch {
    /// The reader has refused two that are set; see [`crate::oneof`].
    fn from(fields: StringMatchFields) -> Self {
        let StringMatchFields { exact, prefix, regex } = fields;
        exact
            .map(Self::Exact)
            .or_else(|| prefix.map(Self::Prefix))
            .or_else(|| regex.map(Self::Regex))
            .unwrap_or_default()
    }
}

impl From<StringMatch> for StringMatchFields {
    fn from(value: StringMatch) -> Self {
        let mut fields = Self::default();
        match value {
            StringMatch::Unset => {}
            StringMatch::Exact(text) => fields.exact = Some(text),
            StringMatch::Prefix(text) => fields.prefix = Some(text),
            StringMatch::Regex(text) => fields.regex = Some(text),
        }
        fields
    }
}
