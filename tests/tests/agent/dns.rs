//! The pod's questions for names, answered by a real agent from what a real control plane says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use heddle_tests::process::eventually;
use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::pair::{PATIENCE, Pair};

const OBJECTS: &str = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.96.0.7, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: None, ports: [{name: tcp, port: 5432}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db-0, namespace: shop}
spec: {hostname: db-0, subdomain: db}
status: {phase: Running, podIP: 10.0.3.1, conditions: [{type: Ready, status: 'True'}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-1, namespace: shop, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: tcp, port: 5432}]
endpoints:
- {addresses: [10.0.3.1], hostname: db-0, conditions: {ready: true}, targetRef: {kind: Pod, name: db-0, namespace: \
shop}}
- {addresses: [10.0.3.2], conditions: {ready: true}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api, namespace: shop}
spec: {hosts: [api.example], resolution: DNS, ports: [{number: 5000, name: tcp, protocol: TCP}]}
";

fn question(name: &str) -> Result<Vec<u8>> {
    let mut packet = Packet::new_query(4711);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(Name::new(name)?, QTYPE::TYPE(TYPE::A), QCLASS::CLASS(CLASS::IN), false));
    Ok(packet.build_bytes_vec()?)
}

/// What an answer says.
#[derive(Debug)]
struct Said {
    id: u16,
    code: RCODE,
    addresses: Vec<String>,
    records: usize,
}

fn read(bytes: &[u8]) -> Result<Said> {
    let packet = Packet::parse(bytes)?;
    let address = |data: &RData<'_>| match data {
        RData::A(a) => Some(IpAddr::V4(a.address.into()).to_string()),
        _ => None,
    };
    let mut addresses: Vec<String> = packet.answers.iter().filter_map(|record| address(&record.rdata)).collect();
    addresses.sort();
    Ok(Said { id: packet.id(), code: packet.rcode(), addresses, records: packet.answers.len() })
}

async fn udp(to: SocketAddr, name: &str) -> Result<Said> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.send_to(&question(name)?, to).await?;
    let mut buffer = [0; 4096];
    let length =
        tokio::time::timeout(Duration::from_secs(5), socket.recv(&mut buffer)).await.context("no answer")??;
    read(&buffer[..length])
}

async fn tcp(to: SocketAddr, name: &str) -> Result<Said> {
    let packet = question(name)?;
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(&[&u16::try_from(packet.len())?.to_be_bytes(), packet.as_slice()].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    read(&answer)
}

/// A resolver of the pod's, which knows one address for all names.
async fn resolver() -> Result<SocketAddr> {
    // The port is fixed; of the addresses of this machine some are free.
    let mut free = None;
    for last in 1..250 {
        if let Ok(socket) = UdpSocket::bind((Ipv4Addr::new(127, 53, 71, last), 53)).await {
            free = Some(socket);
            break;
        }
    }
    let socket = free.context("port 53 on no address of 127.53.71.0/24; the tests run as root")?;
    let address = socket.local_addr()?;
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let Ok(asked) = Packet::parse(&buffer[..length]) else { continue };
            let mut answer = Packet::new_reply(asked.id());
            if let Some(question) = asked.questions.first() {
                let data = RData::A(A::from(Ipv4Addr::new(192, 0, 2, 1)));
                answer.answers.push(ResourceRecord::new(question.qname.clone(), CLASS::IN, 5, data));
            }
            let Ok(answer) = answer.build_bytes_vec() else { continue };
            _ = socket.send_to(&answer, from).await;
        }
    });
    Ok(address)
}

#[tokio::test]
async fn names_are_answered_from_the_mesh_and_others_by_the_pods_resolver() -> Result<()> {
    let run = tempfile::tempdir()?;
    let resolv_conf = run.path().join("resolv.conf");
    let server = resolver().await?;
    std::fs::write(
        &resolv_conf,
        format!("search shop.svc.cluster.local svc.cluster.local\nnameserver {}\n", server.ip()),
    )?;
    let resolv_conf = resolv_conf.display().to_string();
    let free = UdpSocket::bind("127.0.0.1:0").await?.local_addr()?;
    let env =
        [("ISTIO_META_DNS_CAPTURE", "true"), ("DNS_PROXY_ADDR", &free.to_string()), ("RESOLV_CONF", &resolv_conf)];
    let mut pair = Pair::start_in(run, &env).await?;
    pair.config.put("names", OBJECTS)?;
    let is = async |name: &str, want: &[&str]| udp(free, name).await.is_ok_and(|said| said.addresses == want);
    eventually("the name table", PATIENCE, async || is("web.shop.svc.cluster.local.", &["10.96.0.7"]).await).await?;
    for (name, want) in [
        ("web.", &["10.96.0.7"][..]),
        ("WEB.shop.", &["10.96.0.7"]),
        ("db.shop.svc.", &["10.0.3.1", "10.0.3.2"]),
        ("db-0.db.shop.svc.cluster.local.", &["10.0.3.1"]),
        ("elsewhere.example.", &["192.0.2.1"]),
    ] {
        let said = udp(free, name).await?;
        ensure!(said.addresses == want && said.id == 4711, "{name}: {said:?}");
    }
    let allocated = udp(free, "api.example.").await?;
    ensure!(allocated.addresses[0].starts_with("240.240."), "{allocated:?}");
    let searched = udp(free, "api.example.shop.svc.cluster.local.").await?;
    ensure!(searched.records == 2 && searched.addresses == allocated.addresses, "{searched:?}");
    ensure!(tcp(free, "web.").await?.addresses == ["10.96.0.7"]);
    ensure!(tcp(free, "elsewhere.example.").await?.code == RCODE::ServerFailure, "UDP only there");

    // The stream of the table is no second proxy.
    let page =
        heddle_tests::http::Call::get(SocketAddr::new(pair.layout.heddled(), 8080), "/debug/syncz")?.send().await?;
    let shown = page.json()?.as_array().map(Vec::len);
    ensure!(shown == Some(1), "{}", page.body);

    // An edit, nonsense, and a control plane that is away.
    pair.config.put("names", &OBJECTS.replace("10.96.0.7", "10.96.0.8"))?;
    eventually("the edit", PATIENCE, async || is("web.", &["10.96.0.8"]).await).await?;
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    for length in 0..1500_usize {
        let packet: Vec<u8> = (0..length % 700).map(|at| ((at * 31 + length * 7) % 251).to_le_bytes()[0]).collect();
        socket.send_to(&packet, free).await?;
    }
    // What comes faster than it is read is dropped, by the system, and a question among it has to be asked again.
    eventually("an answer after nonsense", PATIENCE, async || is("web.", &["10.96.0.8"]).await).await?;
    pair.heddled.kill();
    ensure!(is("web.", &["10.96.0.8"]).await && is("elsewhere.example.", &["192.0.2.1"]).await);
    ensure!(pair.metric("istio_agent_dns_requests_total").await? > 10);
    pair.until_ready().await
}
