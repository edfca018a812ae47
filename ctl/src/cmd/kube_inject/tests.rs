//! What becomes of a file: what is not injected stays byte for byte, and in the rest only the injection differs.

use clap::Parser;
use serde_json::{Value, json};

use super::*;

fn output(text: &str) -> String {
    let args = Args {
        filename: "-".into(),
        mesh_config: None,
        values: None,
        inject_config: None,
        namespace: "shop".to_owned(),
        native_sidecars: true,
    };
    let settings = settings(&args).unwrap();
    heddle_yaml::split(text).iter().map(|part| injected(part, &args, &settings).unwrap()).collect()
}

fn read_yaml(text: &str) -> Result<Value, heddle_yaml::Unreadable> {
    heddle_yaml::value(text, Schema::Yaml11, &BUDGET)
}

fn values(text: &str) -> Vec<Value> {
    heddle_yaml::split(text).iter().map(|part| read_yaml(part.text).unwrap()).collect()
}

const POD: &str = "metadata:\n      labels: {app: web}\n    spec:\n      containers:\n      - {name: web, image: web, \
    env: [{name: A, value: \"yes\"}]}\n";

#[test]
fn what_is_not_injected_is_copied() {
    let service = "# a comment\nkind:   Service\nspec: {ports: [ ] }\n";
    let left = "--- \nkind: Pod\nmetadata: {labels: {sidecar.istio.io/inject: \"false\"}}\nspec: {containers: [{name: \
        a}]}  # kept\n";
    let deployment =
        format!("---\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: 2\n  template:\n    {POD}");
    let end = "---\n\n---\nkind: ConfigMap\ndata: {a: |\n  x}";
    let out = output(&format!("{service}{left}{deployment}"));
    let rest = out.strip_prefix(service).and_then(|out| out.strip_prefix(left)).unwrap();
    assert!(rest.starts_with("---\n") && rest.contains("istio-proxy"), "{rest}");
    assert_eq!(output("---\n\n---\nkind: ConfigMap\n"), "---\n\n---\nkind: ConfigMap\n");
    assert!(read_yaml(end).is_err(), "not YAML, and so an error and not a guess");
}

#[test]
fn nothing_but_the_injection_differs() {
    let text = format!(
        "kind: Deployment\nmetadata: {{name: web, annotations: {{on: \"off\"}}}}\nspec:\n  replicas: 2\n  \
         template:\n    {POD}"
    );
    let (before, mut after) = (values(&text).remove(0), values(&output(&text)).remove(0));
    let container = json!({"name": "web", "image": "web", "env": [{"name": "A", "value": "yes"}], "resources": {}});
    assert_eq!(after["spec"]["template"]["spec"]["containers"], json!([container]));
    assert_eq!(after["spec"]["template"]["metadata"]["labels"]["app"], "web");
    after["spec"]["template"] = before["spec"]["template"].clone();
    assert_eq!(after, before);
}

/// What `kubectl` takes for a boolean or an octal number is still one after it was written again.
#[test]
fn scalars_mean_what_kubectl_takes_them_for() {
    let text = "--- {kind: Pod, spec: {hostIPC: yes, volumes: [{name: v, secret: {defaultMode: 0400}}], containers: \
        [{name: a}]}}\n";
    let out = output(text);
    assert!(out.starts_with("---\n"), "{out}");
    let spec = &values(&out)[0]["spec"];
    assert_eq!((&spec["hostIPC"], &spec["volumes"][0]["secret"]["defaultMode"]), (&json!(true), &json!(256)), "{out}");
}

#[test]
fn aliases_have_a_budget() {
    let text = format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(4000), "*a,".repeat(4000));
    assert!(read_yaml(&text).is_err());
    assert_eq!(read_yaml("a: &x {b: 1}\nc:\n  <<: *x\n").unwrap()["c"], json!({"b": 1}));
}

#[test]
fn a_second_run_changes_nothing() {
    let cron = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: tick}\nspec:\n  jobTemplate:\n    spec:\n      \
        template:\n        spec:\n          containers: [{name: a, image: b, readinessProbe: {tcpSocket: {port: \
        1}}}]\n";
    let list = format!(
        "kind: List\nitems:\n- kind: Service\n- kind: Job\n  metadata: {{name: j}}\n  spec:\n   template:\n    {POD}"
    );
    for text in [cron.to_owned(), list] {
        let once = output(&text);
        assert_eq!(output(&once), once);
    }
    let cron = values(&output(cron)).remove(0);
    let job = &cron["spec"]["jobTemplate"];
    assert_eq!(job["metadata"]["labels"]["service.istio.io/canonical-name"], "tick");
    let pod = &job["spec"]["template"]["metadata"];
    assert!(pod["labels"].is_null() && pod["annotations"]["sidecar.istio.io/status"].is_string(), "{pod}");
}

#[test]
fn mistakes_name_the_object() {
    let args = "traffic.sidecar.istio.io/includeInboundPorts: x";
    let text = format!("kind: Pod\nmetadata: {{name: p, annotations: {{{args}}}}}\nspec: {{containers: []}}\n");
    let part = &heddle_yaml::split(&text)[0];
    let parsed = crate::Args::try_parse_from(["heddlectl", "kube-inject", "-f", "pod.yaml"]);
    let crate::Command::KubeInject(args) = parsed.unwrap().command else { panic!("another command") };
    let error = injected(part, &args, &settings(&args).unwrap()).unwrap_err();
    let error = format!("{error:#}");
    assert!(
        error.starts_with("pod.yaml:1: Pod p: annotation traffic.sidecar.istio.io/includeInboundPorts:"),
        "{error}"
    );
}
