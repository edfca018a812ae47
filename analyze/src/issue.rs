//! Issues of the control plane as findings. It finds them when it ingests the objects and follows their references, and
//! an analyzer may have found the same.

use std::sync::Arc;

use heddle_model::issue::{Issue, Severity};
use heddle_model::object::{Kind, ObjectRef};

use crate::finding::{Finding, Findings};
use crate::message::{Level, Message};
use crate::object::Identity;
use crate::world::World;

impl Message {
    /// The message of an issue: Istio's, where it has one of this meaning. Otherwise the reason word is the code.
    #[must_use]
    pub fn of_issue(issue: &Issue) -> Self {
        let level = match issue.severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
        };
        let own = Self { code: issue.reason, level, name: issue.reason, template: "{}" };
        code(issue).and_then(Self::of).copied().unwrap_or(own)
    }
}

/// Reasons that have no code of Istio, whatever they begin with.
const OWN: [&str; 9] = [
    "DelegateConflict",
    "DuplicateHost",
    "DuplicatePolicy",
    "DuplicatePort",
    "DuplicateSubset",
    "NotSupported",
    "Overruled",
    "PortConflict",
    "Rejected",
];

/// Adds the issues of the world that no analyzer has found.
pub(crate) fn check(world: &World, findings: &mut Findings) {
    for issue in &world.issues {
        let (object, message) = (identity(world, &issue.object), Message::of_issue(issue));
        findings.add_issue(Finding { message, object, path: issue.field.clone(), text: issue.message.clone() });
    }
}

/// What names the object in the world. An object of a kind that no analyzer reads is only named.
fn identity(world: &World, object: &ObjectRef) -> Arc<Identity> {
    let known = world.identity(object.kind.name(), object.kind.group(), &object.namespace, &object.name);
    known.unwrap_or_else(|| {
        Arc::new(Identity {
            namespace: object.namespace.to_string(),
            name: object.name.to_string(),
            kind: object.kind.name(),
            group: object.kind.group(),
            is_namespace_written: true,
            suppressed: Vec::new(),
            is_assumed: false,
        })
    })
}

/// The code of Istio's message that says the same.
fn code(issue: &Issue) -> Option<&'static str> {
    let (reason, kind) = (issue.reason, issue.object.kind);
    Some(match (reason, kind) {
        ("Deprecated", _) => "IST0002",
        ("UnknownPort", Kind::Gateway) => "IST0162",
        ("UnknownHost", Kind::DestinationRule) => "IST0174",
        ("UnknownSubset" | "UnknownHost" | "UnknownPort" | "UnknownGateway" | "MissingSecret" | "BadGateway", _)
        | ("NoWorkloads", Kind::Gateway | Kind::Sidecar) => "IST0101",
        ("NoWorkloads", _) => "IST0127",
        ("HostNotOnGateway", _) => "IST0132",
        ("EmptySubset", _) => "IST0173",
        ("Overruled", Kind::Sidecar) if issue.field.is_empty() => "IST0111",
        ("Overruled", Kind::Sidecar) => "IST0110",
        ("Malformed" | "Exclusive", _) => "IST0106",
        _ if OWN.contains(&reason) => return None,
        _ if issue.severity == Severity::Warning => "IST0133",
        _ if ["Bad", "Missing", "Invalid", "TooMany"].iter().any(|begin| reason.starts_with(begin)) => "IST0106",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{AddOptions, analyze, analyzers};

    fn world(issues: Vec<Issue>) -> World {
        let mut world = World::default().with_issues(issues);
        let route = json!({"route": [{"destination": {"host": "gone"}}]});
        let object = json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"namespace": "shop", "name": "web",
                "annotations": {"galley.istio.io/analyze-suppress": "NotSupported"}},
            "spec": {"hosts": ["web"], "http": [route]}});
        world.add(&object, AddOptions { namespace: "shop", is_assumed: false });
        world
    }

    fn found(issues: Vec<Issue>) -> Vec<String> {
        let findings = analyze(&world(issues), &analyzers());
        findings.iter().map(|one| format!("{} {} {}", one.message.code, one.message.level, one.path)).collect()
    }

    #[test]
    fn an_issue_is_added_unless_an_analyzer_found_it() {
        let object = |kind: Kind| Arc::new(ObjectRef::new(kind, "shop", "web"));
        let issue = |kind: Kind, field: &str, reason| Issue::error(&object(kind), field, reason, "it is wrong");
        let host = "spec.http[0].route[0].destination.host";
        let alone = found(Vec::new());
        assert_eq!(alone, [format!("IST0101 Error {host}")]);
        let of_route = |reason| issue(Kind::VirtualService, host, reason);
        assert_eq!(found(vec![of_route("UnknownHost")]), alone);
        let all = found(vec![issue(Kind::PeerAuthentication, "", "Overruled"), of_route("UnknownHost")]);
        assert_eq!(all, [alone[0].as_str(), "Overruled Error "]);
        // The annotation of the object suppresses a code that is no code of Istio.
        assert_eq!(found(vec![issue(Kind::VirtualService, "spec.http[0].match", "NotSupported")]), alone);
    }

    #[test]
    fn codes_are_istios_where_it_has_one() {
        let of = |kind: Kind, reason| {
            let object = Arc::new(ObjectRef::new(kind, "shop", "web"));
            Message::of_issue(&Issue::error(&object, "spec", reason, "")).code
        };
        assert_eq!((of(Kind::Gateway, "UnknownPort"), of(Kind::VirtualService, "UnknownPort")), ("IST0162", "IST0101"));
        assert_eq!(
            (of(Kind::Sidecar, "Overruled"), of(Kind::PeerAuthentication, "Overruled")),
            ("IST0110", "Overruled")
        );
        assert_eq!((of(Kind::Telemetry, "NotSupported"), of(Kind::Gateway, "BadHost")), ("NotSupported", "IST0106"));
    }
}
