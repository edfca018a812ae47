//! The networks of the mesh.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::finding::Findings;
use crate::message::UNKNOWN_REGISTRY;
use crate::object::Identity;
use crate::world::World;

/// The registries that every control plane has.
const BUILT_IN: [&str; 3] = ["Mock", "Kubernetes", "External"];
/// The label of Secrets with the kubeconfigs of other clusters. Their keys are the names of the clusters.
const REMOTE: &str = "istio/multiCluster";

/// Finds networks of a registry that no cluster has.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    let remote = world.secrets.iter().filter(|secret| secret.label(REMOTE) == Some("true"));
    let clusters = remote.flat_map(|secret| secret.spec.keys().map(String::as_str));
    let known: BTreeSet<&str> = BUILT_IN.into_iter().chain(clusters).collect();
    let networks = Arc::new(Identity {
        namespace: "istio-system".to_owned(),
        name: "meshnetworks".to_owned(),
        kind: "MeshNetworks",
        group: "",
        is_namespace_written: true,
        suppressed: Vec::new(),
        is_assumed: false,
    });
    for (name, network) in &world.networks.networks {
        for (index, endpoints) in network.endpoints.iter().enumerate() {
            if let Some(registry) = endpoints.from_registry.as_deref().filter(|registry| !known.contains(registry)) {
                let path = format!("networks.{name}.endpoints[{index}].fromRegistry");
                findings.add_of(&UNKNOWN_REGISTRY, &networks, path, &[&registry, name]);
            }
        }
    }
}
