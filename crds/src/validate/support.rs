//! Kinds that Heddle accepts and that have no effect yet.

use serde_json::Value;

use super::{Severity, Violation};
use crate::kind::IstioKind;

/// The groups of the Gateway API. Istio serves some of their kinds, Heddle serves none.
const GATEWAY_API: [&str; 2] = ["gateway.networking.k8s.io", "gateway.networking.x-k8s.io"];

/// Warns of an object whose kind has no effect. [`super::object`] judges what the object says, and does not say this.
#[must_use]
pub fn support(object: &Value) -> Option<Violation> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let is_of = |group: &&str| api_version.split_once('/').is_some_and(|(of, _)| of == *group);
    let reason = if GATEWAY_API.iter().any(is_of) {
        "the object has no effect on the mesh; Heddle does not support the Gateway API yet".to_owned()
    } else {
        unsupported(IstioKind::of(api_version, kind)?)?
    };
    Some(Violation { path: "kind".into(), reason, severity: Severity::Warning })
}

/// What an object of a kind without effect does not do. `None` if objects of the kind are in force.
#[must_use]
pub fn unsupported(kind: IstioKind) -> Option<String> {
    kind.consequence().map(|consequence| format!("the {kind} {consequence}; Heddle does not support this kind yet"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn warned(api_version: &str, kind: &str) -> String {
        let found = support(&json!({"apiVersion": api_version, "kind": kind}));
        found.map(|violation| violation.reason).unwrap_or_default()
    }

    #[test]
    fn the_warning_says_what_a_policy_does_not_do() {
        let said = warned("security.istio.io/v1", "RequestAuthentication");
        assert!(said.contains("not enforced: requests with invalid tokens are accepted"), "{said}");
        assert!(warned("gateway.networking.k8s.io/v1", "HTTPRoute").contains("Gateway API"));
    }

    #[test]
    fn objects_in_force_and_objects_of_others_raise_no_warning() {
        assert_eq!(warned("networking.istio.io/v1", "Gateway"), "");
        assert_eq!(warned("apps/v1", "Deployment"), "");
        assert_eq!(support(&json!(["kind"])), None);
    }
}
