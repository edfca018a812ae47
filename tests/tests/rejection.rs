//! What a real Envoy rejects: it is named, and nothing else suffers.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Result, ensure};
use heddle_tests::control::Control;
use heddle_tests::echo::Echo;
use heddle_tests::envoy::Envoy;
use heddle_tests::http::Call;
use heddle_tests::process::eventually;
use serde_json::{Value, json};

#[path = "rejection/faults.rs"]
mod faults;
#[path = "rejection/isolation.rs"]
mod isolation;

const PATIENCE: Duration = Duration::from_secs(20);
/// Deltas bring routes virtual host by virtual host.
const ROUTES: [&str; 2] = [
    "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
    "type.googleapis.com/envoy.config.route.v3.VirtualHost",
];
/// Within RE2's limits, and above the one that the Envoy of these tests is given.
const REGEX: &str = "{regex: '/(a{1,20}b){1,20}'}";

/// An echo service under two names, each with a forward proxy and so with routes of its own.
struct Scene {
    control: Control,
    _envoy: Envoy,
    _echo: Echo,
    one: SocketAddr,
    two: SocketAddr,
}

impl Scene {
    async fn start(protocol: &str) -> Result<Self> {
        let echo = Echo::start("echo", "127.0.0.1:0").await?;
        let (one, two) = (free_port()?, free_port()?);
        let objects = [sidecar([(one, "one"), (two, "two")]), service("one", &echo), service("two", &echo)];
        let control = Control::start(&objects.join("---")).await?;
        control.put("routes", &routes(("{prefix: /}", "first"), ("{prefix: /}", "first")))?;
        let node = json!({
            "id": "sidecar~127.0.0.1~client.shop~shop.svc.cluster.local", "cluster": "client",
            "metadata": {"NAMESPACE": "shop", "INTERCEPTION_MODE": "NONE"},
        });
        let mut bootstrap = control.bootstrap(&node)?;
        bootstrap["dynamicResources"]["adsConfig"]["apiType"] = protocol.into();
        let limit = json!({"name": "limit", "staticLayer": {"re2.max_program_size.error_level": 50}});
        bootstrap["layeredRuntime"] = json!({"layers": [limit]});
        let envoy = Envoy::start("client", bootstrap, control.path()).await?;
        let scene = Self { control, _envoy: envoy, _echo: echo, one, two };
        scene.until_word(scene.one, "one", "first").await?;
        scene.until_word(scene.two, "two", "first").await?;
        Ok(scene)
    }

    /// The word that the route puts into a request, as the service sees it.
    async fn word(&self, proxy: SocketAddr, host: &str) -> Result<String> {
        let answer = Call::proxied(proxy, &format!("http://{host}.test/"))?.send().await?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.body);
        Ok(answer.json()?["headers"]["x-word"].as_str().unwrap_or_default().to_owned())
    }

    async fn until_word(&self, proxy: SocketAddr, host: &str, word: &str) -> Result<()> {
        let said = async || self.word(proxy, host).await.is_ok_and(|said| said == word);
        eventually(&format!("the word {word} at {host}"), PATIENCE, said).await
    }

    /// What the proxy said of its routes when it last rejected some; empty when it is content.
    async fn rejection(&self) -> Result<String> {
        let synced = self.control.json("/debug/syncz").await?;
        let states = ROUTES.map(|one| synced[0]["resources"][one].clone());
        Ok(states.iter().find(|state| state["status"] == "ERROR").map(ToString::to_string).unwrap_or_default())
    }
}

fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn sidecar(proxies: [(SocketAddr, &str); 2]) -> String {
    let egress = proxies.map(|(proxy, host)| {
        json!({
            "port": {"number": proxy.port(), "protocol": "HTTP_PROXY", "name": host},
            "bind": proxy.ip().to_string(),
            "hosts": [format!("shop/{host}.test")],
        })
    });
    let spec = json!({"egress": egress});
    object("networking.istio.io/v1", "Sidecar", "default", &spec)
}

fn service(name: &str, echo: &Echo) -> String {
    let port = echo.address.port();
    let spec = json!({
        "hosts": [format!("{name}.test")], "location": "MESH_EXTERNAL", "resolution": "STATIC",
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        "endpoints": [{"address": echo.address.ip().to_string(), "ports": {"http": port}}],
    });
    object("networking.istio.io/v1", "ServiceEntry", name, &spec)
}

/// The VirtualServices of both hosts, by what the first route matches and the word that it puts into a request.
fn routes(one: (&str, &str), two: (&str, &str)) -> String {
    [("one", one), ("two", two)].map(|(name, (matching, word))| route(name, matching, word)).join("---")
}

fn route(name: &str, matching: &str, word: &str) -> String {
    format!(
        "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: shop}}
spec:
  hosts: [{name}.test]
  http:
  - match: [{{uri: {matching}}}]
    headers: {{request: {{set: {{x-word: {word}}}}}}}
    route: [{{destination: {{host: {name}.test}}}}]
  - route: [{{destination: {{host: {name}.test}}}}]
"
    )
}

fn object(version: &str, kind: &str, name: &str, spec: &Value) -> String {
    let object = json!({
        "apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "spec": spec,
    });
    format!("\n{object}\n")
}

/// One commit changes the routes of both proxies. Envoy rejects the response for one of them, and its words name none.
async fn the_guilty_route_is_found_and_the_other_applied(protocol: &str) -> Result<()> {
    let scene = Scene::start(protocol).await?;
    scene.control.put("routes", &routes((REGEX, "second"), ("{prefix: /}", "second")))?;
    scene.until_word(scene.two, "two", "second").await?;
    let mut said = String::new();
    eventually("the guilty object", PATIENCE, async || {
        said = scene.rejection().await.unwrap_or_default();
        said.contains("VirtualService") && !said.contains("shop/two")
    })
    .await?;
    assert!(said.contains("program size") && said.contains("shop/one"), "{said}");
    assert_eq!(scene.word(scene.one, "one").await?, "first", "the last good routes go on");

    scene.control.put("routes", &routes(("{prefix: /}", "third"), ("{prefix: /}", "third")))?;
    scene.until_word(scene.one, "one", "third").await?;
    scene.until_word(scene.two, "two", "third").await?;
    eventually("contentment", PATIENCE, async || scene.rejection().await.is_ok_and(|said| said.is_empty())).await
}

#[tokio::test]
async fn by_deltas() -> Result<()> {
    the_guilty_route_is_found_and_the_other_applied("DELTA_GRPC").await
}

#[tokio::test]
async fn by_the_state_of_the_world() -> Result<()> {
    the_guilty_route_is_found_and_the_other_applied("GRPC").await
}
