//! A cluster that istiod certified: its root goes on being the root.

use anyhow::{Result, ensure};
use heddle_tests::cluster::node::Node;
use heddle_tests::pods::kubectl;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use serde_json::json;

/// Leaves what istiod leaves, its namespace with the authority's Secret, and returns the root's certificate.
pub(super) fn of_istiod(node: &Node) -> Result<String> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::OrganizationName, "cluster.local");
    let key = KeyPair::generate()?;
    let root = params.self_signed(&key)?.pem();
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "istio.io/ca-root",
        "metadata": {"name": "istio-ca-secret", "namespace": "istio-system"},
        "stringData": {"ca-cert.pem": root, "ca-key.pem": key.serialize_pem()}});
    kubectl(node, &["create", "namespace", "istio-system"], "")?;
    kubectl(node, &["create", "-f", "-"], &secret.to_string())?;
    Ok(root)
}

/// Whether workloads are told of that root, once they run.
pub(super) fn kept(node: &Node, root: &str) -> Result<String> {
    let get = ["get", "configmap", "istio-ca-root-cert", "-n", "bookinfo", "-o", "jsonpath={.data.root-cert\\.pem}"];
    let told = kubectl(node, &get, "")?;
    ensure!(told.trim() == root.trim(), "another root: {told}");
    Ok("the root that istiod left is the mesh's".to_owned())
}
