//! An object that makes no sense is refused, be the webhook there or not.

use std::time::Duration;

use anyhow::{Result, ensure};
use heddle_tests::pods::Pods;
use heddle_tests::process::eventually;
use http::Method;
use serde_json::{Value, json};

const ROUTES: &str = "/apis/networking.istio.io/v1/namespaces/default/virtualservices";
const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// A regular expression that is none, which nobody but the webhook reads.
fn unknown_to_cel() -> Value {
    json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "bad",
        "namespace": "default"},
        "spec": {"hosts": ["reviews"], "http": [{"match": [{"uri": {"regex": "reviews(("}}],
            "route": [{"destination": {"host": "reviews"}}]}]}})
}

/// A timeout of nothing, which the definition's own rules refuse.
fn known_to_cel() -> Value {
    json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "bad",
        "namespace": "default"},
        "spec": {"hosts": ["reviews"], "http": [{"timeout": "0s", "route": [{"destination": {"host": "reviews"}}]}]}})
}

pub(super) async fn by_webhook_and_without(pods: &Pods<'_>) -> Result<String> {
    let refused = pods.api.post(ROUTES, &unknown_to_cel()).await?;
    let field = "spec.http[0].match[0].uri.regex";
    ensure!(!refused.accepted() && refused.message().contains(field), "the webhook: {refused:?}");
    let by_webhook = refused.message().to_owned();
    for name in ["istiod-default-validator", "istio-validator-istio-system"] {
        let gone = pods.api.call(Method::DELETE, &format!("{WEBHOOKS}/{name}"), None).await?;
        ensure!(gone.accepted(), "{name}: {gone:?}");
    }
    let refused = eventually("refusal without a webhook", Duration::from_secs(20), async || {
        pods.api.post(ROUTES, &known_to_cel()).await.is_ok_and(|answer| {
            !answer.accepted()
                && answer.message().contains("spec.http[0].timeout")
                && !answer.message().contains("webhook")
        })
    });
    refused.await?;
    Ok(format!("refused by the webhook ({by_webhook}), and by the definition without it"))
}
