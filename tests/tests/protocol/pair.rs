//! A `heddled` and one Envoy that asks it without an agent, so that a test can give that Envoy a bootstrap of its own.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use heddle_tests::echo::Echo;
use heddle_tests::envoy::{self, Envoy};
use heddle_tests::folder::Folder;
use heddle_tests::http::Call;
use heddle_tests::mesh::Layout;
use heddle_tests::process::{Process, eventually};
use heddle_tests::product;
use serde_json::{Value, json};

/// Where the Envoy is a forward HTTP proxy.
const PROXY: u16 = 8080;

/// Both, with a service to call (`echo.test`) and a DNS server that never answers.
pub(crate) struct Pair {
    /// What `heddled` reads.
    pub(crate) config: Folder,
    pub(crate) envoy: Envoy,
    /// The address that is the Envoy's alone.
    pub(crate) ip: String,
    admin: SocketAddr,
    dns: UdpSocket,
    /// Whether the Envoy asks the dead DNS server; else the system allows no resolver's file of its own.
    pub(crate) asks_dead_dns: bool,
    // Held to the end: the addresses, the processes and their files.
    _echo: Echo,
    _heddled: Process,
    _layout: Layout,
    _run: tempfile::TempDir,
}

impl Pair {
    /// Starts both and waits until a call through Envoy is answered.
    pub(crate) async fn start() -> Result<Self> {
        let (run, layout) = (tempfile::tempdir()?, Layout::free()?);
        layout.reserve()?;
        let echo = Echo::start("echo", "127.0.0.1:0").await?;
        let (heddled_ip, ip) = (layout.heddled(), layout.workload(0).to_string());
        let config = Folder::copy(&[], &run.path().join("config"), |text| text)?;
        config.put("echo", &echo_entry(echo.address))?;
        config.put("rule", &rule("{}"))?;
        config.put("sidecar", &sidecar(&ip, &[]))?;
        let mut command = Command::new(product::binary("heddled")?);
        command.arg("--config-dir").arg(config.path()).arg("--caDir").arg(run.path().join("ca"));
        for (flag, port) in
            [("httpAddr", 18080), ("grpcAddr", 15010), ("secureGRPCAddr", 15012), ("monitoringAddr", 15014)]
        {
            command.arg(format!("--{flag}={heddled_ip}:{port}"));
        }
        command.arg(format!("--ctrlz_address={heddled_ip}"));
        let mut heddled = Process::start("heddled", command.current_dir(run.path()), run.path())?;
        let admin = SocketAddr::new(heddled_ip, 18080);
        let ready = Call::get(admin, "/ready")?;
        heddled.wait_until("ready control plane", Duration::from_secs(20), async || ready.succeeds().await).await?;
        let dns = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        dns.set_nonblocking(true)?;
        let command = with_resolver(dns.local_addr()?, run.path())?;
        let asks_dead_dns = command.get_program() == "unshare";
        let bootstrap = bootstrap(&ip, SocketAddr::new(heddled_ip, 15010));
        let envoy = Envoy::start_by(command, "envoy", bootstrap, run.path()).await?;
        let pair = Self {
            config,
            envoy,
            ip,
            admin,
            dns,
            asks_dead_dns,
            _echo: echo,
            _heddled: heddled,
            _layout: layout,
            _run: run,
        };
        let answers = async || pair.call("http://echo.test/").await.is_ok_and(|status| status == 200);
        eventually("answer through Envoy", Duration::from_secs(20), answers)
            .await
            .context(pair.envoy.process.tail())?;
        Ok(pair)
    }

    /// The status of a call through the Envoy.
    pub(crate) async fn call(&self, url: &str) -> Result<u16> {
        let proxy = format!("{}:{PROXY}", self.ip).parse()?;
        Ok(Call::proxied(proxy, url)?.within(Duration::from_secs(2)).send().await?.status)
    }

    /// The version of a type (`cluster`, `listener`, ..) that Envoy acknowledged last; none while an answer is out.
    pub(crate) async fn acknowledged(&self, short: &str) -> Result<Option<String>> {
        let page: Value = serde_json::from_str(&self.heddled_page("/debug/syncz").await?)?;
        let proxy = page.as_array().and_then(|proxies| proxies.first()).context("no proxy is connected")?;
        let (sent, acked) = (proxy[format!("{short}_sent")].as_str(), proxy[format!("{short}_acked")].as_str());
        Ok(acked.filter(|_| sent == acked).map(str::to_owned))
    }

    /// A page of `heddled`'s.
    pub(crate) async fn heddled_page(&self, path: &str) -> Result<String> {
        let answer = Call::get(self.admin, path)?.send().await?;
        ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.body);
        Ok(answer.body)
    }

    /// What Envoy really uses of its dynamic `listeners` (or `clusters`), without times and versions.
    pub(crate) async fn held(&self, kind: &str) -> Result<Vec<Value>> {
        let dump = self.envoy.config_dump().await?;
        let sections = dump["configs"].as_array().context("configs")?;
        let mut held = Vec::new();
        for one in sections.iter().filter_map(|section| section[format!("dynamic_{kind}")].as_array()).flatten() {
            let active = one.get("active_state").unwrap_or(one);
            held.extend(active.get("listener").or_else(|| active.get("cluster")).cloned());
        }
        held.sort_by_key(|one| one["name"].to_string());
        Ok(held)
    }

    /// How many questions the dead DNS server got since it was last asked for this.
    pub(crate) fn asked_dns(&self) -> Result<usize> {
        let (mut asked, mut buffer) = (0, [0; 512]);
        loop {
            match self.dns.recv(&mut buffer) {
                Ok(_) => asked += 1,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(asked),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The Sidecar with further egress listeners: name, address, port.
    pub(crate) fn sidecar(&self, more: &[(&str, &str, u16)]) -> String {
        sidecar(&self.ip, more)
    }
}

/// A DestinationRule for the service to call.
pub(crate) fn rule(policy: &str) -> String {
    object(
        "networking.istio.io/v1",
        "DestinationRule",
        "echo",
        &format!("{{host: echo.test, trafficPolicy: {policy}}}"),
    )
}

/// A VirtualService that aborts every call.
pub(crate) fn fault(status: u16) -> String {
    let route = format!(
        "{{fault: {{abort: {{httpStatus: {status}, percentage: {{value: 100}}}}}}, route: [{{destination: {{host: \
            echo.test}}}}]}}"
    );
    object("networking.istio.io/v1", "VirtualService", "echo", &format!("{{hosts: [echo.test], http: [{route}]}}"))
}

/// A host outside that is resolved by DNS.
pub(crate) fn dns_entry(host: &str) -> String {
    let spec = format!("{{hosts: [{host}], ports: [{{number: 80, name: http, protocol: HTTP}}], resolution: DNS}}");
    object("networking.istio.io/v1", "ServiceEntry", "dead", &spec)
}

fn echo_entry(address: SocketAddr) -> String {
    let endpoint = format!("{{address: {}, ports: {{http: {}}}}}", address.ip(), address.port());
    let ports = "[{number: 80, name: http, protocol: HTTP}]";
    let spec = format!("{{hosts: [echo.test], ports: {ports}, resolution: STATIC, endpoints: [{endpoint}]}}");
    object("networking.istio.io/v1", "ServiceEntry", "echo", &spec)
}

fn sidecar(ip: &str, more: &[(&str, &str, u16)]) -> String {
    let listener = |name: &str, bind: &str, port: u16| {
        let port = format!("{{number: {port}, name: {name}, protocol: HTTP_PROXY}}");
        format!("{{port: {port}, bind: {bind}, captureMode: NONE, hosts: [\"./*\"]}}")
    };
    let mut listeners = vec![listener("proxy", ip, PROXY)];
    listeners.extend(more.iter().map(|(name, bind, port)| listener(name, bind, *port)));
    object("networking.istio.io/v1", "Sidecar", "web", &format!("{{egress: [{}]}}", listeners.join(", ")))
}

fn object(version: &str, kind: &str, name: &str, spec: &str) -> String {
    format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n")
}

/// An Envoy that asks `dns` for names: with a resolver's file of its own, in a mount namespace of its own. Where the
/// system allows no such namespace it asks the system's server.
fn with_resolver(dns: SocketAddr, run: &Path) -> Result<Command> {
    let own = ["--user", "--map-root-user", "--mount"];
    let allowed = Command::new("unshare").args(own).arg("true").stderr(Stdio::null()).status();
    if !allowed.is_ok_and(|status| status.success()) {
        return Ok(Command::new(envoy::binary()?));
    }
    let file = run.join("resolv.conf");
    std::fs::write(&file, format!("nameserver [{}]:{}\n", dns.ip(), dns.port()))?;
    let mut command = Command::new("unshare");
    command.args(own).args(["bash", "-c", r#"mount --bind "$0" /etc/resolv.conf && exec "$@""#]);
    command.arg(file).arg(envoy::binary()?);
    Ok(command)
}

fn bootstrap(ip: &str, discovery: SocketAddr) -> Value {
    let socket = |address: SocketAddr| {
        json!({"socket_address": {"address": address.ip().to_string(),
        "port_value": address.port()}})
    };
    let ads = json!({"ads": {}, "resource_api_version": "V3"});
    let http2 = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }});
    let metadata =
        json!({"NAMESPACE": "shop", "INTERCEPTION_MODE": "NONE", "LABELS": {"app": "web"}, "PROXY_CONFIG": {}});
    json!({
        "node": {"id": format!("sidecar~{ip}~web-1.shop~shop.svc.cluster.local"), "cluster": "web.shop",
            "metadata": metadata},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC", "transport_api_version": "V3", "set_node_on_first_message_only": true,
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}],
            },
            "cds_config": ads, "lds_config": ads,
        },
        "static_resources": {"clusters": [{
            "name": "xds-grpc", "type": "STATIC", "connect_timeout": "1s", "typed_extension_protocol_options": http2,
            "load_assignment": {"cluster_name": "xds-grpc",
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket(discovery)}}]}]},
        }]},
    })
}
