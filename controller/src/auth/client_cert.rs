//! The certificate of a workload. TLS has verified its chain and the possession of its key.

use heddle_model::identity::Identity;
use heddle_model::mesh::Mesh;

/// The identity in a verified client certificate (DER). Its trust domain must be that of the mesh or an alias.
pub(super) fn identity(certificate: &[u8], mesh: &Mesh) -> Result<Identity, String> {
    let identity = heddle_ca::identity(certificate).map_err(|error| format!("client certificate: {error}"))?;
    let ours = std::iter::once(&mesh.trust_domain).chain(&mesh.trust_domain_aliases);
    if ours.into_iter().any(|domain| identity.trust_domain() == domain.replace('@', ".")) {
        return Ok(identity);
    }
    Err(format!("client certificate: {identity} is not in the trust domain {}", mesh.trust_domain))
}
