//! Routes virtual host by virtual host, on real Envoys: what no mock shows of how Envoy discovers, keeps and loses
//! them.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use heddle_tests::control::{Control, ControlSetup};
use heddle_tests::echo::Echo;
use heddle_tests::envoy::Envoy;
use heddle_tests::http::Call;
use heddle_tests::process::eventually;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);
const ROUTE: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
const VIRTUAL_HOST: &str = "type.googleapis.com/envoy.config.route.v3.VirtualHost";
/// Within RE2's limits, and above the one that the Envoy of these tests is given.
const REGEX: &str = "{regex: '/(a{1,20}b){1,20}'}";

/// An Envoy that is a forward proxy to an echo service of several names.
struct Scene {
    control: Control,
    envoy: Envoy,
    echo: Echo,
    proxy: SocketAddr,
    flags: Vec<String>,
}

impl Scene {
    async fn start(flags: &[&str], hosts: &[&str]) -> Result<Self> {
        let echo = Echo::start("echo", "127.0.0.1:0").await?;
        let (proxy, grpc) = (free_port()?, free_port()?);
        let mut all = vec![format!("--grpcAddr={grpc}")];
        all.extend(flags.iter().map(ToString::to_string));
        let mut place = ControlSetup::new()?.with("sidecar", &sidecar(proxy))?;
        for host in hosts {
            place = place
                .with(host, &service(host, &echo))?
                .with(&format!("{host}-route"), &route(host, "{prefix: /}", "first"))?;
        }
        let given: Vec<&str> = all.iter().map(String::as_str).collect();
        let control = place.start(&given).await?;
        let envoy = envoy(&control, "envoy").await?;
        let scene = Self { control, envoy, echo, proxy, flags: all };
        for host in hosts {
            scene.until_word(host, "first").await?;
        }
        Ok(scene)
    }

    fn edit(&self, host: &str, matching: &str, word: &str) -> Result<()> {
        self.control.put(&format!("{host}-route"), &route(host, matching, word))?;
        Ok(())
    }

    /// The word that the route puts into a request, as the service sees it; none if no route led to the service.
    async fn word(&self, host: &str) -> Result<Option<String>> {
        let answer = Call::proxied(self.proxy, &format!("http://{host}.test/"))?.send().await?;
        if answer.status != 200 {
            return Ok(None);
        }
        Ok(Some(answer.json()?["headers"]["x-word"].as_str().unwrap_or_default().to_owned()))
    }

    async fn until_word(&self, host: &str, word: &str) -> Result<()> {
        let said = async || self.word(host).await.is_ok_and(|said| said.as_deref() == Some(word));
        eventually(&format!("the word {word} at {host}"), PATIENCE, said).await
    }

    /// What `heddled` knows of a type at the one proxy.
    async fn told(&self, type_url: &str) -> Result<Value> {
        let page = self.control.json("/debug/syncz").await?;
        Ok(page[0]["resources"][type_url].clone())
    }

    async fn until_synced(&self, type_url: &str) -> Result<Value> {
        eventually("acknowledgement", PATIENCE, async || {
            self.told(type_url).await.is_ok_and(|told| told["status"] == "SYNCED")
        })
        .await?;
        self.told(type_url).await
    }

    /// The virtual hosts that Envoy has in its route configuration.
    async fn held(&self) -> Result<Vec<String>> {
        let dump = self.envoy.config_dump().await?;
        let parts = dump["configs"].as_array().context("configs")?;
        let name = self.proxy.port().to_string();
        let mut names = Vec::new();
        for one in parts.iter().filter_map(|part| part["dynamic_route_configs"].as_array()).flatten() {
            let config = &one["route_config"];
            if config["name"] == name.as_str() {
                let hosts = config["virtual_hosts"].as_array().into_iter().flatten();
                let short = |host: &str| host.rsplit('/').next().unwrap_or_default().to_owned();
                names.extend(hosts.filter_map(|host| host["name"].as_str().map(short)));
            }
        }
        names.sort();
        Ok(names)
    }

    async fn until_held(&self, wanted: &[&str]) -> Result<()> {
        let mut held = Vec::new();
        let agrees = eventually("virtual hosts", PATIENCE, async || {
            held = self.held().await.unwrap_or_default();
            held == wanted
        });
        let end = agrees.await;
        end.with_context(|| format!("wanted {wanted:?}, and Envoy holds {held:?}"))
    }
}

async fn envoy(control: &Control, name: &str) -> Result<Envoy> {
    let node = json!({
        "id": "sidecar~127.0.0.1~client.shop~shop.svc.cluster.local", "cluster": "client",
        "metadata": {"NAMESPACE": "shop", "INTERCEPTION_MODE": "NONE"},
    });
    let mut bootstrap = control.bootstrap(&node)?;
    let limit = json!({"name": "limit", "staticLayer": {"re2.max_program_size.error_level": 50}});
    bootstrap["layeredRuntime"] = json!({"layers": [limit]});
    Envoy::start(name, bootstrap, control.path()).await
}

fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn sidecar(proxy: SocketAddr) -> String {
    let port = json!({"number": proxy.port(), "protocol": "HTTP_PROXY", "name": "proxy"});
    let egress = json!([{"port": port, "bind": proxy.ip().to_string(), "hosts": ["shop/*"]}]);
    let spec = json!({"egress": egress, "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}});
    object("Sidecar", "default", &spec.to_string())
}

fn service(name: &str, echo: &Echo) -> String {
    let spec = json!({
        "hosts": [format!("{name}.test")], "location": "MESH_EXTERNAL", "resolution": "STATIC",
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        "endpoints": [{"address": echo.address.ip().to_string(), "ports": {"http": echo.address.port()}}],
    });
    object("ServiceEntry", name, &spec.to_string())
}

/// A VirtualService whose first route matches and puts the word into a request.
fn route(name: &str, matching: &str, word: &str) -> String {
    let to = format!("route: [{{destination: {{host: {name}.test}}}}]");
    let first = format!("{{match: [{{uri: {matching}}}], headers: {{request: {{set: {{x-word: {word}}}}}}}, {to}}}");
    object("VirtualService", name, &format!("{{hosts: [{name}.test], http: [{first}, {{{to}}}]}}"))
}

fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n"
    )
}

#[tokio::test]
async fn an_edit_sends_one_virtual_host() -> Result<()> {
    let scene = Scene::start(&[], &["one", "two", "three"]).await?;
    let (routes, hosts) = (scene.until_synced(ROUTE).await?, scene.until_synced(VIRTUAL_HOST).await?);
    ensure!(hosts["resources"] == 3, "{hosts}");
    scene.edit("two", "{prefix: /}", "second")?;
    scene.until_word("two", "second").await?;
    let (after, told) = (scene.until_synced(ROUTE).await?, scene.until_synced(VIRTUAL_HOST).await?);
    ensure!(told["resources"] == 1 && told["sent"] != hosts["sent"], "{told}");
    ensure!(after == routes, "routes were sent: {after}");
    scene.until_held(&["block_all", "one.test:80", "three.test:80", "two.test:80"]).await?;
    ensure!(scene.word("one").await?.as_deref() == Some("first"), "the others changed");
    // The same in Envoy's words: its dump and ours agree.
    let dump = scene.control.page("/debug/config_dump?proxyID=client.shop").await?;
    ensure!(dump.contains("two.test:80") && dump.contains("second"), "{dump}");
    Ok(())
}

#[tokio::test]
async fn switched_off_routes_are_sent_whole() -> Result<()> {
    let scene = Scene::start(&["--virtual-host-discovery=off"], &["one", "two"]).await?;
    ensure!(scene.told(VIRTUAL_HOST).await?.is_null(), "virtual hosts were asked for");
    scene.edit("two", "{prefix: /}", "second")?;
    scene.until_word("two", "second").await
}

/// The last one takes the discovery with it: a route configuration without virtual hosts would wait for some. What
/// Envoy held before must not come back with the next.
#[tokio::test]
async fn the_last_virtual_host_goes_and_another_comes() -> Result<()> {
    let scene = Scene::start(&[], &["one"]).await?;
    scene.until_held(&["block_all", "one.test:80"]).await?;
    for file in ["one", "one-route"] {
        scene.control.put(file, "")?;
    }
    scene.until_held(&["block_all"]).await?;
    ensure!(scene.word("one").await?.is_none(), "the route is still there");
    scene.control.put("two", &service("two", &scene.echo))?;
    scene.edit("two", "{prefix: /}", "second")?;
    scene.until_word("two", "second").await?;
    scene.until_held(&["block_all", "two.test:80"]).await?;
    // An Envoy that starts without any is not kept waiting.
    for file in ["two", "two-route"] {
        scene.control.put(file, "")?;
    }
    scene.until_held(&["block_all"]).await
}

#[tokio::test]
async fn a_client_that_comes_back_is_sent_what_changed_meanwhile() -> Result<()> {
    let mut scene = Scene::start(&[], &["one", "two", "three"]).await?;
    scene.until_synced(VIRTUAL_HOST).await?;
    let flags: Vec<String> = scene.flags.clone();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    scene.control.restart(&flags).await?;
    let back = async || scene.told(VIRTUAL_HOST).await.is_ok_and(|told| told["sent"] == "resumed");
    eventually("Envoy with what it knows", PATIENCE, back).await.context(scene.control.process.tail())?;
    scene.edit("one", "{prefix: /}", "second")?;
    scene.until_word("one", "second").await?;

    scene.control.process.kill();
    scene.edit("two", "{prefix: /}", "third")?;
    for file in ["three", "three-route"] {
        scene.control.put(file, "")?;
    }
    scene.control.restart(&flags).await?;
    scene.until_word("two", "third").await?;
    scene.until_held(&["block_all", "one.test:80", "two.test:80"]).await?;
    let told = scene.until_synced(VIRTUAL_HOST).await?;
    ensure!(told["resources"] == 1, "more was sent than what changed: {told}");
    ensure!(scene.word("one").await?.as_deref() == Some("second"), "what did not change was lost");
    Ok(())
}

#[tokio::test]
async fn an_envoy_that_starts_again_gets_everything() -> Result<()> {
    let mut scene = Scene::start(&[], &["one", "two"]).await?;
    scene.envoy.process.kill();
    scene.edit("two", "{prefix: /}", "second")?;
    scene.envoy = envoy(&scene.control, "again").await?;
    scene.until_word("one", "first").await?;
    scene.until_word("two", "second").await
}

/// One commit changes two virtual hosts of one route configuration. Envoy rejects the response for one of them, and its
/// words name none.
#[tokio::test]
async fn the_guilty_one_is_named_and_the_other_applied() -> Result<()> {
    let scene = Scene::start(&[], &["one", "two"]).await?;
    let both = [route("one", REGEX, "second"), route("two", "{prefix: /}", "second")].join("---\n");
    scene.control.put("one-route", "")?;
    scene.control.put("two-route", &both)?;
    scene.until_word("two", "second").await?;
    let mut said = String::new();
    eventually("the guilty object", PATIENCE, async || {
        said = scene.told(VIRTUAL_HOST).await.map(|told| told.to_string()).unwrap_or_default();
        said.contains("shop/one") && !said.contains("shop/two")
    })
    .await
    .with_context(|| said.clone())?;
    scene.control.put("two-route", &both.replace(REGEX, "{prefix: /}"))?;
    scene.until_word("one", "second").await?;
    let told = scene.until_synced(VIRTUAL_HOST).await?;
    ensure!(told["lastError"].is_null(), "{told}");
    Ok(())
}

/// What takes everything stays in the route configuration, and an edit of it must not lose the virtual hosts.
#[tokio::test]
async fn an_edit_of_the_route_configuration_keeps_its_virtual_hosts() -> Result<()> {
    let scene = Scene::start(&[], &["one", "two"]).await?;
    scene.control.put("sidecar", &sidecar(scene.proxy).replace("REGISTRY_ONLY", "ALLOW_ANY"))?;
    scene.until_held(&["allow_any", "one.test:80", "two.test:80"]).await?;
    ensure!(scene.word("two").await?.as_deref() == Some("first"), "the route is lost");
    scene.edit("two", "{prefix: /}", "second")?;
    scene.until_word("two", "second").await
}
