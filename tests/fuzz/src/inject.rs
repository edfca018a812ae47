//! Pods that somebody wants to create, by the code that the injection webhook calls: the author of a pod chooses its
//! annotations.

mod json_patch;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use heddle_inject::{Context, Outcome, Settings, environment, inject, patch};
use serde_json::{Map, Value, json};

/// The annotations whose values are more than a word, by the byte that an input names them with.
pub(crate) const ANNOTATIONS: [&str; 16] = [
    "proxy.istio.io/config",
    "inject.heddle.dev/overlay",
    "inject.istio.io/templates",
    "sidecar.istio.io/status",
    "proxy.istio.io/overrides",
    "sidecar.istio.io/userVolume",
    "sidecar.istio.io/userVolumeMount",
    "apm.datadoghq.com/env",
    "prometheus.istio.io/scrape-targets",
    "prometheus.io/port",
    "traffic.sidecar.istio.io/excludeInboundPorts",
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
    "k8s.v1.cni.cncf.io/networks",
    "sidecar.istio.io/proxyCPU",
    "sidecar.istio.io/proxyMemoryLimit",
    "sidecar.istio.io/nativeSidecar",
];
/// What a refusal's text is at most, in bytes, beside what it quotes of the pod.
const LONGEST_REFUSAL: usize = 4096;

/// Settings with a template of the operator's, and with an alias for two.
static SETTINGS: LazyLock<Option<Settings>> = LazyLock::new(|| {
    let config = json!({
        "templates": {"extra": "spec:\n  containers:\n  - name: istio-proxy\n    env: [{name: A, value: b}]\n"},
        "aliases": {"both": ["sidecar", "extra"]},
    });
    let mesh = json!({"defaultConfig": {"proxyMetadata": {"A": "mesh"}, "concurrency": 2}});
    Settings::new(&mesh, &Value::Null).ok()?.with_config(&config).ok()
});

/// The first byte says what the rest is: a pod as JSON, or annotations of an ordinary pod, each the byte of its name
/// and its text, with a zero byte between two.
pub fn run(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let pod = match mode % 2 {
        0 => serde_json::from_slice(rest).ok(),
        _ => Some(annotated(rest)),
    };
    let (Some(pod), Some(settings)) = (pod, SETTINGS.as_ref()) else { return };
    for native in [true, false] {
        check(&pod, native, settings);
    }
}

fn annotated(data: &[u8]) -> Value {
    let one = |part: &[u8]| {
        let (name, text) = part.split_first()?;
        let name = ANNOTATIONS.get(usize::from(*name) % ANNOTATIONS.len())?;
        Some(((*name).to_owned(), Value::from(String::from_utf8_lossy(text))))
    };
    let annotations: Map<String, Value> = data.split(|byte| *byte == 0).filter_map(one).collect();
    let probe = json!({"httpGet": {"path": "/", "port": "http"}});
    json!({
        "metadata": {"name": "web", "labels": {"app": "web"}, "annotations": annotations},
        "spec": {"containers": [
            {"name": "web", "ports": [{"name": "http", "containerPort": 80}], "readinessProbe": probe}
        ]},
    })
}

/// The patch gives the injected pod, twice the same; a refusal is short, whatever it quotes.
fn check(pod: &Value, native: bool, settings: &Settings) {
    let environment: BTreeMap<String, String> = environment("/cluster/c1/net/n1");
    let context = Context { namespace: "shop".to_owned(), environment, native, ..Context::default() };
    let outcome = inject(pod, &context, settings);
    assert_eq!(outcome, inject(pod, &context, settings), "injected twice");
    match outcome {
        Ok(Outcome::Injected(injected)) => {
            let operations = patch::patch(pod, &injected.pod);
            let patched = json_patch::apply(pod.clone(), &operations);
            assert!(patched.is_some(), "the patch does not apply: {operations}");
            assert_eq!(patched, Some(injected.pod), "the patch gives another pod");
        }
        Ok(Outcome::Skipped(_)) => {}
        Err(error) => {
            let length = error.to_string().len();
            assert!(length <= LONGEST_REFUSAL + pod.to_string().len(), "a refusal of {length} bytes");
        }
    }
}
