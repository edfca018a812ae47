//! The objects of the mesh, as YAML.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use super::Pod;

/// One object as a document of YAML.
#[derive(Clone, Debug)]
pub(crate) struct Object(pub(crate) String);

pub(super) fn mesh() -> Object {
    Object(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: istio-system}\n---\n\
         apiVersion: v1\nkind: Node\nmetadata: {name: node-0}\n"
            .to_owned(),
    )
}

pub(super) fn namespace(name: &str) -> Object {
    Object(format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"))
}

pub(super) fn service(app: &str, namespace: &str, number: usize, ports: u16) -> Object {
    // The first addresses of the range are those of the cluster itself.
    let ip = Ipv4Addr::from(0x0a60_0101 + u32::try_from(number).unwrap_or(0));
    Object(format!(
        "apiVersion: v1\nkind: Service\n\
         metadata: {{name: {app}, namespace: {namespace}, creationTimestamp: \"2026-01-01T00:00:00Z\"}}\n\
         spec: {{clusterIP: {ip}, clusterIPs: [{ip}], selector: {{app: {app}}}, \
         ports: [{}]}}\n",
        each_port(ports, |index, name| format!("{{name: {name}, port: {}, targetPort: {}}}", 80 + index, 8080 + index))
    ))
}

pub(super) fn pod(pod: &Pod) -> Object {
    let Pod { name, namespace, ip, .. } = pod;
    let mut labels = String::new();
    for (key, value) in pod.labels() {
        // Writing to a string does not fail.
        let _ = write!(labels, "{}{key}: {value}", if labels.is_empty() { "" } else { ", " });
    }
    Object(format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{{labels}}}}}\n\
         spec: {{serviceAccountName: default, nodeName: node-0, containers: [{{name: app, image: app}}]}}\n\
         status: {{podIP: {ip}, podIPs: [{{ip: {ip}}}], phase: Running, conditions: [{{type: Ready, \
         status: \"True\"}}]}}\n"
    ))
}

/// Addresses with the pods that have them; an address may be of no pod.
pub(super) fn endpoints(app: &str, namespace: &str, ports: u16, addresses: &[(Ipv4Addr, Option<&Pod>)]) -> Object {
    let mut text = format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{name: {app}-1, namespace: {namespace}, labels: {{kubernetes.io/service-name: {app}}}}}\n\
         addressType: IPv4\nports: [{}]\nendpoints:\n",
        each_port(ports, |index, name| format!("{{name: {name}, port: {}, protocol: TCP}}", 8080 + index))
    );
    for (ip, pod) in addresses {
        let target = pod.map(|pod| format!(", targetRef: {{kind: Pod, name: {}, namespace: {namespace}}}", pod.name));
        let target = target.unwrap_or_default();
        let _ = writeln!(
            text,
            "- {{addresses: [{ip}], conditions: {{ready: true, serving: true}}, nodeName: node-0{target}}}"
        );
    }
    Object(text)
}

pub(super) fn virtual_service(app: &str, namespace: &str, header: &str) -> Object {
    Object(format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {app}, namespace: {namespace}}}\n\
         spec:\n  hosts: [{app}]\n  http:\n  - route: [{{destination: {{host: {app}}}}}]\n    \
         headers: {{request: {{set: {{x-fleet: {header}}}}}}}\n"
    ))
}

/// A rule that limits connections, with a subset that has a limit of its own if one is named.
pub(super) fn destination_rule(app: &str, namespace: &str, connections: u32, subset: Option<(&str, u32)>) -> Object {
    let policy =
        |connections: u32| format!("trafficPolicy: {{connectionPool: {{tcp: {{maxConnections: {connections}}}}}}}");
    let subsets = subset.map(|(name, connections)| {
        format!(", subsets: [{{name: {name}, labels: {{app: {app}}}, {}}}]", policy(connections))
    });
    Object(format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: {app}, namespace: {namespace}}}\n\
         spec: {{host: {app}, {}{}}}\n",
        policy(connections),
        subsets.unwrap_or_default()
    ))
}

/// The ports of a service or a slice, by their place and name.
fn each_port(ports: u16, port: impl Fn(u16, &str) -> String) -> String {
    let name = |index| if index == 0 { "http".to_owned() } else { format!("http-{index}") };
    (0..ports).map(|index| port(index, &name(index))).collect::<Vec<_>>().join(", ")
}
