//! After a NACK the guilty resource alone stays as it was, at a proxy that runs and at one that starts.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use heddle_tests::breaking_relay::{BreakingRelay, Fault};
use heddle_tests::control::{Control, ControlSetup};
use heddle_tests::envoy::Envoy;
use heddle_tests::http::Call;
use heddle_tests::process::eventually;
use heddle_tests::xds_client::{CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET};
use rcgen::generate_simple_self_signed;
use serde_json::{Value, json};
use tonic::transport::{Channel, Endpoint};

use super::faults;

const PATIENCE: Duration = Duration::from_secs(20);
const VIRTUAL_HOST: &str = "type.googleapis.com/envoy.config.route.v3.VirtualHost";
/// The services: the resource of the first is broken.
const SERVICES: [&str; 2] = ["guilty", "other"];

/// A type of resource, and objects that make one of each service.
struct Class {
    type_url: &'static str,
    /// The part of Envoy's dump that has them.
    dump: &'static str,
    flags: &'static [&'static str],
    /// Which of the resources is the service's, by its port.
    name: fn(service: &str, port: u16) -> String,
    /// The objects of a service that an edit changes.
    edit: fn(service: &str, port: u16, marker: &str) -> String,
    faults: fn() -> Vec<Fault>,
}

const CLASSES: [Class; 6] = [
    Class {
        type_url: CLUSTER,
        dump: "ClustersConfigDump",
        flags: &[],
        name: |service, port| format!("outbound|{port}||{service}.test"),
        edit: |service, _, marker| rule(service, &json!({"tcp": {"maxConnections": number(marker)}})),
        faults: faults::clusters,
    },
    Class {
        type_url: LISTENER,
        dump: "ListenersConfigDump",
        flags: &[],
        name: |_, port| format!("127.0.0.1_{port}"),
        edit: |service, port, marker| {
            let pool = json!({"tcp": {"idleTimeout": format!("{marker}s")}});
            [entry(service, port, "TCP", 1), rule(service, &pool)].join("---")
        },
        faults: faults::listeners,
    },
    Class {
        type_url: ROUTE,
        dump: "RoutesConfigDump",
        flags: &["--virtual-host-discovery=off"],
        name: |_, port| port.to_string(),
        edit: |service, _, marker| route(service, marker),
        faults: faults::routes,
    },
    Class {
        type_url: VIRTUAL_HOST,
        dump: "RoutesConfigDump",
        flags: &[],
        name: |service, port| format!("{port}/{service}.test:{port}"),
        edit: |service, _, marker| route(service, marker),
        faults: faults::virtual_hosts,
    },
    Class {
        type_url: ENDPOINT,
        dump: "EndpointsConfigDump",
        flags: &[],
        name: |service, port| format!("outbound|{port}||{service}.test"),
        edit: |service, port, marker| entry(service, port, "HTTP", number(marker)),
        faults: faults::endpoints,
    },
    Class {
        type_url: SECRET,
        dump: "SecretsConfigDump",
        flags: &[],
        name: |service, _| format!("kubernetes://{service}"),
        edit: |service, _, marker| certificate(service, marker),
        faults: faults::secrets,
    },
];

/// Markers are numbers that nothing else has.
fn number(marker: &str) -> u16 {
    marker.parse().unwrap_or_default()
}

fn object(kind: &str, name: &str, spec: &Value) -> String {
    let metadata = json!({"name": name, "namespace": "shop"});
    let object = json!({"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec});
    format!("\n{object}\n")
}

fn entry(service: &str, port: u16, protocol: &str, target: u16) -> String {
    let spec = json!({
        "hosts": [format!("{service}.test")], "resolution": "STATIC",
        "ports": [{"number": port, "name": "port", "protocol": protocol}],
        "endpoints": [{"address": "127.0.0.1", "ports": {"port": target}}],
    });
    object("ServiceEntry", service, &spec)
}

fn rule(service: &str, pool: &Value) -> String {
    let spec = json!({"host": format!("{service}.test"), "trafficPolicy": {"connectionPool": pool}});
    object("DestinationRule", service, &spec)
}

fn route(service: &str, marker: &str) -> String {
    let host = format!("{service}.test");
    let headers = json!({"request": {"set": {"x-marker": marker}}});
    let spec = json!({"hosts": [host], "http": [{"headers": headers, "route": [{"destination": {"host": host}}]}]});
    object("VirtualService", service, &spec)
}

fn gateway(service: &str, port: u16) -> String {
    let server = json!({
        "port": {"number": port, "name": "https", "protocol": "HTTPS"}, "hosts": [format!("{service}.test")],
        "bind": "127.0.0.1", "tls": {"mode": "SIMPLE", "credentialName": service},
    });
    object("Gateway", service, &json!({"selector": {"app": "gateway"}, "servers": [server]}))
}

/// A certificate whose chain begins with the marker.
fn certificate(service: &str, marker: &str) -> String {
    let Ok(pair) = generate_simple_self_signed(vec![format!("{service}.test")]) else { return String::new() };
    let (chain, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
    let data = json!({"tls.crt": STANDARD.encode(format!("{marker}\n{chain}")), "tls.key": STANDARD.encode(key)});
    let metadata = json!({"name": service, "namespace": "shop"});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": metadata,
        "data": data});
    format!("\n{secret}\n")
}

/// heddled, a relay that breaks its resources, and an Envoy.
struct Scene<'a> {
    class: &'a Class,
    control: Control,
    relay: BreakingRelay,
    running: Envoy,
    ports: [u16; 2],
    markers: u16,
}

impl<'a> Scene<'a> {
    async fn start(class: &'a Class) -> Result<Self> {
        let ports = [free_port()?, free_port()?];
        let mut setup = ControlSetup::new()?;
        for (service, port) in SERVICES.into_iter().zip(ports) {
            let name = format!("{service}-service");
            setup = setup.with(&name, &entry(service, port, "HTTP", 1))?;
            if class.type_url == SECRET {
                setup = setup.with(&format!("{service}-gateway"), &gateway(service, port))?;
            } else if class.type_url == LISTENER || class.type_url == ENDPOINT {
                // The edit has the service itself.
                setup = setup.with(&name, "")?;
            }
        }
        let control = setup.start(class.flags).await?;
        let token = (class.type_url == SECRET).then(|| control.token("shop", "gateway")).transpose()?;
        // Secrets go over TLS only.
        let upstream = if token.is_some() { control.channel(None).await? } else { plain(&control).await? };
        let relay = BreakingRelay::start(upstream, token).await?;
        let running = envoy(class, &control, &relay, "shop", "running").await?;
        let mut scene = Self { class, control, relay, running, ports, markers: 10_000 };
        let marker = scene.edit()?;
        scene.until_holds(&scene.running, [&marker, &marker]).await.context("before the first fault")?;
        Ok(scene)
    }

    /// Edits both services in one commit. Returns their marker.
    fn edit(&mut self) -> Result<String> {
        self.markers += 1;
        let marker = self.markers.to_string();
        let services = SERVICES.into_iter().zip(self.ports);
        let objects: Vec<String> = services.map(|(service, port)| (self.class.edit)(service, port, &marker)).collect();
        self.control.put("edited", &objects.join("---"))?;
        Ok(marker)
    }

    async fn until_holds(&self, envoy: &Envoy, markers: [&String; 2]) -> Result<()> {
        let mut seen = [String::new(), String::new()];
        let holds = eventually("resources of both services", PATIENCE, async || {
            let Ok(dump) = envoy.config_dump().await else { return false };
            seen = [0, 1].map(|at| held(&dump, self.class, SERVICES[at], self.ports[at]));
            seen.iter().zip(markers).all(|(seen, marker)| has_marker(seen, marker))
        });
        let end = holds.await;
        end.with_context(|| format!("wanted {markers:?}, and Envoy holds {seen:#?}"))
    }

    /// What heddled knows of the type at the proxy that runs.
    async fn state(&self) -> Result<Value> {
        let synced = self.control.json("/debug/syncz").await?;
        let running = synced.as_array().into_iter().flatten().find(|one| one["proxy"] == "running.shop");
        Ok(running.with_context(|| format!("no running proxy in {synced}"))?["resources"][self.class.type_url].clone())
    }

    /// One fault: it is named, all else goes on, a proxy starts, and the mend reaches both.
    async fn suffer(&mut self, number: usize, fault: &Fault) -> Result<String> {
        let before = self.markers.to_string();
        let guilty = (self.class.name)(SERVICES[0], self.ports[0]);
        self.relay.break_next(self.class.type_url, &guilty, fault.clone());
        let start = Instant::now();
        let marker = self.edit()?;
        let mut said = Value::Null;
        let named = eventually("rejection that names the object", PATIENCE, async || {
            said = self.state().await.unwrap_or_default();
            said["status"] == "ERROR" && said["objects"].to_string().contains("shop/guilty")
        });
        let end = named.await;
        end.with_context(|| {
            format!("{guilty}, broken: {}: {said}", self.relay.has_broken(self.class.type_url, &guilty))
        })?;
        let named = start.elapsed();
        ensure!(!said["objects"].to_string().contains("shop/other"), "{said}");
        self.until_holds(&self.running, [&before, &marker]).await.context("the proxy that runs")?;
        let landed = start.elapsed();

        let start = Instant::now();
        let namespace = if self.class.type_url == SECRET { "shop" } else { "new" };
        let name = format!("fresh-{number}");
        let fresh = envoy(self.class, &self.control, &self.relay, namespace, &name).await?;
        let ready = async || Call::get(fresh.admin, "/ready").ok()?.send().await.ok().map(|answer| answer.status);
        eventually("readiness", PATIENCE, async || ready().await == Some(200)).await?;
        let ready = start.elapsed();
        self.until_holds(&fresh, [&before, &marker]).await.context("the proxy that starts")?;

        let start = Instant::now();
        let mended = self.edit()?;
        self.until_holds(&self.running, [&mended, &mended]).await.context("the proxy that runs, mended")?;
        self.until_holds(&fresh, [&mended, &mended]).await.context("the proxy that starts, mended")?;
        let healed = start.elapsed();
        eventually("no rejection", PATIENCE, async || {
            self.state().await.is_ok_and(|state| state["status"] == "SYNCED")
        })
        .await?;
        Ok(format!("named {named:.1?}, others {landed:.1?}, ready {ready:.1?}, healed {healed:.1?}"))
    }
}

async fn plain(control: &Control) -> Result<Channel> {
    Ok(Endpoint::from_shared(format!("http://{}", control.address("grpc")?))?.connect().await?)
}

async fn envoy(class: &Class, control: &Control, relay: &BreakingRelay, namespace: &str, name: &str) -> Result<Envoy> {
    let node = match class.type_url {
        SECRET => node("router", namespace, name, &json!({"LABELS": {"app": "gateway"}})),
        _ => node("sidecar", namespace, name, &json!({"INTERCEPTION_MODE": "NONE"})),
    };
    Envoy::start(name, relayed(control, relay, &node)?, control.path()).await
}

fn node(role: &str, namespace: &str, name: &str, metadata: &Value) -> Value {
    let mut node = json!({
        "id": format!("{role}~127.0.0.1~{name}.{namespace}~{namespace}.svc.cluster.local"), "cluster": name,
        "metadata": {"NAMESPACE": namespace, "SERVICE_ACCOUNT": "gateway"},
    });
    let fields = node["metadata"].as_object_mut().into_iter().zip(metadata.as_object().cloned());
    fields.for_each(|(fields, more)| fields.extend(more));
    node
}

/// A bootstrap of an Envoy that connects to the relay.
fn relayed(control: &Control, relay: &BreakingRelay, node: &Value) -> Result<Value> {
    let mut bootstrap = control.bootstrap(node)?;
    let endpoints = &mut bootstrap["staticResources"]["clusters"][0]["loadAssignment"]["endpoints"];
    endpoints[0]["lbEndpoints"][0]["endpoint"]["address"]["socketAddress"]["portValue"] = relay.address.port().into();
    Ok(bootstrap)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// What Envoy holds of a service, as text: without what it rejects.
fn held(dump: &Value, class: &Class, service: &str, port: u16) -> String {
    let is_part = |config: &&Value| config["@type"].as_str().is_some_and(|name| name.ends_with(class.dump));
    let name = (class.name)(service, port);
    let parts = dump["configs"].as_array().into_iter().flatten().filter(is_part);
    parts.flat_map(|part| named(part, &name)).map(ToString::to_string).collect()
}

fn named<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    match value {
        Value::Object(fields) if ["name", "cluster_name"].iter().any(|key| value[*key] == name) => {
            let states = fields.iter().filter(|(key, _)| *key != "error_state");
            states.map(|(_, state)| state).collect()
        }
        Value::Object(fields) => fields.values().flat_map(|field| named(field, name)).collect(),
        Value::Array(items) => items.iter().flat_map(|item| named(item, name)).collect(),
        _ => Vec::new(),
    }
}

fn has_marker(held: &str, marker: &str) -> bool {
    // A secret is in base64. Five digits and a line break are eight of its characters, of which seven are theirs alone.
    let encoded = STANDARD.encode(format!("{marker}\n"));
    held.contains(marker) || held.contains(&encoded[..7])
}

#[expect(clippy::print_stdout, reason = "how long each step took")]
async fn suffer(class: &Class) -> Result<()> {
    let faults = (class.faults)();
    ensure!(faults.len() == 10, "{} faults", faults.len());
    let mut scene = Scene::start(class).await?;
    for (number, fault) in faults.iter().enumerate() {
        let said = scene.suffer(number, fault).await.with_context(|| format!("{}: {fault:?}", class.type_url))?;
        println!("{} {number}: {said}", class.dump);
    }
    Ok(())
}

#[tokio::test]
async fn of_clusters() -> Result<()> {
    suffer(&CLASSES[0]).await
}

#[tokio::test]
async fn of_listeners() -> Result<()> {
    suffer(&CLASSES[1]).await
}

#[tokio::test]
async fn of_routes() -> Result<()> {
    suffer(&CLASSES[2]).await
}

#[tokio::test]
async fn of_virtual_hosts() -> Result<()> {
    suffer(&CLASSES[3]).await
}

#[tokio::test]
async fn of_endpoints() -> Result<()> {
    suffer(&CLASSES[4]).await
}

#[tokio::test]
async fn of_secrets() -> Result<()> {
    suffer(&CLASSES[5]).await
}

/// No proxy has accepted any version. Without a listener of its own, the connections of a port would be passed on.
#[tokio::test]
async fn connections_that_nothing_is_known_of_are_closed() -> Result<()> {
    let class = &CLASSES[1];
    let ports = [free_port()?, free_port()?];
    let mut setup = ControlSetup::new()?;
    for (service, port) in SERVICES.into_iter().zip(ports) {
        setup = setup.with(service, &(class.edit)(service, port, "10001"))?;
    }
    // The ports of captured traffic may be those of another test.
    let mesh = setup.path().join("mesh.yaml");
    let captured = json!({"proxyListenPort": free_port()?, "proxyInboundListenPort": free_port()?});
    std::fs::write(&mesh, captured.to_string())?;
    let control = setup.start(&[&format!("--meshConfig={}", mesh.display())]).await?;
    let relay = BreakingRelay::start(plain(&control).await?, None).await?;
    let [guilty, other] = ports.map(|port| format!("0.0.0.0_{port}"));
    relay.break_next(LISTENER, &guilty, Fault::Garbage);
    let node = node("sidecar", "shop", "first", &json!({}));
    let envoy = Envoy::start("first", relayed(&control, &relay, &node)?, control.path()).await?;

    let mut held = [String::new(), String::new()];
    let holds = eventually("both listeners", PATIENCE, async || {
        let Ok(dump) = envoy.config_dump().await else { return false };
        held = [&guilty, &other].map(|name| named(&dump, name).into_iter().map(ToString::to_string).collect());
        held[0].contains("BlackHoleCluster") && held[1].contains("10001")
    });
    let end = holds.await;
    end.with_context(|| format!("Envoy holds {held:#?}"))?;
    let ready = async || Call::get(envoy.admin, "/ready").ok()?.send().await.ok().map(|answer| answer.status);
    eventually("readiness", PATIENCE, async || ready().await == Some(200)).await?;
    let synced = control.json("/debug/syncz").await?;
    let said = synced[0]["resources"][LISTENER].to_string();
    ensure!(said.contains(&format!("no accepted version of {guilty}")) && said.contains("shop/guilty"), "{said}");
    Ok(())
}
