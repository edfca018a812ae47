//! Services that differ between clusters.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::ServiceSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::finding::Findings;
use crate::message::INCONSISTENT_SERVICE;
use crate::object::Object;
use crate::world::{World, find};

/// How the cluster is called that is analyzed.
const LOCAL: &str = "local";

/// What the clusters of a mesh must agree about, of one port. The port of the node is each cluster's own.
type Port = (Option<String>, i32, String, Option<IntOrString>, Option<String>);

/// Finds services of one name that have another type, other ports or no address in another cluster.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    for service in &world.services {
        let of_cluster = |(cluster, services): (&String, &Vec<Object<ServiceSpec>>)| {
            let other = find(services, service.namespace(), service.name())?;
            Some((cluster.clone(), differences(&service.spec, &other.spec)))
        };
        let differing: BTreeMap<String, BTreeSet<&str>> =
            world.remote_services.iter().filter_map(of_cluster).filter(|(_, found)| !found.is_empty()).collect();
        if differing.is_empty() {
            continue;
        }
        let clusters: BTreeSet<&str> = differing.keys().map(String::as_str).chain([LOCAL]).collect();
        let reasons: BTreeSet<&str> = differing.values().flatten().copied().collect();
        let [clusters, reasons] = [clusters, reasons].map(|all| all.into_iter().collect::<Vec<_>>().join(", "));
        findings.add(&INCONSISTENT_SERVICE, service, "", &[&service.name(), &service.namespace(), &clusters, &reasons]);
    }
}

fn differences(one: &ServiceSpec, other: &ServiceSpec) -> BTreeSet<&'static str> {
    let is_headless = |spec: &ServiceSpec| spec.cluster_ip.as_deref() == Some("None");
    let kind = |spec: &ServiceSpec| spec.type_.clone().unwrap_or_else(|| "ClusterIP".to_owned());
    let found = [
        (is_headless(one) != is_headless(other), "only some are headless"),
        (kind(one) != kind(other), "their types differ"),
        (ports(one) != ports(other), "their ports differ"),
    ];
    found.into_iter().filter(|(differs, _)| *differs).map(|(_, text)| text).collect()
}

/// The ports, in an order that does not depend on how they are written.
fn ports(spec: &ServiceSpec) -> Vec<Port> {
    let port = |port: &k8s_openapi::api::core::v1::ServicePort| {
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        (port.name.clone(), port.port, protocol, port.target_port.clone(), port.app_protocol.clone())
    };
    let mut ports: Vec<Port> = spec.ports.iter().flatten().map(port).collect();
    ports.sort_by(|a, b| (&a.0, a.1, &a.2).cmp(&(&b.0, b.1, &b.2)));
    ports
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{AddOptions, World, analyze, analyzers};

    fn service(spec: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
    }

    /// What is found of a service that has the second specification in the cluster `west`.
    fn found(local: &Value, west: &Value) -> Vec<String> {
        let mut world = World::default();
        world.add(&service(local), AddOptions { namespace: "default", is_assumed: false });
        world.add_remote("west", &service(west));
        let chosen: Vec<_> =
            analyzers().into_iter().filter(|one| one.name == "services.MultiClusterServiceAnalyzer").collect();
        assert_eq!(chosen.len(), 1);
        analyze(&world, &chosen).into_iter().map(|one| format!("{} {}", one.message.code, one.text)).collect()
    }

    #[test]
    fn clusters_agree_about_type_ports_and_address() {
        let (http, grpc) = (json!({"name": "http", "port": 80}), json!({"name": "grpc", "port": 90}));
        let one = json!({"clusterIP": "10.0.0.1", "ports": [http, grpc]});
        let same = json!({"clusterIP": "10.9.0.1", "type": "ClusterIP",
            "ports": [grpc, {"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30000}]});
        assert_eq!(found(&one, &same), [""; 0]);
        let begin = "IST0170 the service web in the namespace shop differs between the clusters local, west: ";
        let cases = [
            (json!({"clusterIP": "None", "ports": [http, grpc]}), "only some are headless"),
            (json!({"type": "NodePort", "ports": [http, grpc]}), "their types differ"),
            (json!({"ports": [http]}), "their ports differ"),
            (
                json!({"ports": [{"name": "http", "port": 81}, grpc], "type": "NodePort"}),
                "their ports differ, their types differ",
            ),
        ];
        for (other, reason) in cases {
            assert_eq!(found(&one, &other), [format!("{begin}{reason}")]);
        }
    }
}
