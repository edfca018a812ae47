//! Limits of selectors, and of the kinds that say who may do what and what is reported.

use serde_json::json;

use super::{Limits, not_empty, port, required, rule, rules};

/// An attachment to workloads or to objects, but not to both.
const ONE_TARGET: (&str, &str) = (
    "only one of targetRefs or selector can be set",
    "(has(self.selector) ? 1 : 0) + (has(self.targetRef) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1",
);

/// The same for the kind that has no single reference.
const ONE_TARGET_LIST: (&str, &str) = (
    "only one of targetRefs or selector can be set",
    "(has(self.selector) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1",
);

/// Groups of Kubernetes and names of its kinds.
const GROUP: &str = "^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
const KIND: &str = "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$";

/// The schemes of modules; an image may be named without one.
const MODULE_URL: &str = "isURL(self) ? (url(self).getScheme() in ['', 'http', 'https', 'oci', 'file']) : \
     (isURL('http://' + self) && url('http://' + self).getScheme() in ['', 'http', 'https', 'oci', 'file'])";

pub(super) fn limits() -> Limits {
    let mut limits = selectors();
    limits.extend(authentication());
    limits.extend(authorization());
    limits.extend(telemetry());
    limits.extend(extensions());
    limits
}

fn selectors() -> Limits {
    vec![
        ("PolicyTargetRef", required(&["kind", "name"])),
        ("PolicyTargetRef.group", json!({ "maxLength": 253, "pattern": GROUP })),
        ("PolicyTargetRef.kind", json!({ "minLength": 1, "maxLength": 63, "pattern": KIND })),
        ("PolicyTargetRef.name", json!({ "minLength": 1, "maxLength": 253 })),
        (
            "PolicyTargetRef.namespace",
            rule("cross namespace referencing is not currently supported", "self.size() == 0"),
        ),
        ("PolicyTargetRef.namespace", json!({ "maxLength": 253 })),
        ("LabelSelector.matchLabels", json!({ "maxProperties": 4096 })),
        (
            "LabelSelector.matchLabels",
            rules(&[
                ("wildcard not allowed in label key match", "self.all(key, !key.contains('*'))"),
                ("key must not be empty", "self.all(key, key.size() != 0)"),
            ]),
        ),
        ("LabelSelector.matchLabels{}", json!({ "maxLength": 63 })),
        ("LabelSelector.matchLabels{}", rule("wildcard not allowed in label value match", "!self.contains('*')")),
        ("WorkloadSelector.labels", json!({ "maxProperties": 256 })),
        ("WorkloadSelector.labels", rule("key must not be empty", "self.all(key, key.size() != 0)")),
        ("WorkloadSelector.labels", rule("wildcard is not supported in selector", "self.all(key, !key.contains('*'))")),
        ("WorkloadSelector.labels{}", json!({ "maxLength": 63 })),
        ("WorkloadSelector.labels{}", rule("wildcard is not supported in selector", "!self.contains('*')")),
    ]
}

fn authentication() -> Limits {
    let ports = "self.all(key, key.matches('^[0-9]{1,5}$') && 0 < int(key) && int(key) <= 65535)";
    let selected = "!has(self.portLevelMtls) || (has(self.selector) && has(self.selector.matchLabels) && \
                    self.selector.matchLabels.size() > 0)";
    vec![
        ("PeerAuthentication", rule("portLevelMtls requires selector", selected)),
        ("PeerAuthentication.portLevelMtls", json!({ "minProperties": 1, "maxProperties": 4096 })),
        ("PeerAuthentication.portLevelMtls", rule("port must be between 1-65535", ports)),
        ("RequestAuthentication", rules(&[ONE_TARGET])),
        ("RequestAuthentication.targetRefs", json!({ "maxItems": 16 })),
        ("RequestAuthentication.jwtRules", json!({ "maxItems": 4096 })),
        (
            "JwtRule",
            rule(
                "only one of jwks or jwksUri can be set",
                "(has(self.jwksUri) ? 1 : 0) + (has(self.jwks_uri) ? 1 : 0) + (has(self.jwks) ? 1 : 0) <= 1",
            ),
        ),
        ("JwtRule.issuer", not_empty()),
        ("JwtRule.audiences[]", not_empty()),
        ("JwtRule.jwksUri", json!({ "minLength": 1, "maxLength": 2048 })),
        (
            "JwtRule.jwksUri",
            rule(
                "url must have scheme http:// or https://",
                "isURL(self) && url(self).getScheme() in ['http', 'https']",
            ),
        ),
        ("JwtRule.fromParams[]", not_empty()),
        ("JwtRule.fromCookies[]", not_empty()),
        ("JwtRule.spaceDelimitedClaims", json!({ "maxItems": 64 })),
        ("JwtRule.spaceDelimitedClaims[]", not_empty()),
        ("JwtHeader", required(&["name"])),
        ("JwtHeader.name", not_empty()),
        ("ClaimToHeader", required(&["header", "claim"])),
        ("ClaimToHeader.header", json!({ "minLength": 1, "pattern": "^[-_A-Za-z0-9]+$" })),
        ("ClaimToHeader.claim", not_empty()),
    ]
}

fn authorization() -> Limits {
    let accounts = "(has(self.serviceAccounts) || has(self.notServiceAccounts)) ? \
                    (!has(self.principals) && !has(self.notPrincipals) && !has(self.namespaces) && \
                    !has(self.notNamespaces)) : true";
    vec![
        ("AuthorizationPolicy", rules(&[ONE_TARGET])),
        ("AuthorizationPolicy.targetRefs", json!({ "maxItems": 16 })),
        ("AuthorizationPolicy.rules", json!({ "maxItems": 512 })),
        ("Rule.from", json!({ "maxItems": 512 })),
        ("Source", rule("Cannot set serviceAccounts with namespaces or principals", accounts)),
        ("Source.serviceAccounts", json!({ "maxItems": 16 })),
        ("Source.serviceAccounts[]", json!({ "maxLength": 320 })),
        ("Source.notServiceAccounts", json!({ "maxItems": 16 })),
        ("Source.notServiceAccounts[]", json!({ "maxLength": 320 })),
        ("Condition", required(&["key"])),
    ]
}

fn telemetry() -> Limits {
    let upsert = "((has(self.operation) ? self.operation : '') == 'UPSERT') ? \
                  ((has(self.value) ? self.value : '') != '') : true";
    let remove = "((has(self.operation) ? self.operation : '') == 'REMOVE') ? !has(self.value) : true";
    vec![
        ("Telemetry", rules(&[ONE_TARGET])),
        ("Telemetry.targetRefs", json!({ "maxItems": 16 })),
        ("ProviderRef", required(&["name"])),
        ("ProviderRef.name", not_empty()),
        ("Tracing.randomSamplingPercentage", json!({ "minimum": 0, "maximum": 100 })),
        ("CustomTagValue", required(&["value"])),
        ("CustomTagValue.value", not_empty()),
        ("CustomTagEnvironment", required(&["name"])),
        ("CustomTagEnvironment.name", not_empty()),
        ("CustomTagHeader", required(&["name"])),
        ("CustomTagHeader.name", not_empty()),
        ("MetricSelector.customMetric", not_empty()),
        (
            "TagOverride",
            rules(&[
                ("value must be set when operation is UPSERT", upsert),
                ("value must not be set when operation is REMOVE", remove),
            ]),
        ),
    ]
}

fn extensions() -> Limits {
    let inline = "(has(self.valueFrom) ? self.valueFrom : '') != 'HOST' || !has(self.value)";
    let mut limits = vec![
        ("WasmPlugin", rules(&[ONE_TARGET])),
        ("WasmPlugin.targetRefs", json!({ "maxItems": 16 })),
        ("TrafficExtension", rules(&[ONE_TARGET_LIST])),
        ("TrafficExtension", json!({ "oneOf": [{ "required": ["wasm"] }, { "required": ["lua"] }] })),
        ("TrafficExtension.targetRefs", json!({ "maxItems": 16 })),
        ("Lua", required(&["inlineCode"])),
        ("Lua.inlineCode", json!({ "minLength": 1, "maxLength": 65_536 })),
        ("VmConfig.env", json!({ "maxItems": 256 })),
        ("VmConfig.env", json!({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] })),
        ("EnvVar", required(&["name"])),
        ("EnvVar", rule("value may only be set when valueFrom is INLINE", inline)),
        ("EnvVar.name", json!({ "minLength": 1, "maxLength": 256 })),
        ("EnvVar.value", json!({ "maxLength": 2048 })),
        ("TrafficSelector.ports", json!({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["number"] })),
        ("PortNumber", required(&["number"])),
        ("PortNumber.number", json!({ "minimum": 1, "maximum": 65_535 })),
        ("ProxyConfig.concurrency", json!({ "minimum": 0 })),
        ("ProxyConfig.environmentVariables{}", json!({ "maxLength": 2048 })),
        (
            "EnvoyFilter",
            rule(
                "only one of targetRefs or workloadSelector can be set",
                "(has(self.workloadSelector) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1",
            ),
        ),
        ("EnvoyFilter.targetRefs", json!({ "maxItems": 16 })),
        (
            "ObjectMatch",
            rule(
                "only support waypointMatch when context is WAYPOINT",
                "!has(self.waypoint) || (has(self.context) && self.context == 'WAYPOINT')",
            ),
        ),
        ("WaypointMatch.portNumber", port()),
    ];
    // Both kinds name a module alike.
    let modules = [
        ("WasmPlugin", "WasmPlugin.url", "WasmPlugin.sha256", "WasmPlugin.imagePullSecret", "WasmPlugin.pluginName"),
        ("Wasm", "Wasm.url", "Wasm.sha256", "Wasm.imagePullSecret", "Wasm.pluginName"),
    ];
    for (module, url, sha256, secret, name) in modules {
        limits.extend([
            (module, required(&["url"])),
            (url, not_empty()),
            (url, rule("url must have schema one of [http, https, file, oci]", MODULE_URL)),
            (sha256, json!({ "pattern": "(^$|^[a-f0-9]{64}$)" })),
            (secret, json!({ "minLength": 1, "maxLength": 253 })),
            (name, json!({ "minLength": 1, "maxLength": 256 })),
        ]);
    }
    limits
}
