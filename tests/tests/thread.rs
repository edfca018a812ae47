//! The thread through every part: a VirtualService in a file reaches a real Envoy, and a request is answered by its
//! rule.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Result;
use heddle_tests::control::Control;
use heddle_tests::echo::Echo;
use heddle_tests::envoy::Envoy;
use heddle_tests::http::Call;
use heddle_tests::process::eventually;
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(20);

/// A port that was free a moment ago, for a listener of Envoy's, which cannot tell which one it was given.
fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn objects(egress: SocketAddr, echo: SocketAddr) -> String {
    format!(
        "
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {{name: default, namespace: shop}}
spec:
  egress:
  - port: {{number: {egress_port}, protocol: HTTP_PROXY, name: proxy}}
    bind: {egress_ip}
    hosts: ['*/*']
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: echo, namespace: shop}}
spec:
  hosts: [echo.test]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP, targetPort: {echo_port}}}]
  endpoints: [{{address: {echo_ip}}}]
",
        egress_port = egress.port(),
        egress_ip = egress.ip(),
        echo_port = echo.port(),
        echo_ip = echo.ip(),
    )
}

fn route(word: &str) -> String {
    format!(
        "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: echo, namespace: shop}}
spec:
  hosts: [echo.test]
  http:
  - headers: {{request: {{set: {{x-thread: {word}}}}}}}
    route: [{{destination: {{host: echo.test}}}}]
"
    )
}

#[tokio::test]
async fn a_virtual_service_in_a_file_reaches_an_envoy() -> Result<()> {
    let (echo, egress) = (Echo::start("echo", "127.0.0.1:0").await?, free_port()?);
    let control = Control::start(&objects(egress, echo.address)).await?;
    control.put("route", &route("first"))?;
    let node = json!({
        "id": "sidecar~127.0.0.1~client.shop~shop.svc.cluster.local", "cluster": "client",
        "metadata": {"NAMESPACE": "shop", "INTERCEPTION_MODE": "NONE"},
    });
    let _envoy = Envoy::start("client", control.bootstrap(&node)?, control.path()).await?;

    let call = Call::proxied(egress, "http://echo.test/hello")?;
    for word in ["first", "second"] {
        control.put("route", &route(word))?;
        eventually(&format!("an answer by the route {word}"), PATIENCE, async || {
            let Ok(answer) = call.clone().send().await else { return false };
            answer.status == 200 && answer.json().is_ok_and(|said| said["headers"]["x-thread"] == word)
        })
        .await?;
    }
    let synced = control.json("/debug/syncz").await?;
    assert_eq!(synced[0]["proxy"], "client.shop");
    Ok(())
}
