//! A call to the world outside that must go by the egress gateway.

use std::time::Duration;

use anyhow::{Context, Result};
use heddle_tests::echo::Echo;
use heddle_tests::pods::{Member, Pods};
use heddle_tests::process::eventually;
use heddle_tests::tour::stage::Stage as _;

/// The host is declared; routes lead the sidecars' calls to the gateway, and the gateway's to the host.
const OBJECTS: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: library, namespace: default}
spec:
  hosts: [library.example.com]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP, targetPort: PORT}]
  endpoints: [{address: ADDRESS}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: library, namespace: default}
spec:
  selector: {istio: egressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: [library.example.com]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: library, namespace: default}
spec:
  hosts: [library.example.com]
  gateways: [mesh, library]
  http:
  - match: [{gateways: [mesh], port: 80}]
    route: [{destination: {host: istio-egressgateway.istio-system.svc.cluster.local, port: {number: 80}}}]
  - match: [{gateways: [library], port: 80}]
    route: [{destination: {host: library.example.com, port: {number: 80}}}]
    headers: {request: {set: {x-way-out: egress}}}
";

pub(super) async fn through_the_gateway(pods: &Pods<'_>) -> Result<String> {
    let library = Echo::start("library", &format!("{}:0", pods.elsewhere())).await?;
    let objects = OBJECTS.replace("PORT", &library.address.port().to_string());
    pods.put("library", &objects.replace("ADDRESS", &library.address.ip().to_string())).await?;
    let call = pods.call_from("productpage-v1", "http://library.example.com/shelf").await?;
    let mut last = String::new();
    eventually("answer by way of the egress gateway", Duration::from_secs(20), async || {
        match call.clone().send().await {
            Ok(answer) => {
                last = format!("{} {}", answer.status, answer.body);
                answer.status == 200 && last.contains("\"x-way-out\":\"egress\"")
            }
            Err(_) => false,
        }
    })
    .await
    .with_context(|| last.clone())?;
    let gateway = Member::find(pods.node, "istio-system", "istio=egressgateway").await?;
    let logged = async || {
        let log = pods.node.log(&gateway.pod, "istio-proxy").unwrap_or_default();
        log.lines().any(|line| line.contains("/shelf") && line.contains("outbound|80||library.example.com"))
    };
    eventually("line in the egress gateway's log", Duration::from_secs(20), logged).await?;
    pods.restore().await?;
    Ok("egress: a host outside was reached by way of the egress gateway, which logged it".to_owned())
}
