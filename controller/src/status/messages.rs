//! Translates issues into messages of Istio's analysis, which tools know.

use heddle_model::issue::Issue;

use super::observed::{Message, MessageKind};

/// The message of an issue. If Istio has no such message, it has our reason and no code.
pub(super) fn message(issue: &Issue) -> Message {
    let message = heddle_analyze::Message::of_issue(issue);
    let code = if message.is_of_istio() { message.code } else { "" };
    Message {
        kind: MessageKind { code: code.into(), name: message.name.into() },
        level: message.level.name().to_ascii_uppercase(),
        documentation_url: message.url(),
    }
}
