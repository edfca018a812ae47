//! The harness itself: an Envoy in front of an echo service, and a bootstrap that Envoy refuses.

use std::panic::AssertUnwindSafe;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use heddle_tests::echo::Echo;
use heddle_tests::envoy::{self, Config, Envoy};
use heddle_tests::http::Call;
use heddle_tests::process::Process;
use serde_json::{Value, json};

fn resources(cluster_of_the_route: &str, echo: &Echo) -> Value {
    let address = |ip: &str, port: u16| json!({"socketAddress": {"address": ip, "portValue": port}});
    let endpoint = json!({"endpoint": {"address": address(&echo.address.ip().to_string(), echo.address.port())}});
    let route = json!({"match": {"prefix": "/"}, "route": {"cluster": cluster_of_the_route}});
    json!({
        "clusters": [{"name": "echo", "type": "STATIC", "loadAssignment": {"clusterName": "echo",
            "endpoints": [{"lbEndpoints": [endpoint]}]}}],
        "routes": [{"name": "80", "virtualHosts": [{"name": "any", "domains": ["*"], "routes": [route]}]}],
        "listeners": [{"name": "in", "address": address("127.0.0.1", 0), "filterChains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typedConfig": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "statPrefix": "in",
                "rds": {"routeConfigName": "80", "configSource": {"ads": {}}},
                "httpFilters": [{"name": "envoy.filters.http.router",
                    "typedConfig": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
            },
        }]}]}],
    })
}

#[tokio::test]
async fn a_call_through_envoy_reaches_the_echo() -> Result<()> {
    let echo = Echo::start("one", "127.0.0.1:0").await?;
    let folder = tempfile::tempdir()?;
    let node = json!({"id": "test", "cluster": "test"});
    let bootstrap = envoy::from_resources(&node, &resources("echo", &echo))?;
    let envoy = Envoy::start("front", bootstrap, folder.path()).await?;
    let listeners = envoy.listeners().await?;
    let port =
        listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"].as_u64().context("port")?;
    let answer =
        Call::get(format!("127.0.0.1:{port}").parse()?, "/hello?status=418")?.header("host", "shop").send().await?;
    assert_eq!((answer.status, &answer.json()?["headers"]["host"], echo.hits()), (418, &json!("shop"), 1));
    assert_eq!(envoy.stat("cluster.echo.upstream_rq_total").await?, Some(1));
    let slow = Call::get(format!("127.0.0.1:{port}").parse()?, "/?delay=5000")?.within(Duration::from_millis(50));
    assert!(format!("{:#}", slow.send().await.expect_err("a time limit")).contains("no answer within 50ms"));
    let id = envoy.process.id();
    drop(envoy);
    assert!(!std::path::Path::new(&format!("/proc/{id}")).exists(), "Envoy {id} outlived its value");
    Ok(())
}

#[tokio::test]
async fn validation_names_what_envoy_refuses() -> Result<()> {
    let echo = Echo::start("one", "127.0.0.1:0").await?;
    let node = json!({"id": "test", "cluster": "test"});
    let config = |name: &str, cluster: &str| {
        let bootstrap = envoy::from_resources(&node, &resources(cluster, &echo));
        bootstrap.map(|bootstrap| Config { name: name.to_owned(), bootstrap })
    };
    let refused = envoy::validate(&[config("good", "echo")?, config("dangling", "nowhere")?])?;
    assert_eq!(refused.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["dangling"]);
    assert!(refused[0].1.contains("nowhere"), "{}", refused[0].1);
    Ok(())
}

/// Debug builds of heddled log each violation of the compiler's lint (`controller/src/generate.rs`).
#[test]
fn a_violation_in_the_log_of_heddled_fails_the_test() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = |name: &str| -> Result<Process> {
        let mut command = Command::new("echo");
        let mut process = Process::start(name, command.arg("the compiled resources break a rule"), folder.path())?;
        while process.running() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(process)
    };
    drop(log("other")?);
    let heddled = log("heddled")?;
    assert!(std::panic::catch_unwind(AssertUnwindSafe(|| drop(heddled))).is_err());
    Ok(())
}
