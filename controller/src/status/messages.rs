//! Translates issues into messages of Istio's analysis, which tools know.

use heddle_model::issue::{Issue, Severity};

use super::observed::{Message, MessageKind};

/// The message of an issue. If Istio has no such message, it has our reason and no code.
pub(super) fn message(issue: &Issue) -> Message {
    let level = match issue.severity {
        Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
    };
    let known = code(issue).and_then(heddle_analyze::Message::of);
    let (code, name) = known.map_or(("", issue.reason), |known| (known.code, known.name));
    Message {
        kind: MessageKind { code: code.into(), name: name.into() },
        level: level.into(),
        documentation_url: known.map(heddle_analyze::Message::url).unwrap_or_default(),
    }
}

/// The code of the message that says the same.
fn code(issue: &Issue) -> Option<&'static str> {
    let (reason, severity) = (issue.reason, issue.severity);
    Some(match reason {
        "Deprecated" => "IST0002",
        "UnknownSubset" | "UnknownHost" | "UnknownPort" | "UnknownGateway" | "MissingSecret" | "BadGateway" => {
            "IST0101"
        }
        "HostNotOnGateway" => "IST0132",
        "EmptySubset" => "IST0173",
        "DuplicateSubset" | "DuplicateHost" | "DuplicatePort" | "DuplicatePolicy" | "PortConflict"
        | "DelegateConflict" => return None,
        _ if severity == Severity::Warning => "IST0133",
        "Malformed" | "Exclusive" => "IST0106",
        _ if ["Bad", "Missing", "Invalid", "TooMany"].iter().any(|begin| reason.starts_with(begin)) => "IST0106",
        _ => return None,
    })
}
