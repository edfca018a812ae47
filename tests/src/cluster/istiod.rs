//! What istiod 1.32 leaves on a cluster: what an installation by Helm makes, as charts of our own with objects of the
//! same names, labels and kinds, and what istiod writes by itself.

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
use serde_json::{Map, Value, json};

use super::Api;

const OBJECTS: &str = include_str!("istiod/objects.yaml");
/// The webhook of objects without a revision, which the chart of the definitions has.
const VALIDATOR: &str = include_str!("istiod/validator.yaml");
/// What the objects say unless they are told otherwise.
const VALUES: &str = "{image: pilot, meshConfig: {}, global: {hub: docker.io/istio, tag: 1.32.0}}";
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
/// The mesh config.
pub const MESH: &str = "/api/v1/namespaces/istio-system/configmaps/istio";

/// The layout of the files of istiod's authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Up to version 1.19: only the signing certificate is written.
    Until1_19,
    /// Since version 1.20, in 1.24 and 1.32 too: the root is the signing certificate, and the chain is empty.
    Since1_20,
    /// With `USE_CACERTS_FOR_SELF_SIGNED_CA`, which 1.24 and 1.32 have: the same in Secret `cacerts`, with a mark.
    Cacerts,
}

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

    /// The files in which istiod keeps it.
    #[must_use]
    pub fn files(&self, layout: Layout) -> Vec<(&'static str, String)> {
        let root = if layout == Layout::Until1_19 { String::new() } else { self.pem() };
        let mut files = vec![("ca-cert.pem", self.pem()), ("ca-key.pem", KEY.to_owned()), ("root-cert.pem", root)];
        files.extend(["cert-chain.pem", "key.pem"].map(|name| (name, String::new())));
        if layout == Layout::Cacerts {
            files.push(("istio-generated", String::new()));
        }
        files
    }

    /// The Secret with these files.
    #[must_use]
    pub fn secret_of(&self, layout: Layout) -> Value {
        let name = if layout == Layout::Cacerts { "cacerts" } else { "istio-ca-secret" };
        let data: Map<_, _> = self
            .files(layout)
            .into_iter()
            .map(|(name, text)| (name.to_owned(), STANDARD.encode(text).into()))
            .collect();
        let metadata = json!({"name": name, "namespace": "istio-system"});
        json!({"apiVersion": "v1", "kind": "Secret", "type": "istio.io/ca-root", "metadata": metadata, "data": data})
    }

    /// The Secret of the present versions.
    #[must_use]
    pub fn secret(&self) -> Value {
        self.secret_of(Layout::Since1_20)
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

/// What istiod has written by itself when it ends, with the path of each object: elections without a holder, and the
/// revocations of an authority that an operator plugged in.
#[must_use]
pub fn left() -> Vec<(String, Value)> {
    let times = json!({"acquireTime": "2026-11-30T08:00:00Z", "renewTime": "2026-11-30T09:00:00Z"});
    // Elections of one revision have a Lease. Elections among all revisions have a ConfigMap, as in old versions.
    let lease = |name: &str| {
        let spec = json!({
            "holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": 0,
            "acquireTime": "2026-11-30T08:00:00.000000Z", "renewTime": "2026-11-30T09:00:00.000000Z",
        });
        let object =
            json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": spec});
        (format!("/apis/coordination.k8s.io/v1/namespaces/istio-system/leases/{name}"), object)
    };
    let map = |name: &str| {
        let mut record =
            json!({"holderIdentity": "", "holderKey": "", "leaseDurationSeconds": 1, "leaderTransitions": 0});
        record["acquireTime"] = times["acquireTime"].clone();
        record["renewTime"] = times["renewTime"].clone();
        let annotations = json!({"control-plane.alpha.kubernetes.io/leader": record.to_string()});
        let metadata = json!({"name": name, "annotations": annotations});
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
        (format!("/api/v1/namespaces/istio-system/configmaps/{name}"), object)
    };
    let metadata = json!({"name": "istio-ca-crl", "labels": {"istio.io/config": "true"}});
    let data = json!({"ca-crl.pem": "-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n"});
    let revoked = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data});
    let mut out = vec![("/api/v1/namespaces/default/configmaps/istio-ca-crl".to_owned(), revoked)];
    out.extend(["istio-gateway-deployment-default", "istio-gateway-status-leader-default"].map(lease));
    let elections =
        ["istio-leader", "istio-namespace-controller-election", "istio-gateway-status-leader", "istio-ip-autoallocate"];
    out.extend(elections.map(map));
    out
}

/// Writes the charts `istio-base`, whose definitions take everything, and `istiod` into a folder.
pub fn write_charts(folder: &Path) -> Result<()> {
    chart(folder, "istio-base", &format!("{}---\n{VALIDATOR}", definitions()?))?;
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
    std::fs::write(chart.join("Chart.yaml"), format!("{{apiVersion: v2, name: {name}, version: 1.32.0}}"))?;
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
