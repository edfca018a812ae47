//! A cluster that istiod certified: its root goes on being the root.

use anyhow::{Result, ensure};
use heddle_tests::cluster::istiod::Root;
use heddle_tests::cluster::node::Node;
use heddle_tests::pods::kubectl;

/// Leaves what istiod leaves when it is removed: its namespace with the authority's Secret.
pub(super) fn of_istiod(node: &Node) -> Result<Root> {
    let root = Root::new()?;
    kubectl(node, &["create", "namespace", "istio-system"], "")?;
    kubectl(node, &["create", "-f", "-"], &root.secret().to_string())?;
    Ok(root)
}

/// Whether workloads are told of that root, once they run.
pub(super) fn kept(node: &Node, root: &Root) -> Result<String> {
    let get = ["get", "configmap", "istio-ca-root-cert", "-n", "default", "-o", "jsonpath={.data.root-cert\\.pem}"];
    let told = kubectl(node, &get, "")?;
    ensure!(told.trim() == root.pem().trim(), "another root: {told}");
    Ok("the root of RSA that istiod left is the mesh's".to_owned())
}
