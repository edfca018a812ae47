//! What is assumed to exist where nobody can look: the ingress gateway that most installations have.

use heddle_crds::mesh::mesh_config::IngressControllerMode;
use serde_json::json;

use crate::world::{AddOptions, World};

/// The ports of the gateway's Service, with their names.
const PORTS: [(&str, u16); 4] = [("http2", 80), ("https", 443), ("tcp", 31400), ("tls", 15443)];

impl World {
    /// Adds the ingress gateway of a mesh: its Service and one pod. Files seldom hold them, and Gateways would seem to
    /// select nothing. The settings of the mesh must be set before.
    pub fn assume_ingress_gateway(&mut self, namespace: &str) {
        if self.mesh.ingress_controller_mode == Some(IngressControllerMode::Off) {
            return;
        }
        let set = |text: &Option<String>, default: &str| {
            text.clone().filter(|text| !text.is_empty()).unwrap_or_else(|| default.to_owned())
        };
        let name = set(&self.mesh.ingress_service, "istio-ingressgateway");
        let labels = json!({"istio": set(&self.mesh.ingress_selector, "ingressgateway")});
        let ports = PORTS.map(|(name, port)| json!({"name": name, "port": port, "targetPort": port}));
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("{name}-assumed"), "namespace": namespace, "labels": labels},
            "spec": {"containers": [{"name": "istio-proxy"}]},
        });
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": labels, "ports": ports},
        });
        let options = AddOptions { namespace, is_assumed: true };
        self.add(&pod, options);
        self.add(&service, options);
    }
}
