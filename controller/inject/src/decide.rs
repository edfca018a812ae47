//! Whether a pod is injected. The webhook's selectors have already judged the namespace; here the pod itself counts.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::annotation as names;
use crate::pod::Pod;
use crate::settings::{Policy, Settings};

/// Pods of these namespaces run what the mesh itself needs.
const SYSTEM_NAMESPACES: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];

/// Why a pod is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// It shares the node's network, whose traffic must not be redirected.
    HostNetwork,
    /// Its namespace is one of Kubernetes' own.
    SystemNamespace,
    /// Its label or annotation says so.
    Asked,
    /// A selector of the injection config says so.
    NeverInject,
    /// The injection config's policy says so.
    Policy,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HostNetwork => "it uses the network of its node",
            Self::SystemNamespace => "its namespace is one of Kubernetes' own",
            Self::Asked => "its label or annotation sidecar.istio.io/inject says so",
            Self::NeverInject => "a selector of neverInjectSelector selects it",
            Self::Policy => "the policy of the injection config says so",
        })
    }
}

/// Decides; none means that the pod is injected. In this order: host network, namespace, label, annotation,
/// `neverInjectSelector`, `alwaysInjectSelector`, policy.
pub(crate) fn skip(pod: &Pod, namespace: &str, settings: &Settings) -> Option<Skip> {
    if pod.spec.get("hostNetwork") == Some(&Value::Bool(true)) {
        return Some(Skip::HostNetwork);
    }
    if SYSTEM_NAMESPACES.contains(&namespace) {
        return Some(Skip::SystemNamespace);
    }
    let policy = settings.policy();
    if policy == Policy::Off {
        return Some(Skip::Policy);
    }
    let asked = pod.labels.get(names::INJECT).or_else(|| pod.annotations.get(names::INJECT));
    match asked.map(String::as_str) {
        Some("true") => return None,
        Some("false") => return Some(Skip::Asked),
        // Any other word is no word, as if nothing stood there.
        _ => {}
    }
    let any = |key| settings.selectors(key).iter().any(|selector| selects(selector, &pod.labels));
    if any("neverInjectSelector") {
        return Some(Skip::NeverInject);
    }
    (policy == Policy::Disabled && !any("alwaysInjectSelector")).then_some(Skip::Policy)
}

/// Whether a label selector selects these labels. One that selects everything, or cannot be read, selects nothing: it
/// would switch all of the mesh off or on by a slip.
fn selects(selector: &Value, labels: &BTreeMap<String, String>) -> bool {
    let pairs = selector.get("matchLabels").and_then(Value::as_object);
    let rules = selector.get("matchExpressions").and_then(Value::as_array);
    let count = pairs.map_or(0, serde_json::Map::len) + rules.map_or(0, Vec::len);
    let has = |(name, value): (&String, &Value)| labels.get(name).map(String::as_str) == value.as_str();
    count > 0
        && pairs.into_iter().flatten().all(has)
        && rules.into_iter().flatten().all(|rule| meets(rule, labels).unwrap_or(false))
}

fn meets(rule: &Value, labels: &BTreeMap<String, String>) -> Option<bool> {
    let label = labels.get(rule.get("key")?.as_str()?);
    let values = || rule.get("values").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let is_one = label.is_some_and(|label| values().any(|value| value == label));
    match rule.get("operator")?.as_str()? {
        "In" => Some(is_one),
        "NotIn" => Some(!is_one),
        "Exists" => Some(label.is_some()),
        "DoesNotExist" => Some(label.is_none()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decide(pod: &Value, namespace: &str, config: &Value) -> Option<Skip> {
        let settings = Settings::new(&Value::Null, &Value::Null).unwrap().with_config(config).unwrap();
        skip(&Pod::parse(pod).unwrap(), namespace, &settings)
    }

    fn marked(label: Option<&str>, annotation: Option<&str>) -> Value {
        let set = |value: Option<&str>| value.map_or(json!({}), |value| json!({"sidecar.istio.io/inject": value}));
        json!({"metadata": {"labels": set(label), "annotations": set(annotation)}})
    }

    #[test]
    fn the_label_beats_the_annotation_and_both_beat_the_policy() {
        assert_eq!(decide(&marked(Some("true"), Some("false")), "shop", &json!({"policy": "disabled"})), None);
        assert_eq!(decide(&marked(Some("false"), Some("true")), "shop", &json!({})), Some(Skip::Asked));
        assert_eq!(decide(&marked(None, Some("false")), "shop", &json!({})), Some(Skip::Asked));
        assert_eq!(decide(&marked(None, None), "shop", &json!({"policy": "disabled"})), Some(Skip::Policy));
        assert_eq!(decide(&marked(Some("maybe"), Some("false")), "shop", &json!({})), None);
        assert_eq!(decide(&marked(Some("true"), None), "shop", &json!({"policy": "off"})), Some(Skip::Policy));
    }

    #[test]
    fn some_pods_are_never_injected() {
        let mut pod = marked(Some("true"), None);
        assert_eq!(decide(&pod, "kube-system", &json!({})), Some(Skip::SystemNamespace));
        pod["spec"] = json!({"hostNetwork": true});
        assert_eq!(decide(&pod, "shop", &json!({})), Some(Skip::HostNetwork));
    }

    #[test]
    fn selectors_judge_pods_that_say_nothing() {
        let pod = json!({"metadata": {"labels": {"team": "db"}}});
        let never = json!([{"matchExpressions": [{"key": "team", "operator": "In", "values": ["db"]}]}]);
        let always = json!([{"matchLabels": {"team": "db"}}]);
        assert_eq!(decide(&pod, "shop", &json!({"neverInjectSelector": never})), Some(Skip::NeverInject));
        let config = json!({"policy": "disabled", "alwaysInjectSelector": always});
        assert_eq!(decide(&pod, "shop", &config), None);
        assert_eq!(decide(&pod, "shop", &json!({"neverInjectSelector": [{}]})), None);
        let absent = json!([{"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}]);
        assert_eq!(decide(&pod, "shop", &json!({"neverInjectSelector": absent})), Some(Skip::NeverInject));
    }
}
