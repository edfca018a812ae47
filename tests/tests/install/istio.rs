//! What an installation of istiod by Helm leaves on a cluster: a release of a chart of our own that makes objects of the
//! same names and kinds, and what istiod writes by itself.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use heddle_tests::cluster::Cluster;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType};
use serde_json::{Value, json};

use super::tools::helm_in;

const OBJECTS: &str = include_str!("istio/objects.yaml");

/// istiod's authority.
pub(crate) struct Root(CertifiedIssuer<'static, KeyPair>);

impl Root {
    /// Makes one.
    pub(crate) fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::OrganizationName, "cluster.local");
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Its certificate.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A workload's certificate and key, as istiod would have given them to an injected pod.
    pub(crate) fn leaf(&self, namespace: &str, account: &str) -> Result<(String, String)> {
        let mut params = CertificateParams::default();
        let id = format!("spiffe://cluster.local/ns/{namespace}/sa/{account}");
        params.subject_alt_names = vec![SanType::URI(id.try_into()?)];
        params.extended_key_usages =
            vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth, rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &self.0)?.pem() + &self.pem(), key.serialize_pem()))
    }

    /// The Secret in which istiod keeps it.
    fn secret(&self) -> Value {
        let text = |text: &str| STANDARD.encode(text);
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "istio.io/ca-root",
            "metadata": {"name": "istio-ca-secret", "namespace": "istio-system"},
            "data": {
                "ca-cert.pem": text(&self.pem()), "ca-key.pem": text(&self.0.key().serialize_pem()),
                "root-cert.pem": "", "cert-chain.pem": "", "key.pem": "",
            },
        })
    }
}

/// Installs it, with a namespace that is injected, a user's object, and what istiod itself would have written.
pub(crate) async fn install(cluster: &Cluster, root: &Root) -> Result<()> {
    let folder = tempfile::tempdir()?;
    chart(folder.path(), "istio-base", &definitions()?)?;
    chart(folder.path(), "istiod", OBJECTS)?;
    helm_in(cluster, folder.path(), &["install", "istio-base", "istio-base", "--create-namespace"]).await?;
    let set = "meshConfig.accessLogFile=/dev/stdout,pilot.env.PILOT_ENABLE_ALPHA=true,global.hub=docker.io/istio";
    helm_in(cluster, folder.path(), &["install", "istiod", "istiod", "--set", set]).await?;
    let api = cluster.api().await?;
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio-ca-root-cert", "labels": {"istio.io/config": "true"}},
        "data": {"root-cert.pem": root.pem()},
    });
    for (path, object) in [
        ("/api/v1/namespaces/istio-system/secrets", &root.secret()),
        ("/api/v1/namespaces/default/configmaps", &map),
        ("/api/v1/namespaces/istio-system/configmaps", &map),
    ] {
        let answer = api.post(path, object).await?;
        ensure!(answer.accepted(), "{path}: {}", answer.message());
    }
    let out = cluster.kubectl(&["label", "namespace", "default", "istio-injection=enabled"], "")?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    cluster.apply(
        "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: mine, namespace: default},
          spec: {hosts: [a], http: [{route: [{destination: {host: a}}]}]}}",
    )?;
    for path in [
        "mutatingwebhookconfigurations/istio-sidecar-injector",
        "validatingwebhookconfigurations/istio-validator-istio-system",
    ] {
        let path = format!("/apis/admissionregistration.k8s.io/v1/{path}");
        let mut webhook = api.get(&path).await?.body;
        for hook in webhook["webhooks"].as_array_mut().context("webhooks")? {
            hook["clientConfig"]["caBundle"] = STANDARD.encode(root.pem()).into();
        }
        ensure!(api.call(http::Method::PUT, &path, Some(&webhook)).await?.accepted());
    }
    Ok(())
}

fn chart(folder: &Path, name: &str, objects: &str) -> Result<()> {
    let chart = folder.join(name);
    std::fs::create_dir_all(chart.join("templates"))?;
    std::fs::write(chart.join("Chart.yaml"), format!("{{apiVersion: v2, name: {name}, version: 1.30.0}}"))?;
    Ok(std::fs::write(chart.join("templates/all.yaml"), objects)?)
}

/// The definitions by their names, with schemas that take everything.
fn definitions() -> Result<String> {
    let mut out = String::new();
    let folder = heddle_tests::product::root()?.join("crds/yaml");
    for file in std::fs::read_dir(&folder)? {
        let mut definition: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(file?.path())?)?;
        for version in definition["spec"]["versions"].as_array_mut().context("versions")? {
            version["schema"] =
                json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
        }
        write!(out, "---\n{}", serde_yaml_ng::to_string(&definition)?)?;
    }
    Ok(out)
}
