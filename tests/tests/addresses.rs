//! Workload i lives on 127.0.1.i and nowhere else: two Envoys may listen on one address and share its connections
//! without an error, so the addresses of all are compared.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Result, ensure};
use heddle_tests::mesh::{Layout, Mesh};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_proxy_listens_on_its_own_address_only() -> Result<()> {
    let run = tempfile::tempdir()?;
    let mesh = Mesh::start(Layout::free()?, run.path()).await?;
    let mut owners = BTreeMap::new();
    for workload in &mesh.workloads {
        let ports = [9080, 3128, 15000, 15020, 15021, 15090];
        claim(&mut owners, &workload.name, workload.proxy.ip, workload.proxy.agent.listens_on()?, &ports)?;
        let app: Vec<SocketAddr> = workload.app.listens_on()?.into_iter().collect();
        assert_eq!(app, [workload.address], "{}", workload.name);
    }
    let gateway = &mesh.gateway;
    claim(&mut owners, "gateway", gateway.ip, gateway.agent.listens_on()?, &[8080, 15000, 15020, 15021, 15090])?;
    claim(
        &mut owners,
        "heddled",
        mesh.layout.heddled(),
        mesh.heddled.process.listens_on()?,
        &[15010, 15012, 15014, 8080],
    )?;
    mesh.stop().await
}

/// Enters the addresses that `name` listens on: all on `ip`, none taken by another, and the ports wanted among them.
fn claim(
    owners: &mut BTreeMap<SocketAddr, String>,
    name: &str,
    ip: IpAddr,
    addresses: impl IntoIterator<Item = SocketAddr>,
    ports: &[u16],
) -> Result<()> {
    for address in addresses {
        ensure!(address.ip() == ip, "{name} listens on {address}, but lives on {ip}");
        if let Some(other) = owners.insert(address, name.to_owned()) {
            anyhow::bail!("{name} and {other} both listen on {address}");
        }
    }
    for port in ports {
        let address = SocketAddr::new(ip, *port);
        ensure!(owners.get(&address).is_some_and(|owner| owner == name), "{name} does not listen on {address}");
    }
    Ok(())
}
