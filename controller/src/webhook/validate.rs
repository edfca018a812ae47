//! Validates objects as `heddlectl validate` does.

use heddle_crds::validate::{Severity, Violation, object, support};

use super::review::{Answer, Request};

/// The most violations in a message. The next ones appear after these are fixed.
const MAX_NAMED: usize = 20;

/// Validates an object that is created or updated.
pub(super) fn judge(request: &Request) -> Answer {
    if !matches!(request.operation.as_str(), "CREATE" | "UPDATE") {
        return Answer::default();
    }
    let (errors, warnings): (Vec<Violation>, Vec<Violation>) = support(&request.object)
        .into_iter()
        .chain(object(&request.object))
        .partition(|violation| violation.severity == Severity::Error);
    let line = |violation: &Violation| format!("{}: {}", violation.path, violation.reason);
    let refused = (!errors.is_empty()).then(|| {
        let named: Vec<String> = errors.iter().take(MAX_NAMED).map(line).collect();
        let more = errors.len().saturating_sub(MAX_NAMED);
        let more = if more == 0 { String::new() } else { format!("; and {more} more") };
        format!("{}{more}", named.join("; "))
    });
    Answer { refused, warnings: warnings.iter().map(line).collect(), patch: None }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn judged(operation: &str, spec: &Value) -> Answer {
        let object = json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": "a", "namespace": "shop"}, "spec": spec});
        judge(&Request { uid: "u".into(), operation: operation.into(), namespace: "shop".into(), object })
    }

    #[test]
    fn an_invalid_object_is_refused_with_its_field() {
        let spec = json!({"hosts": ["a"], "http": [{"route": [{"destination": {"host": "a"}, "weight": -1}]}]});
        let refused = judged("CREATE", &spec).refused.unwrap();
        assert!(refused.contains("spec.http[0].route[0].weight"), "{refused}");
        assert!(judged("UPDATE", &spec).refused.is_some());
        assert!(judged("DELETE", &spec).refused.is_none(), "what is wrong must be deletable");
    }

    #[test]
    fn a_kind_or_field_without_effect_is_accepted_with_a_warning() {
        let policy = json!({"apiVersion": "security.istio.io/v1", "kind": "RequestAuthentication",
            "metadata": {"name": "a", "namespace": "shop"}, "spec": {}});
        let request = Request { uid: "u".into(), operation: "CREATE".into(), namespace: "shop".into(), object: policy };
        let answer = judge(&request);
        assert_eq!((answer.refused, answer.warnings.len()), (None, 1));
        assert!(answer.warnings[0].contains("requests with invalid tokens are accepted"), "{:?}", answer.warnings);
        let matched = json!({"headers": {"@request.auth.claims.role": {"exact": "b"}}});
        let http = json!([{"match": [matched], "route": [{"destination": {"host": "a"}}]}]);
        let answer = judged("UPDATE", &json!({"hosts": ["a"], "gateways": ["edge"], "http": http}));
        assert_eq!((answer.refused, answer.warnings.len()), (None, 1));
        assert!(answer.warnings[0].contains("not supported yet"), "{:?}", answer.warnings);
    }

    #[test]
    fn a_valid_object_is_taken() {
        let spec = json!({"hosts": ["a"], "http": [{"route": [{"destination": {"host": "a"}}]}]});
        let answer = judged("CREATE", &spec);
        assert_eq!((answer.refused, answer.warnings), (None, Vec::new()));
    }
}
