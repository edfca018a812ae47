//! The keys and certificates of a cluster, and a kubeconfig that names them.

use std::fs;
use std::path::Path;

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};

/// Writes `ca.crt`, `server.*`, `admin.*`, `node.*` of the kubelet, the key that signs service accounts' tokens
/// (`account.*`), and the kubeconfigs `admin.conf` and `node.conf`.
pub(super) fn write(folder: &Path, server: &str) -> Result<()> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "heddle-test-ca");
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    fs::write(folder.join("ca.crt"), ca.pem())?;
    let sign = |file: &str, mut params: CertificateParams, name: &str| -> Result<()> {
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        fs::write(folder.join(format!("{file}.crt")), params.signed_by(&key, &ca)?.pem())?;
        Ok(fs::write(folder.join(format!("{file}.key")), key.serialize_pem())?)
    };
    // The second is that of the Service `kubernetes`, by which pods reach it.
    let names = ["127.0.0.1", "10.96.0.1", "localhost", "kubernetes.default.svc"].map(str::to_owned);
    sign("server", CertificateParams::new(names)?, "kube-apiserver")?;
    let mut node = CertificateParams::new(["node1", "10.254.0.2"].map(str::to_owned))?;
    node.distinguished_name.push(DnType::OrganizationName, "system:nodes");
    sign("node", node, "system:node:node1")?;
    let mut admin = CertificateParams::default();
    // The group that RBAC lets do all.
    admin.distinguished_name.push(DnType::OrganizationName, "system:masters");
    sign("admin", admin, "admin")?;
    let account = KeyPair::generate()?;
    fs::write(folder.join("account.key"), account.serialize_pem())?;
    fs::write(folder.join("account.pub"), account.public_key_pem())?;
    let path = |file: String| folder.join(file).display().to_string();
    for user in ["admin", "node"] {
        let (ca, crt, key) = (path("ca.crt".to_owned()), path(format!("{user}.crt")), path(format!("{user}.key")));
        let config = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
             clusters: [{{name: test, cluster: {{server: 'https://{server}', certificate-authority: '{ca}'}}}}]\n\
             users: [{{name: {user}, user: {{client-certificate: '{crt}', client-key: '{key}'}}}}]\n\
             contexts: [{{name: test, context: {{cluster: test, user: {user}}}}}]\n"
        );
        fs::write(folder.join(format!("{user}.conf")), config)?;
    }
    Ok(())
}
