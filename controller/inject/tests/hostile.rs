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

/// The class of ISTIO-SECURITY-2022-004 and ISTIO-SECURITY-2022-007: a call of the webhook that ends the process.
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

/// Each of these is some ten kilobytes to a quarter of a megabyte, and was quadratic or a hundred times as long in
/// memory.
#[test]
fn other_annotations_are_bounded_too() {
    let names = |count: usize| (0..count).map(|name| format!("a{name},")).collect::<Vec<_>>().concat();
    let object = |count: usize| {
        format!("{{{}\"z\":1}}", (0..count).map(|n| format!("\"a{n}\":{{}},")).collect::<Vec<_>>().concat())
    };
    for (name, text) in [
        ("inject.istio.io/templates", names(20_000)),
        ("prometheus.istio.io/scrape-targets", "1,".repeat(100_000)),
        ("sidecar.istio.io/userVolume", object(12_000)),
        ("sidecar.istio.io/userVolumeMount", object(12_000)),
        ("apm.datadoghq.com/env", object(12_000)),
        ("sidecar.istio.io/status", format!("{{\"containers\":[{}\"\"]}}", "\"\",".repeat(50_000))),
        ("somebody.else/blob", "x".repeat(300 << 10)),
        ("traffic.sidecar.istio.io/excludeInboundPorts", "x,".repeat(50_000)),
    ] {
        let reason = refused(name, &text);
        assert!(
            reason.as_ref().is_some_and(|reason| reason.contains(name) && reason.len() < 500),
            "{name}: {reason:?}"
        );
    }
    assert_eq!(refused("apm.datadoghq.com/env", &object(4_000)), None);
}
