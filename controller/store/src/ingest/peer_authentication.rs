//! PeerAuthentication.

use std::collections::BTreeMap;

use heddle_crds::security::peer_authentication::{MutualTlsMode, Spec};
use heddle_model::{
    authn::{MtlsMode, PeerAuthentication},
    mesh::Mesh,
    object::Origin,
};

use super::{Report, scalar};

/// Ingests one. Nothing for a selector in the root namespace, whose policies hold for the whole mesh.
#[must_use]
pub fn ingest(spec: &Spec, origin: &Origin, mesh: &Mesh, report: &mut Report) -> Option<PeerAuthentication> {
    let selector = spec.selector.as_ref().filter(|s| !s.match_labels.is_empty());
    if selector.is_some() && *origin.namespace() == mesh.root_namespace {
        let message = "a policy of the root namespace holds for the mesh and cannot select; it is ignored";
        report.error("spec.selector", "SelectorInRoot", message);
        return None;
    }
    let mut ports = BTreeMap::new();
    for (number, mtls) in &spec.port_level_mtls {
        if let Some(port) = scalar::port(*number, &format!("spec.portLevelMtls[{number}]"), report) {
            ports.insert(port, mode(mtls.mode));
        }
    }
    if selector.is_none() && !ports.is_empty() {
        report.error("spec.portLevelMtls", "MissingSelector", "ports need a selector; they are ignored");
        ports.clear();
    }
    Some(PeerAuthentication {
        origin: origin.clone(),
        selector: selector.map(|s| s.match_labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect()),
        mode: spec.mtls.and_then(|m| mode(m.mode)),
        ports,
    })
}

fn mode(mode: MutualTlsMode) -> Option<MtlsMode> {
    match mode {
        MutualTlsMode::Unset => None,
        MutualTlsMode::Disable => Some(MtlsMode::Disable),
        MutualTlsMode::Permissive => Some(MtlsMode::Permissive),
        MutualTlsMode::Strict => Some(MtlsMode::Strict),
    }
}
