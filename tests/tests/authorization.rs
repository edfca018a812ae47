//! AuthorizationPolicies at work: sets of policies, calls, and what a real Envoy answers.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use heddle_tests::control::{Control, ControlSetup};
use heddle_tests::echo::Echo;
use heddle_tests::envoy::Envoy;
use heddle_tests::http::Call;
use heddle_tests::process::eventually;
use http::Method;
use serde_json::{Value, json};

#[path = "authorization/rows.rs"]
mod rows;

const PATIENCE: Duration = Duration::from_secs(20);

/// There is no agent here that has certificates.
const PLAIN: &str = "
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: DISABLE}}
";

/// A call and the status of its answer.
struct Row {
    method: &'static str,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    /// 0: the connection is closed.
    status: u16,
    /// What the access log names: the policy that refused, or `none` where no policy allows.
    by: &'static str,
}

/// A set of policies, each by its name, action and the rest of its spec, and calls that meet them.
struct Set {
    policies: &'static [(&'static str, &'static str, &'static str)],
    rows: &'static [Row],
}

/// An Envoy whose inbound side guards an echo service.
struct Scene {
    control: Control,
    envoy: Envoy,
    _echo: Echo,
    http: SocketAddr,
    tcp: SocketAddr,
}

impl Scene {
    async fn start() -> Result<Self> {
        let echo = Echo::start("echo", "127.0.0.1:0").await?;
        let (http, tcp) = (free_port()?, free_port()?);
        let sidecar = sidecar(&[(http, "HTTP"), (tcp, "TCP")], &echo);
        let setup = ControlSetup::new()?.with("sidecar", &sidecar)?.with("plain", PLAIN)?.with("policies", "")?;
        let mesh = setup.path().join("mesh.yaml");
        std::fs::write(&mesh, json!({"accessLogFile": "/dev/stdout"}).to_string())?;
        let control = setup.start(&[&format!("--meshConfig={}", mesh.display())]).await?;
        let node = json!({
            "id": "sidecar~127.0.0.1~web.shop~shop.svc.cluster.local", "cluster": "web",
            "metadata": {"NAMESPACE": "shop", "INTERCEPTION_MODE": "NONE", "LABELS": {"app": "web"}},
        });
        let envoy = Envoy::start("web", control.bootstrap(&node)?, control.path()).await?;
        let scene = Self { control, envoy, _echo: echo, http, tcp };
        let mut seen = None;
        let up = eventually("answer of the inbound side", PATIENCE, async || {
            seen = Some(scene.call("GET", "/", &[]).await);
            matches!(seen, Some(Ok(200)))
        });
        let up = up.await;
        up.with_context(|| format!("{seen:?} {}", scene.envoy.process.tail()))?;
        Ok(scene)
    }

    /// Puts policies in force, and waits until Envoy has them.
    async fn enforce(&self, number: usize, set: &Set) -> Result<()> {
        let objects: Vec<String> = set.policies.iter().map(|(name, action, rest)| policy(name, action, rest)).collect();
        let mark = format!("set-{number}");
        // It matches nothing, and shows which set is in force.
        let marker = policy(&mark, "AUDIT", "rules: [{to: [{operation: {methods: [NONE]}}]}]");
        self.control.put("policies", &format!("{}---{marker}", objects.join("---")))?;
        eventually(&format!("policies of set {number}"), PATIENCE, async || {
            let Ok(dump) = self.envoy.config_dump().await else { return false };
            let listeners = dump["configs"]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|part| part["dynamic_listeners"].as_array().cloned().unwrap_or_default());
            let active: Vec<String> = listeners.map(|one| one["active_state"].to_string()).collect();
            active.len() == 2 && active.iter().all(|one| one.contains(&mark))
        })
        .await
    }

    async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Result<u16> {
        let to = if method == "TCP" { self.tcp } else { self.http };
        let method = if method == "TCP" { "GET" } else { method };
        let mut call = Call::get(to, path)?.send_as(method.parse::<Method>()?, "");
        for (name, value) in headers {
            call = call.header(name, value);
        }
        Ok(call.send().await.map_or(0, |answer| answer.status))
    }
}

fn policy(name: &str, action: &str, rest: &str) -> String {
    format!(
        "
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: {name}, namespace: shop}}
spec:
  action: {action}
  {rest}
"
    )
}

fn sidecar(ports: &[(SocketAddr, &str)], echo: &Echo) -> String {
    let ingress = |(address, protocol): &(SocketAddr, &str)| {
        let port = address.port();
        json!({
            "port": {"number": port, "protocol": protocol, "name": format!("{}-{port}", protocol.to_lowercase())},
            "bind": "127.0.0.1", "captureMode": "NONE", "defaultEndpoint": format!("127.0.0.1:{}", echo.address.port()),
        })
    };
    let ingress: Vec<Value> = ports.iter().map(ingress).collect();
    let spec =
        json!({"workloadSelector": {"labels": {"app": "web"}}, "ingress": ingress, "egress": [{"hosts": ["~/*"]}]});
    let metadata = json!({"name": "web", "namespace": "shop"});
    let object = json!({"apiVersion": "networking.istio.io/v1", "kind": "Sidecar", "metadata": metadata, "spec": spec});
    format!("\n{object}\n")
}

fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

#[tokio::test]
async fn calls_meet_policies_as_documented() -> Result<()> {
    let scene = Scene::start().await?;
    let mut wrong = Vec::new();
    let (mut rows, mut names) = (0, Vec::new());
    for (number, set) in rows::SETS.iter().enumerate() {
        scene.enforce(number, set).await?;
        for Row { method, path, headers, status, by } in set.rows {
            let seen = scene.call(method, path, headers).await?;
            if seen != *status {
                wrong.push(format!("set {number}: {method} {path} {headers:?}: {seen}, not {status}"));
            }
            rows += 1;
            names.extend((!by.is_empty()).then(|| format!("rbac_access_denied_matched_policy[{by}]")));
        }
    }
    ensure!(wrong.is_empty(), "{} of {rows} rows\n{}", wrong.len(), wrong.join("\n"));
    // Envoy writes its log now and then.
    let missing = || names.iter().find(|name| !scene.envoy.process.log().contains(name.as_str()));
    let logged = eventually("the policies in the access log", PATIENCE, async || missing().is_none()).await;
    logged.with_context(|| format!("{:?}", missing()))
}
