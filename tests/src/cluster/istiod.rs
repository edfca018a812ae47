//! What istiod leaves on a cluster: what an installation by Helm makes, as charts of our own with objects of the same
//! names and kinds, and what istiod writes by itself.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use heddle_yaml::{Budget, Schema};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::pki_types::{PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, pem::PemObject as _};
use serde_json::{Value, json};

use super::Api;

const OBJECTS: &str = include_str!("istiod/objects.yaml");
/// What the objects say unless they are told otherwise.
const VALUES: &str = "{image: pilot, meshConfig: {}, global: {hub: docker.io/istio, tag: 1.30.0}}";
/// An RSA key in PKCS #1, as istiod makes them, which rcgen cannot. It signs nothing but what tests throw away.
const KEY: &str = include_str!("istiod/rsa-key.pem");

/// Where webhooks are configured; all three trust the root.
pub const WEBHOOKS: [&str; 3] = [
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/istio-sidecar-injector",
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/istio-validator-istio-system",
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/istiod-default-validator",
];
/// The authority's Secret.
pub const SECRET: &str = "/api/v1/namespaces/istio-system/secrets/istio-ca-secret";
/// What workloads of the namespace `default` know of the root.
pub const ROOT: &str = "/api/v1/namespaces/default/configmaps/istio-ca-root-cert";
/// One of the Leases of its elections, which it leaves without a holder.
pub const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/istio-system/leases/istio-gateway-status-leader";
/// The mesh config.
pub const MESH: &str = "/api/v1/namespaces/istio-system/configmaps/istio";

/// istiod's authority.
#[derive(Debug)]
pub struct Root(CertifiedIssuer<'static, KeyPair>);

impl Root {
    /// Makes one, with an RSA key of 2048 bits.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::OrganizationName, "cluster.local");
        let key = PrivatePkcs1KeyDer::from_pem_slice(KEY.as_bytes())?;
        let key = PrivatePkcs8KeyDer::from(pkcs8(key.secret_pkcs1_der())?);
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&key, &rcgen::PKCS_RSA_SHA256)?;
        Ok(Self(CertifiedIssuer::self_signed(params, key)?))
    }

    /// Its certificate.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A workload's certificate with the root behind it, and its key, as istiod would have given them to an injected
    /// pod.
    pub fn leaf(&self, namespace: &str, account: &str) -> Result<(String, String)> {
        let mut params = CertificateParams::default();
        let id = format!("spiffe://cluster.local/ns/{namespace}/sa/{account}");
        params.subject_alt_names = vec![SanType::URI(id.try_into()?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &self.0)?.pem() + &self.pem(), key.serialize_pem()))
    }

    /// The Secret in which istiod keeps it since 1.20: the root is the signing certificate, and the chain is empty.
    #[must_use]
    pub fn secret(&self) -> Value {
        let text = |text: &str| STANDARD.encode(text);
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "istio.io/ca-root",
            "metadata": {"name": "istio-ca-secret", "namespace": "istio-system"},
            "data": {
                "ca-cert.pem": text(&self.pem()), "ca-key.pem": text(KEY),
                "root-cert.pem": text(&self.pem()), "cert-chain.pem": "", "key.pem": "",
            },
        })
    }

    /// The ConfigMap by which istiod tells a namespace of it.
    #[must_use]
    pub fn told(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio-ca-root-cert",
                "labels": {"istio.io/config": "true"}},
            "data": {"root-cert.pem": self.pem()},
        })
    }
}

/// The Lease of an election after istiod has ended.
#[must_use]
pub fn lease() -> Value {
    let metadata = json!({"name": "istio-gateway-status-leader", "namespace": "istio-system"});
    let spec = json!({"holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": 0});
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec})
}

/// Writes the charts `istio-base`, whose definitions take everything, and `istiod` into a folder.
pub fn write_charts(folder: &Path) -> Result<()> {
    chart(folder, "istio-base", &definitions()?)?;
    chart(folder, "istiod", OBJECTS)
}

/// What the first webhook of each configuration trusts.
pub async fn bundles(api: &Api, paths: &[&str]) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for path in paths {
        let bundle = api.get(path).await?.body["webhooks"][0]["clientConfig"]["caBundle"].clone();
        out.push(String::from_utf8(STANDARD.decode(bundle.as_str().context("a bundle")?)?)?);
    }
    Ok(out)
}

/// By which one sees whether somebody writes what two control planes could write in turn.
pub async fn versions(api: &Api) -> Result<Vec<Value>> {
    let mut out = Vec::new();
    for path in [&WEBHOOKS[..], &[SECRET, ROOT, MESH]].concat() {
        let answer = api.get(path).await?;
        ensure!(answer.accepted(), "{path}: {}", answer.message());
        out.push(answer.body["metadata"]["resourceVersion"].clone());
    }
    Ok(out)
}

/// A key of PKCS #1 as PKCS #8 wraps it: a version, the algorithm, and the key, with lengths of two bytes each.
fn pkcs8(key: &[u8]) -> Result<Vec<u8>> {
    const HEAD: [u8; 20] = [2, 1, 0, 0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0, 4, 0x82];
    let length = |length: usize| Ok::<_, anyhow::Error>(u16::try_from(length)?.to_be_bytes());
    let mut out = vec![0x30, 0x82];
    out.extend(length(HEAD.len() + 2 + key.len())?);
    out.extend(HEAD);
    out.extend(length(key.len())?);
    out.extend(key);
    Ok(out)
}

fn chart(folder: &Path, name: &str, objects: &str) -> Result<()> {
    let chart = folder.join(name);
    std::fs::create_dir_all(chart.join("templates"))?;
    std::fs::write(chart.join("Chart.yaml"), format!("{{apiVersion: v2, name: {name}, version: 1.30.0}}"))?;
    std::fs::write(chart.join("values.yaml"), VALUES)?;
    Ok(std::fs::write(chart.join("templates/all.yaml"), objects)?)
}

/// The definitions by their names, with schemas that take everything.
fn definitions() -> Result<String> {
    let mut out = String::new();
    let folder = crate::product::root()?.join("crds/yaml");
    for file in std::fs::read_dir(&folder)? {
        let mut definition: Value =
            heddle_yaml::value(&std::fs::read_to_string(file?.path())?, Schema::Yaml11, &Budget::FILE)?;
        for version in definition["spec"]["versions"].as_array_mut().context("versions")? {
            version["schema"] =
                json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
        }
        write!(out, "---\n{}", heddle_yaml::write(&definition))?;
    }
    Ok(out)
}
