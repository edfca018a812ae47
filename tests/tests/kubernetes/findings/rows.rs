//! The rows of the table of docs/day-two.md, and a case for each.

use anyhow::{Context, Result, ensure};
use heddle_tests::product;

/// A row of the table.
#[derive(Debug)]
pub(super) struct Row {
    /// The kind; `any` for all.
    pub(super) object: String,
    pub(super) cause: String,
    /// `False` or `Unknown`.
    pub(super) condition: String,
    /// The reason words, each a whole word or the begin of one.
    pub(super) reasons: Vec<String>,
    /// What the answer to `kubectl apply` has: `warning`, `error` or `–`.
    pub(super) apply: String,
    /// The code of `heddlectl analyze`, or `–`.
    pub(super) code: String,
}

/// Objects that make a row true.
pub(super) struct Case {
    /// The first two cells of the row.
    pub(super) row: (&'static str, &'static str),
    /// The kind of the object that the row is about. Its name is `target`.
    pub(super) kind: &'static str,
    /// Objects besides [`COMMON`], in YAML.
    pub(super) objects: &'static str,
}

/// What each namespace has: a Service `web` without pods, and a gateway with its Service and its pod.
pub(super) const COMMON: &str = "\
{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{name: http, port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: gate},
  spec: {selector: {app: NAMESPACE}, ports: [{name: https, port: 443}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: gate, labels: {app: NAMESPACE}},
  spec: {automountServiceAccountToken: false, containers: [{name: gate, image: gate}]}}
";

const UNSUPPORTED: &str = "Heddle does not support the kind yet";
const NO_WORKLOAD: &str = "the selector selects no workload";
const OVERRULED: &str = "an older object binds the same workloads";

/// All cases but that of a rejection, which needs a proxy.
pub(super) const CASES: [Case; 27] = [
    Case {
        row: ("AuthorizationPolicy", UNSUPPORTED),
        kind: "authorizationpolicy",
        objects: "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: target}, \
                  spec: {action: DENY, rules: [{}]}}",
    },
    Case {
        row: ("RequestAuthentication", UNSUPPORTED),
        kind: "requestauthentication",
        objects: "{apiVersion: security.istio.io/v1, kind: RequestAuthentication, metadata: {name: target}, \
                  spec: {jwtRules: [{issuer: issuer.example, jwksUri: 'https://issuer.example/keys'}]}}",
    },
    Case {
        row: ("EnvoyFilter", UNSUPPORTED),
        kind: "envoyfilter",
        objects: "{apiVersion: networking.istio.io/v1alpha3, kind: EnvoyFilter, metadata: {name: target}, \
                  spec: {priority: 1, configPatches: [{applyTo: CLUSTER, match: {cluster: {portNumber: 80}}, \
                  patch: {operation: REMOVE}}]}}",
    },
    Case {
        row: ("WasmPlugin", UNSUPPORTED),
        kind: "wasmplugin",
        objects: "{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: target}, \
                  spec: {url: 'oci://registry.example/module:v1'}}",
    },
    Case {
        row: ("TrafficExtension", UNSUPPORTED),
        kind: "trafficextension",
        objects: "{apiVersion: extensions.istio.io/v1alpha1, kind: TrafficExtension, metadata: {name: target}, \
                  spec: {lua: {inlineCode: 'function envoy_on_request(handle) end'}}}",
    },
    Case {
        row: ("Telemetry", UNSUPPORTED),
        kind: "telemetry",
        objects: "{apiVersion: telemetry.istio.io/v1, kind: Telemetry, metadata: {name: target}, \
                  spec: {tracing: [{randomSamplingPercentage: 5}]}}",
    },
    Case {
        row: ("WorkloadGroup", UNSUPPORTED),
        kind: "workloadgroup",
        objects: "{apiVersion: networking.istio.io/v1, kind: WorkloadGroup, metadata: {name: target}, \
                  spec: {template: {serviceAccount: default}}}",
    },
    Case {
        row: ("any", "a field is not supported yet"),
        kind: "virtualservice",
        objects: "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: gate}, spec: {selector: {app: \
                  NAMESPACE}, servers: [{port: {number: 443, name: https, protocol: HTTP}, hosts: [a.example]}]}}\n\
                  ---\n\
                  {apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: target}, spec: {hosts: \
                  [a.example], gateways: [gate], http: [{match: [{headers: {'@request.auth.claims.team': \
                  {exact: a}}}], route: [{destination: {host: web}}]}, {route: [{destination: {host: web}}]}]}}",
    },
    Case {
        row: ("any", "a value is invalid, and the object was not validated when it was applied"),
        kind: "virtualservice",
        objects: "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: target}, \
                  spec: {hosts: [web], http: [{match: [{uri: {regex: '(web'}}], \
                  route: [{destination: {host: web}}]}]}}",
    },
    Case {
        row: ("VirtualService", "its gateway does not exist"),
        kind: "virtualservice",
        objects: "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: target}, \
                  spec: {hosts: [a.example], gateways: [gone], http: [{route: [{destination: {host: web}}]}]}}",
    },
    Case {
        row: ("VirtualService", "no server of its gateway takes one of its hosts"),
        kind: "virtualservice",
        objects: "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: gate}, spec: {selector: {app: \
                  NAMESPACE}, servers: [{port: {number: 443, name: https, protocol: HTTP}, hosts: [b.example]}]}}\n\
                  ---\n\
                  {apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: target}, \
                  spec: {hosts: [a.example], gateways: [gate], http: [{route: [{destination: {host: web}}]}]}}",
    },
    Case {
        row: ("VirtualService", "the host of a destination does not exist"),
        kind: "virtualservice",
        objects: "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: target}, \
                  spec: {hosts: [web], http: [{route: [{destination: {host: gone}}]}]}}",
    },
    Case {
        row: ("VirtualService", "the host of a destination does not have the port"),
        kind: "virtualservice",
        objects: "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: target}, \
                  spec: {hosts: [web], http: [{route: [{destination: {host: web, port: {number: 81}}}]}]}}",
    },
    Case {
        row: ("VirtualService", "no DestinationRule defines the subset"),
        kind: "virtualservice",
        objects: "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: target}, \
                  spec: {hosts: [web], http: [{route: [{destination: {host: web, subset: v9}}]}]}}",
    },
    Case {
        row: ("DestinationRule", "its host does not exist"),
        kind: "destinationrule",
        objects: "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: target}, \
                  spec: {host: gone}}",
    },
    Case {
        row: ("DestinationRule", "no endpoint has the labels of a subset"),
        kind: "destinationrule",
        objects: "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: target}, \
                  spec: {host: web, subsets: [{name: v9, labels: {version: v9}}]}}",
    },
    Case {
        row: ("Gateway", "the Service in front of its proxies does not have the port of a server"),
        kind: "gateways.networking.istio.io",
        objects: "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: target}, spec: {selector: {app: \
                  NAMESPACE}, servers: [{port: {number: 8443, name: http, protocol: HTTP}, hosts: [a.example]}]}}",
    },
    Case {
        row: ("Gateway", "a Secret of a server does not exist in the namespace of its proxies"),
        kind: "gateways.networking.istio.io",
        objects: "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: target}, spec: {selector: {app: \
                  NAMESPACE}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: [a.example], \
                  tls: {mode: SIMPLE, credentialName: gone}}]}}",
    },
    Case {
        row: ("PeerAuthentication", OVERRULED),
        kind: "peerauthentication",
        objects: "{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: a-first}, \
                  spec: {mtls: {mode: STRICT}}}\n---\n\
                  {apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: target}, \
                  spec: {mtls: {mode: PERMISSIVE}}}",
    },
    Case {
        row: ("Sidecar", OVERRULED),
        kind: "sidecar",
        objects: "{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {name: a-first}, \
                  spec: {egress: [{hosts: ['./*']}]}}\n---\n\
                  {apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {name: target}, \
                  spec: {egress: [{hosts: ['*/*']}]}}",
    },
    Case {
        row: ("Gateway", NO_WORKLOAD),
        kind: "gateways.networking.istio.io",
        objects: "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: target}, spec: {selector: {app: \
                  gone}, servers: [{port: {number: 443, name: http, protocol: HTTP}, hosts: [a.example]}]}}",
    },
    Case {
        row: ("Sidecar", NO_WORKLOAD),
        kind: "sidecar",
        objects: "{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {name: target}, \
                  spec: {workloadSelector: {labels: {app: gone}}, egress: [{hosts: ['./*']}]}}",
    },
    Case {
        row: ("PeerAuthentication", NO_WORKLOAD),
        kind: "peerauthentication",
        objects: "{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: target}, \
                  spec: {selector: {matchLabels: {app: gone}}, mtls: {mode: STRICT}}}",
    },
    Case {
        row: ("ProxyConfig", NO_WORKLOAD),
        kind: "proxyconfig",
        objects: "{apiVersion: networking.istio.io/v1beta1, kind: ProxyConfig, metadata: {name: target}, \
                  spec: {selector: {matchLabels: {app: gone}}, concurrency: 1}}",
    },
    Case {
        row: ("DestinationRule", NO_WORKLOAD),
        kind: "destinationrule",
        objects: "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: target}, \
                  spec: {host: web, workloadSelector: {matchLabels: {app: gone}}}}",
    },
    Case {
        row: ("ServiceEntry", NO_WORKLOAD),
        kind: "serviceentry",
        objects: "{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: target}, \
                  spec: {hosts: [NAMESPACE.example], resolution: STATIC, ports: [{number: 80, name: http, protocol: \
                  HTTP}], workloadSelector: {labels: {app: gone}}}}",
    },
    Case {
        row: ("VirtualService", "it is bound to gateways only, and they have no workloads"),
        kind: "virtualservice",
        objects: "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: idle}, spec: {selector: {app: \
                  gone}, servers: [{port: {number: 443, name: http, protocol: HTTP}, hosts: [a.example]}]}}\n\
                  ---\n\
                  {apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: target}, \
                  spec: {hosts: [a.example], gateways: [idle], http: [{route: [{destination: {host: web}}]}]}}",
    },
];

/// The rows of the table.
pub(super) fn rows() -> Result<Vec<Row>> {
    let page = std::fs::read_to_string(product::root()?.join("docs/day-two.md"))?;
    let table = page.split_once("findings.rs reads this table").context("the table")?.1;
    let lines = table.lines().skip(1).take_while(|line| line.starts_with('|')).skip(2);
    let rows: Vec<Row> = lines.map(row).collect::<Result<_>>()?;
    ensure!(rows.len() > 20, "the table has only {} rows", rows.len());
    Ok(rows)
}

fn row(line: &str) -> Result<Row> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [object, cause, condition, reasons, apply, code] = cells.as_slice() else {
        anyhow::bail!("{} cells: {line}", cells.len());
    };
    let reasons = reasons.split(',').map(|one| one.trim().trim_matches('`').trim_end_matches('…').to_owned());
    // A link is no part of the cause.
    let cause = cause.split(" ([").next().unwrap_or_default();
    let text = |cell: &str| cell.to_owned();
    Ok(Row {
        object: text(object),
        cause: text(cause),
        condition: text(condition),
        reasons: reasons.collect(),
        apply: text(apply),
        code: text(code),
    })
}
