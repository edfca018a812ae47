//! Translates issues into messages of Istio's analysis, which tools know.

use heddle_model::issue::{Issue, Severity};

use super::observed::{Message, MessageKind};

/// The documentation of Istio's messages.
const EXPLAINED: &str = "https://istio.io/latest/docs/reference/config/analysis";

/// The message of an issue. If Istio has no such message, it has our reason and no code.
pub(super) fn message(issue: &Issue) -> Message {
    let level = match issue.severity {
        Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
    };
    let known = known(issue);
    let (code, name) = known.unwrap_or(("", issue.reason));
    let explained = |(code, _): (&str, &str)| format!("{EXPLAINED}/{}/", code.to_lowercase());
    Message {
        kind: MessageKind { code: code.into(), name: name.into() },
        level: level.into(),
        documentation_url: known.map(explained).unwrap_or_default(),
    }
}

fn known(issue: &Issue) -> Option<(&'static str, &'static str)> {
    let (reason, severity) = (issue.reason, issue.severity);
    Some(match reason {
        "Deprecated" => ("IST0002", "Deprecated"),
        "UnknownSubset" | "UnknownHost" | "UnknownPort" | "UnknownGateway" | "MissingSecret" | "BadGateway" => {
            ("IST0101", "ReferencedResourceNotFound")
        }
        "HostNotOnGateway" => ("IST0132", "VirtualServiceHostNotFoundInGateway"),
        "EmptySubset" => ("IST0173", "DestinationRuleSubsetNotSelectPods"),
        "DuplicateSubset" | "DuplicateHost" | "DuplicatePort" | "DuplicatePolicy" | "PortConflict"
        | "DelegateConflict" => return None,
        _ if severity == Severity::Warning => ("IST0133", "SchemaWarning"),
        "Malformed" | "Exclusive" => ("IST0106", "SchemaValidationError"),
        _ if ["Bad", "Missing", "Invalid", "TooMany"].iter().any(|begin| reason.starts_with(begin)) => {
            ("IST0106", "SchemaValidationError")
        }
        _ => return None,
    })
}
