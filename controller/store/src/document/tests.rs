//! What a file gives.

use std::fmt::Write as _;

use heddle_model::{issue::Issue, object::Kind};

use super::documents;
use crate::{Object, Spec};

fn read(text: &str) -> (Vec<Object>, Vec<String>) {
    let (objects, issues) = documents(text.as_bytes());
    let place = |i: &Issue| format!("{} {} {}", i.object.name, i.field, i.reason);
    (objects, issues.iter().map(place).collect())
}

const SERVICE: &str = "{apiVersion: v1, kind: Service, metadata: {name: a}}";

#[test]
fn a_bad_document_takes_out_only_itself() {
    let text = format!("# head\n---\n{SERVICE}\n---\n\na: [1,\n---\n# nothing\n---\n{SERVICE}\n...\n");
    let (objects, issues) = read(&text);
    assert_eq!(objects.len(), 2);
    assert_eq!(issues, ["2 line 6 Unreadable"]);
    assert_eq!(objects[0].key.namespace.as_ref(), "default");
}

#[test]
fn json_and_lists_are_read() {
    let text = format!(
        "{{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [{SERVICE}, {{\"kind\": \"List\", \"items\": \
         [{SERVICE}]}}]}}"
    );
    let (objects, issues) = read(&text);
    assert_eq!((objects.len(), issues), (2, vec![]));
}

#[test]
fn other_kinds_and_versions_are_noted() {
    let (objects, issues) = read(
        "kind: Gateway\napiVersion: gateway.networking.k8s.io/v1\nmetadata: {name: a}\n---\nkind: \
         Deployment\napiVersion: apps/v1\n\
         ---\nkind: Gateway\napiVersion: networking.istio.io/v1alpha3\nmetadata: {name: a}\n",
    );
    assert_eq!(objects[0].key.kind, Kind::Gateway);
    assert_eq!(issues, ["1 line 1 UnknownKind", "2 line 5 UnknownKind"]);
}

#[test]
fn what_is_no_object_is_refused_with_its_place() {
    let text = "just text\n---\n- a\n---\n{}\n---\nfoo: 1\n---\nkind: Service\napiVersion: v1\n---\nkind: \
        Service\nkind: Pod\n";
    let (objects, issues) = read(text);
    assert!(objects.is_empty());
    assert_eq!(issues.len(), 6, "{issues:?}");
    assert!(issues.iter().all(|i| i.ends_with("Unreadable")));
}

#[test]
fn words_are_booleans_where_the_type_is_one() {
    let text = "kind: VirtualService\napiVersion: networking.istio.io/v1\nmetadata: {name: a, labels: {country: no}}\n\
                spec:\n  http:\n  - match: [{ignoreUriCase: on, headers: {x: {exact: yes}}}]\n    route: \
                [{destination: {host: b}}]\n";
    let (objects, issues) = read(text);
    assert_eq!(issues, Vec::<String>::new());
    assert_eq!(objects[0].issues, []);
    let Spec::VirtualService(spec) = &objects[0].spec else { panic!() };
    assert!(spec.http[0].matches[0].ignore_uri_case);
    assert_eq!(objects[0].meta.labels.get("country").map(|v| &**v), Some("no"));
}

#[test]
fn unknown_fields_are_named() {
    let text =
        "kind: Sidecar\napiVersion: networking.istio.io/v1\nmetadata: {name: a}\nspec: {egress: [{hostz: []}]}\n";
    let (objects, _) = read(text);
    assert_eq!(objects[0].issues[0].field, "spec.egress[0].hostz");
}

#[test]
fn hostile_files_are_refused_soon() {
    let deep = "[".repeat(100_000);
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for i in 1..12 {
        let of = format!("*a{}", i - 1);
        writeln!(bomb, "a{i}: &a{i} [{}]", vec![of; 10].join(",")).unwrap();
    }
    let json = format!("{{\"a\": {}1{}}}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let merged = format!("a: &a {{x: 1}}\nb: [{}]\n", "{<<: *a},".repeat(200_000));
    let keys: String = (0..50).map(|_| "a: 1\n").collect();
    for (name, text) in [("deep", deep), ("json", json), ("bomb", bomb), ("merged", merged), ("keys", keys)] {
        let (objects, issues) = read(&text);
        assert!(objects.is_empty() && issues.len() == 1, "{name}");
    }
    let (_, issues) = documents(b"a: \xff\n");
    assert_eq!(issues.len(), 1);
}
