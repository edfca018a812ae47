//! A pod's author chooses its annotations. What they cost is bounded, and a refusal names the annotation.
#![allow(clippy::unwrap_used)]

use heddle_inject::{Context, Settings, inject};
use serde_json::{Value, json};

/// The reason why a pod with an annotation is refused, if it is.
fn refused(name: &str, value: &str) -> Option<String> {
    let pod = json!({"metadata": {"annotations": {name: value}}, "spec": {"containers": [{"name": "web"}]}});
    let settings = Settings::new(&Value::Null, &Value::Null).unwrap();
    inject(&pod, &Context::default(), &settings).err().map(|error| error.to_string())
}

#[test]
fn yaml_that_exceeds_its_budget_is_refused() {
    for (what, text) in [
        ("aliases", format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(1000), "*a,".repeat(1000))),
        ("nodes", format!("a: [{}]\n", "[],".repeat(50_000))),
        ("depth", "[".repeat(100_000)),
        ("length", format!("a: {}", "x".repeat(300 << 10))),
    ] {
        for name in ["proxy.istio.io/config", "inject.heddle.dev/overlay"] {
            let reason = refused(name, &text);
            assert!(
                reason.as_ref().is_some_and(|reason| reason.contains(name) && reason.len() < 500),
                "{what}: {reason:?}"
            );
        }
    }
}
