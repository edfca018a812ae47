//! Kubernetes' Ingress through a real Envoy.

use std::time::Duration;

use anyhow::{Result, ensure};
use heddle_tests::cluster::Namespace;
use heddle_tests::control::Control;
use heddle_tests::echo::Echo;
use heddle_tests::envoy::Envoy;
use heddle_tests::http::Call;
use heddle_tests::process::eventually;
use serde_json::json;

const SOON: Duration = Duration::from_secs(20);

/// This Envoy has no agent, and so no certificates.
const MESH: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: 'enableAutoMtls: false'}
";

/// A service behind an address of its own.
fn service(name: &str, echo: &Echo) -> String {
    let (ip, port) = (echo.address.ip(), echo.address.port());
    format!(
        "---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec: {{clusterIP: 10.96.0.1, ports: [{{name: http, port: 80}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}-1, namespace: shop, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
ports: [{{name: http, port: {port}}}]
endpoints: [{{addresses: [{ip}], conditions: {{ready: true}}}}]
"
    )
}

fn ingress(paths: &str) -> String {
    format!(
        "
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {{name: istio}}
spec: {{controller: istio.io/ingress-controller}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: shop, namespace: shop}}
spec:
  ingressClassName: istio
  defaultBackend: {{service: {{name: rest, port: {{name: http}}}}}}
  rules: [{{host: shop.example, http: {{paths: [{paths}]}}}}]
"
    )
}

fn path(path: &str, kind: &str, service: &str) -> String {
    format!("{{path: {path}, pathType: {kind}, backend: {{service: {{name: {service}, port: {{number: 80}}}}}}}}")
}

/// The gateway's ports are 80 and 443, and the namespace has no other owner of them.
#[test]
fn paths_lead_to_their_services() -> Result<()> {
    let run = Namespace::new()?.run(async || {
        let (web, reviews, rest) = (
            Echo::start("web", "127.0.0.1:0").await?,
            Echo::start("reviews", "127.0.0.1:0").await?,
            Echo::start("rest", "127.0.0.1:0").await?,
        );
        let services = [MESH, &service("web", &web), &service("reviews", &reviews), &service("rest", &rest)].concat();
        let control = Control::start(&services).await?;
        let paths = [path("/web", "Prefix", "web"), path("/web/reviews", "Exact", "reviews")];
        control.put("ingress", &ingress(&paths.join(", ")))?;
        let node = json!({
            "id": "router~10.0.0.9~gw.istio-system~istio-system.svc.cluster.local", "cluster": "gw",
            "metadata": {"NAMESPACE": "istio-system", "LABELS": {"istio": "ingressgateway"}},
        });
        let _envoy = Envoy::start("gateway", control.bootstrap(&node)?, control.path()).await?;
        let seen = async |host: &str, path: &str| -> Result<String> {
            let answer = Call::get("127.0.0.1:80".parse()?, path)?.header("host", host).send().await?;
            Ok(answer
                .json()
                .ok()
                .and_then(|echo| echo["name"].as_str().map(str::to_owned))
                .unwrap_or(answer.status.to_string()))
        };
        let is = async |host: &str, path: &str, want: &str| seen(host, path).await.is_ok_and(|seen| seen == want);
        eventually("the gateway", SOON, async || is("shop.example", "/web", "web").await).await?;
        for (host, path, want) in [
            ("shop.example", "/web/1", "web"),
            ("shop.example", "/web/reviews", "reviews"),
            ("shop.example", "/web/reviews/1", "web"),
            ("shop.example", "/website", "rest"),
            ("other.example", "/web", "rest"),
        ] {
            ensure!(is(host, path, want).await, "{host}{path}: {:?}, not {want}", seen(host, path).await);
        }
        // An edit arrives like any other.
        control.put("ingress", &ingress(&path("/web", "Prefix", "reviews")))?;
        eventually("the edit", SOON, async || is("shop.example", "/web", "reviews").await).await?;
        control.put("ingress", "")?;
        eventually("its end", SOON, async || !is("shop.example", "/web", "reviews").await).await
    });
    run.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
