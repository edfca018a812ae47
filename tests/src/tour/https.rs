//! Step 11: HTTPS at the gateway with a certificate from a Secret, which is replaced while requests are served.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;

use super::stage::Stage;
use crate::http::{Call, tls_config};
use crate::load::Load;
use crate::process::eventually;

const HOST: &str = "bookinfo.example.com";

/// A certificate for [`HOST`] that is its own root, and its key.
struct Pair {
    certificate: String,
    key: String,
    der: Vec<u8>,
}

pub(super) async fn run(mesh: &mut impl Stage) -> Result<String> {
    let (first, second) = (Pair::new()?, Pair::new()?);
    mesh.put("bookinfo-certificate", &first.secret()).await?;
    let bind = mesh.bind();
    mesh.edit("Gateway", "bookinfo", |gateway| {
        let mut server = json!({
            "port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": [HOST],
            "tls": {"mode": "SIMPLE", "credentialName": "bookinfo-certificate"},
        });
        if let Some(bind) = bind {
            server["bind"] = bind.to_string().into();
        }
        gateway["spec"]["servers"].as_array_mut().into_iter().for_each(|servers| servers.push(server.clone()));
    })
    .await?;
    let roots = tls_config(&format!("{}{}", first.certificate, second.certificate), None)?;
    let call = mesh.get_https("/api/v1/products/0")?.header("host", HOST).tls(roots, HOST)?;
    presented(&call, &first).await.context("first certificate")?;
    let load = Load::start(&call, 3, Duration::from_millis(5));
    load.pass(30).await;
    mesh.put("bookinfo-certificate", &second.secret()).await?;
    presented(&call, &second).await.context("second certificate")?;
    load.pass(30).await;
    let last = call.send().await?;
    ensure!(last.chain.first().is_some_and(|leaf| leaf.as_ref() == second.der), "the first certificate came back");
    let report = load.stop().await;
    report.all_answered()?;
    Ok(format!("A, then B; {} requests meanwhile, {} failed", report.sent, report.failed))
}

/// Waits until the gateway answers with that certificate.
async fn presented(call: &Call, pair: &Pair) -> Result<()> {
    eventually("HTTPS answer with it", Duration::from_secs(10), async || match call.clone().send().await {
        Ok(answer) => answer.status == 200 && answer.chain.first().is_some_and(|leaf| leaf.as_ref() == pair.der),
        Err(_) => false,
    })
    .await
}

impl Pair {
    fn new() -> Result<Self> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([HOST.to_owned()])?;
        Ok(Self { certificate: cert.pem(), key: signing_key.serialize_pem(), der: cert.der().to_vec() })
    }

    fn secret(&self) -> String {
        format!(
            "
apiVersion: v1
kind: Secret
metadata: {{name: bookinfo-certificate, namespace: istio-system}}
type: kubernetes.io/tls
data:
  tls.crt: {}
  tls.key: {}
",
            STANDARD.encode(&self.certificate),
            STANDARD.encode(&self.key)
        )
    }
}
