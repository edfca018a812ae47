//! A workload's own certificate. That it leads to our roots, and that the caller has its key, was checked by TLS.

use heddle_model::identity::Identity;
use heddle_model::mesh::Mesh;

/// The identity in a verified client certificate (DER), if its trust domain is the mesh's or one of its aliases.
pub(super) fn identity(certificate: &[u8], mesh: &Mesh) -> Result<Identity, String> {
    let identity = heddle_ca::identity(certificate).map_err(|error| format!("client certificate: {error}"))?;
    let ours = std::iter::once(&mesh.trust_domain).chain(&mesh.trust_domain_aliases);
    if ours.into_iter().any(|domain| identity.trust_domain() == domain.replace('@', ".")) {
        return Ok(identity);
    }
    Err(format!("client certificate: {identity} is not in the trust domain {}", mesh.trust_domain))
}
