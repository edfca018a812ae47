//! Limits of the kinds that say where traffic goes.

use serde_json::json;

use super::{Limits, not_empty, port, required, rule, rules};

pub(super) fn limits() -> Limits {
    let mut limits = routes();
    limits.extend(destinations());
    limits.extend(listeners());
    limits.extend(service_entry());
    limits.extend(workloads());
    limits
}

fn routes() -> Limits {
    vec![
        ("Destination", required(&["host"])),
        ("HttpRouteDestination", required(&["destination"])),
        ("RouteDestination", required(&["destination"])),
        ("Mirror", required(&["destination"])),
        ("DirectResponse", required(&["status"])),
        ("TlsRoute", required(&["match"])),
        ("TlsMatch", required(&["sniHosts"])),
    ]
}

fn destinations() -> Limits {
    vec![
        ("DestinationRule", required(&["host"])),
        ("Subset", required(&["name"])),
        ("TrafficPolicy.portLevelSettings", json!({ "maxItems": 4096 })),
        ("Tunnel", required(&["targetHost", "targetPort"])),
        ("HttpCookie", required(&["name"])),
        ("CookieAttribute", required(&["name"])),
        ("Warmup", required(&["duration"])),
        ("Warmup.minimumPercent", json!({ "minimum": 0, "maximum": 100 })),
        ("Warmup.aggression", json!({ "minimum": 0 })),
        ("RetryBudget.percent", json!({ "minimum": 0, "maximum": 100 })),
    ]
}

fn listeners() -> Limits {
    let both = [
        (
            "only one of credentialNames or credentialName can be set",
            "(has(self.credentialName) ? 1 : 0) + (has(self.credentialNames) ? 1 : 0) <= 1",
        ),
        (
            "only one of credentialNames or tlsCertificates can be set",
            "(has(self.tlsCertificates) ? 1 : 0) + (has(self.credentialNames) ? 1 : 0) <= 1",
        ),
    ];
    vec![
        ("Server", required(&["port", "hosts"])),
        ("Server.port", required(&["number", "protocol", "name"])),
        ("ServerTls", rules(&both)),
        ("ServerTls.credentialNames", json!({ "minItems": 1, "maxItems": 2 })),
        ("ServerTls.tlsCertificates", json!({ "minItems": 1, "maxItems": 2 })),
        ("Ingress", required(&["port"])),
        ("Egress", required(&["hosts"])),
        ("OutboundMode", json!({ "enum": ["REGISTRY_ONLY", "ALLOW_ANY"] })),
    ]
}

fn service_entry() -> Limits {
    let cidr = "!has(self.addresses) || !self.addresses.exists(address, address.contains('/')) || \
                !has(self.resolution) || self.resolution in ['NONE', 'STATIC']";
    let spec = [
        (
            "only one of WorkloadSelector or Endpoints can be set",
            "(has(self.workloadSelector) ? 1 : 0) + (has(self.endpoints) ? 1 : 0) <= 1",
        ),
        ("CIDR addresses are allowed only for NONE/STATIC resolution types", cidr),
        (
            "NONE mode cannot set endpoints",
            "(!has(self.resolution) || self.resolution == 'NONE') ? !has(self.endpoints) : true",
        ),
        (
            "DNS_ROUND_ROBIN mode cannot have multiple endpoints",
            "(has(self.resolution) && self.resolution == 'DNS_ROUND_ROBIN') ? \
             (!has(self.endpoints) || self.endpoints.size() <= 1) : true",
        ),
    ];
    vec![
        ("ServiceEntry", required(&["hosts"])),
        ("ServiceEntry", rules(&spec)),
        ("ServiceEntry.hosts", json!({ "minItems": 1, "maxItems": 256 })),
        ("ServiceEntry.hosts[]", rule("hostname cannot be wildcard", "self != '*'")),
        ("ServiceEntry.addresses", json!({ "maxItems": 256 })),
        ("ServiceEntry.addresses[]", json!({ "maxLength": 64 })),
        ("ServiceEntry.ports", json!({ "maxItems": 256 })),
        ("ServiceEntry.ports", json!({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] })),
        (
            "ServiceEntry.ports",
            rule("port number cannot be duplicated", "self.all(a, self.exists_one(b, a.number == b.number))"),
        ),
        ("ServicePort", required(&["number", "name"])),
        ("ServicePort.name", json!({ "minLength": 1, "maxLength": 256 })),
        ("ServicePort.protocol", json!({ "maxLength": 256 })),
        ("ServicePort.number", port()),
        ("ServicePort.targetPort", port()),
        ("ServiceEntry.endpoints", json!({ "maxItems": 4096 })),
        ("ServiceEntry.endpoints[]", rule("Address is required", "has(self.address) || has(self.network)")),
    ]
}

fn workloads() -> Limits {
    let name = "self.all(key, key.size() < 63 && key.matches('^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$'))";
    let socket = [
        (
            "UDS must be an absolute path or abstract socket",
            "self.startsWith('unix://') ? (self.startsWith('unix:///') || self.startsWith('unix://@')) : true",
        ),
        ("UDS may not be a dir", "self.startsWith('unix://') ? !self.endsWith('/') : true"),
    ];
    vec![
        ("spec:WorkloadEntry", rule("Address is required", "has(self.address) || has(self.network)")),
        (
            "WorkloadEntry",
            rule(
                "UDS may not include ports",
                "(has(self.address) && self.address.startsWith('unix://')) ? !has(self.ports) : true",
            ),
        ),
        ("WorkloadEntry.address", json!({ "maxLength": 256 })),
        ("WorkloadEntry.address", rules(&socket)),
        ("WorkloadEntry.ports", json!({ "maxProperties": 128 })),
        ("WorkloadEntry.ports", rule("port name must be valid", name)),
        ("WorkloadEntry.ports{}", port()),
        ("WorkloadEntry.labels", json!({ "maxProperties": 256 })),
        ("WorkloadEntry.network", json!({ "maxLength": 2048 })),
        ("WorkloadEntry.locality", json!({ "maxLength": 2048 })),
        ("WorkloadEntry.serviceAccount", json!({ "maxLength": 253 })),
        ("WorkloadGroup", required(&["template"])),
        ("TemplateMetadata.labels", json!({ "maxProperties": 256 })),
        ("TemplateMetadata.annotations", json!({ "maxProperties": 256 })),
        ("Probe.initialDelaySeconds", json!({ "minimum": 0 })),
        ("Probe.timeoutSeconds", json!({ "minimum": 0 })),
        ("Probe.periodSeconds", json!({ "minimum": 0 })),
        ("Probe.successThreshold", json!({ "minimum": 0 })),
        ("Probe.failureThreshold", json!({ "minimum": 0 })),
        ("HttpGet", required(&["port"])),
        ("HttpGet.port", port()),
        ("HttpGet.scheme", rule("scheme must be one of [HTTP, HTTPS]", "self in ['', 'HTTP', 'HTTPS']")),
        ("HttpHeader.name", json!({ "pattern": "^[-_A-Za-z0-9]+$" })),
        ("TcpSocket", required(&["port"])),
        ("TcpSocket.port", port()),
        ("Exec", required(&["command"])),
        ("Exec.command", json!({ "minItems": 1 })),
        ("Exec.command[]", not_empty()),
        ("Grpc.port", rule("port must be between 1-65535", "0 <= self && self <= 65535")),
    ]
}
