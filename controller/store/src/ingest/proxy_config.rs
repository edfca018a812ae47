//! ProxyConfig.

use heddle_crds::networking::proxy_config::Spec;
use heddle_model::{mesh::Mesh, object::Origin, settings::ProxySettings};

use super::Report;

/// Ingests one. Nothing for a selector in the root namespace, whose settings hold for the whole mesh.
#[must_use]
pub fn ingest(spec: &Spec, origin: &Origin, mesh: &Mesh, report: &mut Report) -> Option<ProxySettings> {
    let selector = spec.selector.as_ref().filter(|selector| !selector.match_labels.is_empty());
    if selector.is_some() && *origin.namespace() == mesh.root_namespace {
        let message = "settings of the root namespace hold for the mesh and cannot select; they are ignored";
        report.error("spec.selector", "SelectorInRoot", message);
        return None;
    }
    let concurrency = spec.concurrency.map(u32::try_from);
    if let Some(Err(_)) = concurrency {
        report.error("spec.concurrency", "BadNumber", "a number of threads is not negative; it is ignored");
    }
    Some(ProxySettings {
        origin: origin.clone(),
        selector: selector.map(|s| s.match_labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect()),
        concurrency: concurrency.and_then(Result::ok),
        environment: spec.environment_variables.iter().map(|(k, v)| (k.as_str().into(), v.as_str().into())).collect(),
        image_type: spec.image.as_ref().map(|image| image.image_type.as_str()).unwrap_or_default().into(),
    })
}
