//! `docs/reference/` is what the types say, and its examples hold every field and are accepted.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use heddle_crds::kind::IstioKind;
use heddle_crds::validate::Severity;
use heddle_crds::{schema, validate};
use heddle_yaml::Schema;
use serde_json::Value;

/// The folder of the reference.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/reference")
}

fn example(kind: IstioKind) -> String {
    let file = folder().join("examples").join(format!("{}.yaml", kind.name().to_lowercase()));
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn objects(kind: IstioKind) -> Vec<Value> {
    let text = example(kind);
    heddle_yaml::values(&text, Schema::Yaml11).unwrap()
}

/// With `UPDATE_GOLDEN=1` the pages are written anew.
#[test]
fn pages_agree_with_types() {
    for kind in IstioKind::ALL {
        let file = folder().join(format!("{}.md", kind.name().to_lowercase()));
        let text = page(kind);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&file, &text).unwrap();
        }
        let found = fs::read_to_string(&file).unwrap_or_default();
        assert!(found == text, "{} is not what the types say; UPDATE_GOLDEN=1 writes it", file.display());
    }
}

#[test]
fn examples_are_accepted() {
    for kind in IstioKind::ALL {
        for object in objects(kind) {
            let errors: Vec<_> = validate::object(&object)
                .into_iter()
                .filter(|violation| violation.severity == Severity::Error)
                .collect();
            assert_eq!(errors, [], "{kind}: {}", object["metadata"]["name"]);
        }
    }
}

#[test]
fn examples_hold_every_field() {
    for kind in IstioKind::ALL {
        let mut fields = BTreeSet::new();
        walk(&schema::spec(kind), "spec", &mut |path, _, _| {
            fields.insert(path.to_owned());
        });
        let mut used = BTreeSet::new();
        for object in objects(kind) {
            mark(&schema::spec(kind), &object["spec"], "spec", &mut used);
        }
        let missing: Vec<&String> = fields.difference(&used).filter(|path| !is_elsewhere(path)).collect();
        assert_eq!(missing, [""; 0], "{kind}");
    }
}

/// Parts that a kind holds in several places are shown in one of them; what is always refused is not shown.
fn is_elsewhere(path: &str) -> bool {
    let shown_once = [
        "spec.subsets.trafficPolicy.",
        "spec.trafficPolicy.portLevelSettings.",
        "spec.trafficPolicy.loadBalancer.",
        "onnectionPool.",
        "spec.http.route.headers.",
        "spec.http.route.destination.",
        "spec.http.mirrors.",
        "spec.tls.",
        "spec.tcp.",
        "http2Error",
        "exponentialDelay",
        "mirror_percent",
        "jwks_uri",
        ".tls.",
        "spec.http.mirror.",
        "targetRef",
        "spec.endpoints.",
        "vmConfig.env.",
        "waypoint.filter.",
        "HttpHeaders.",
        ".withoutHeaders.",
        ".queryParams.",
        ".headers.",
        ".scheme.",
        ".method.",
        ".authority.",
        "llowOrigins.",
        ".uri.",
        "providers.",
        "gress.port.targetPort",
    ];
    shown_once.iter().any(|part| path.contains(part))
}

fn mark(node: &Value, value: &Value, path: &str, used: &mut BTreeSet<String>) {
    match value {
        Value::Array(elements) => {
            for element in elements {
                mark(&node["items"], element, path, used);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                if let Some(values) = node.get("additionalProperties") {
                    mark(values, value, path, used);
                } else if let Some(field) = node["properties"].get(name) {
                    let path = format!("{path}.{name}");
                    used.insert(path.clone());
                    mark(field, value, &path, used);
                }
            }
        }
        _ => {}
    }
}

/// Calls `visit` with each field below a node: its path, its schema, whether it is required.
fn walk(node: &Value, path: &str, visit: &mut impl FnMut(&str, &Value, bool)) {
    let inner = inner(node);
    let required = schema::required(inner);
    for (name, field) in inner.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = format!("{path}.{name}");
        visit(&path, field, required.contains(&name.as_str()));
        walk(field, &path, visit);
    }
}

fn inner(node: &Value) -> &Value {
    node.get("items").or_else(|| node.get("additionalProperties")).map_or(node, inner)
}

fn page(kind: IstioKind) -> String {
    let info = kind.info();
    let spec = schema::spec(kind);
    let mut out = String::new();
    writeln!(out, "# {kind}\n\n{}\n", spec["description"].as_str().unwrap_or_default()).unwrap();
    let short = if info.short_names.is_empty() {
        String::new()
    } else {
        format!(", short `{}`", info.short_names.join("`, `"))
    };
    writeln!(
        out,
        "`{}.{}`{short}; versions {}, stored as {}.",
        info.plural,
        info.group,
        info.versions.join(", "),
        info.storage
    )
    .unwrap();
    for limit in schema::limits_of(&spec) {
        writeln!(out, "- {limit}").unwrap();
    }
    writeln!(out, "\n## Fields\n\n| Field | Type | Meaning |\n|---|---|---|").unwrap();
    walk(&spec, "spec", &mut |path, field, required| {
        let mut text = field["description"].as_str().unwrap_or_default().replace("\n\n", "<br>");
        for limit in schema::limits_of(field).iter().filter(|limit| !limit.starts_with("one of")) {
            write!(text, "<br>*{limit}*").unwrap();
        }
        let mark = if required { ", required" } else { "" };
        let text = text.replace('|', "\\|");
        writeln!(out, "| `{path}` | {}{mark} | {text} |", schema::type_name(field)).unwrap();
    });
    writeln!(out, "\n## Example\n\n```yaml\n{}```", example(kind)).unwrap();
    out
}
