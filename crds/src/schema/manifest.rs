//! A whole definition around a schema.

use serde_json::{Value, json};

use crate::kind::{Column, IstioKind};

/// The custom resource definition of a kind, as it is applied.
#[must_use]
pub fn crd(kind: IstioKind) -> Value {
    let info = kind.info();
    let area = info.group.split('.').next().unwrap_or_default();
    let mut labels = json!({ "app": "istio-pilot", "chart": "istio", "heritage": "Tiller", "release": "istio" });
    if area == "security" || area == "telemetry" {
        labels["istio"] = json!(area);
    }
    let versions: Vec<Value> = info.versions.iter().map(|version| self::version(kind, version)).collect();
    let mut manifest = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "annotations": { "helm.sh/resource-policy": "keep" },
            "labels": labels,
            "name": format!("{}.{}", info.plural, info.group),
        },
        "spec": {
            "group": info.group,
            "names": {
                "categories": ["istio-io", format!("{area}-istio-io")],
                "kind": kind.name(),
                "listKind": format!("{kind}List"),
                "plural": info.plural,
                "singular": kind.name().to_ascii_lowercase(),
            },
            "scope": "Namespaced",
            "versions": versions,
        },
    });
    // An empty list would be dropped by the API server, and each apply would then be a change.
    if !info.short_names.is_empty() {
        manifest["spec"]["names"]["shortNames"] = json!(info.short_names);
    }
    manifest
}

fn version(kind: IstioKind, version: &str) -> Value {
    let info = kind.info();
    let columns: Vec<Value> = info.table().iter().map(column).collect();
    let mut schema = json!({
        "type": "object",
        "properties": { "spec": super::spec(kind), "status": status(kind) },
    });
    if info.spec_required {
        schema["required"] = json!(["spec"]);
    }
    json!({
        "additionalPrinterColumns": columns,
        "name": version,
        "schema": { "openAPIV3Schema": schema },
        "served": true,
        "storage": version == info.storage,
        "subresources": { "status": {} },
    })
}

fn column(column: &Column) -> Value {
    json!({
        "description": column.description,
        "jsonPath": column.path,
        "name": column.name,
        "type": column.kind,
    })
}

fn status(kind: IstioKind) -> Value {
    let text = |description: &str| json!({ "description": description, "type": "string" });
    let time = |description: &str| json!({ "description": description, "format": "date-time", "type": "string" });
    let generation = json!({
        "anyOf": [{ "type": "integer" }, { "type": "string" }],
        "description": "The generation of the object that this is about.",
        "x-kubernetes-int-or-string": true,
    });
    let condition = json!({
        "type": "object",
        "properties": {
            "lastProbeTime": time("When the condition was last looked at."),
            "lastTransitionTime": time("When the condition last changed."),
            "message": text("What it means, for a person."),
            "observedGeneration": generation.clone(),
            "reason": text("Why, in one word."),
            "status": text("True, False or Unknown."),
            "type": text("Which condition."),
        },
    });
    let message = json!({
        "type": "object",
        "properties": {
            "documentationUrl": text("Where more is said."),
            "level": { "description": "How grave it \
             is.", "enum": ["UNKNOWN", "ERROR", "WARNING", "INFO"], "type": "string" },
            "type": {
                "type": "object",
                "properties": { "code": text("Code of the message."), "name": text("Name of the message.") },
            },
        },
    });
    let mut properties = json!({
        "conditions": { "description": "What became of the object.", "items": condition, "type": "array" },
        "observedGeneration": generation,
        "validationMessages": { "description": "What analysis found.", "items": message, "type": "array" },
    });
    if kind == IstioKind::ServiceEntry {
        properties["addresses"] = json!({
            "description": "Addresses that were allocated to the hosts.",
            "items": {
                "type": "object",
                "properties": { "host": text("The host."), "value": text("The address.") },
                "required": ["value"],
            },
            "type": "array",
        });
    }
    json!({ "type": "object", "properties": properties, "x-kubernetes-preserve-unknown-fields": true })
}
