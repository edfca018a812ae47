//! Packets as programs send them, and as somebody does who means harm.

use std::net::IpAddr;
use std::time::Duration;

use heddle_xds_api::istio::networking::nds::v1::{NameTable, name_table::NameInfo};
use simple_dns::rdata::{A, OPT, RData};
use simple_dns::{CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::answer::{Step, Transport, step};
use super::table::{Domain, Table};
use super::*;

fn table() -> Table {
    let info = |ips: &[&str], shortname: &str, namespace: &str| NameInfo {
        ips: ips.iter().map(ToString::to_string).collect(),
        registry: "Kubernetes".into(),
        shortname: shortname.into(),
        namespace: namespace.into(),
    };
    let many: Vec<String> = (0..200).map(|n| format!("10.7.0.{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let entries = [
        ("web.shop.svc.cluster.local", info(&["10.0.0.1", "10.0.0.2", "2001:db8::1"], "web", "shop")),
        ("web.other.svc.cluster.local", info(&["10.0.1.1"], "web", "other")),
        ("db-0.db.shop.svc.cluster.local", info(&["10.0.2.1"], "db-0.db", "shop")),
        ("api.example", info(&["240.240.0.1"], "", "")),
        ("*.wild.example", info(&["240.240.0.2"], "", "")),
        ("many.example", info(&many, "", "")),
        ("nothing.example", info(&["no address"], "", "")),
    ];
    let table = NameTable { table: entries.into_iter().map(|(host, info)| (host.to_owned(), info)).collect() };
    let settings = Dns { search: vec!["shop.svc.cluster.local".into(), "svc.cluster.local".into()], ..Dns::default() };
    let identity = heddle_model::identity::Identity::new("cluster.local", "shop", "web").unwrap();
    Table::new(&table, &Domain::new(&identity, &settings))
}

fn question(name: &str, kind: TYPE) -> Packet<'_> {
    let mut packet = Packet::new_query(77);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let kind = QTYPE::TYPE(kind);
    packet.questions.push(Question::new(Name::new(name).unwrap(), kind, QCLASS::CLASS(CLASS::IN), false));
    packet
}

fn bytes(packet: &Packet<'_>) -> Vec<u8> {
    packet.build_bytes_vec().unwrap()
}

fn said(step: &Step) -> Packet<'_> {
    let Step::Say(bytes) = step else { panic!("{step:?}") };
    Packet::parse(bytes).unwrap()
}

fn addresses(packet: &Packet<'_>) -> Vec<IpAddr> {
    let address = |data: &RData<'_>| match data {
        RData::A(a) => Some(IpAddr::V4(a.address.into())),
        RData::AAAA(a) => Some(IpAddr::V6(a.address.into())),
        _ => None,
    };
    packet.answers.iter().filter_map(|record| address(&record.rdata)).collect()
}

fn look(name: &str, kind: TYPE) -> Option<Vec<String>> {
    let step = step(&table(), &bytes(&question(name, kind)), Transport::Datagram, 0);
    if step == Step::Ask {
        return None;
    }
    Some(addresses(&said(&step)).iter().map(ToString::to_string).collect())
}

#[test]
fn services_are_found_by_all_of_their_names() {
    for name in ["web.shop.svc.cluster.local.", "web.", "web.shop.", "WEB.shop.SVC.", "web.shop.svc.cluster.local"] {
        assert_eq!(look(name, TYPE::A).unwrap(), ["10.0.0.1", "10.0.0.2"], "{name}");
        assert_eq!(look(name, TYPE::AAAA).unwrap(), ["2001:db8::1"], "{name}");
    }
    assert_eq!(look("web.other.", TYPE::A).unwrap(), ["10.0.1.1"]);
    assert_eq!(look("db-0.db.", TYPE::A).unwrap(), ["10.0.2.1"]);
    assert_eq!(look("a.b.wild.example.", TYPE::A).unwrap(), ["240.240.0.2"]);
    assert_eq!(look("api.example.", TYPE::AAAA).unwrap(), [""; 0], "known, and without such an address");
    for (name, kind) in [
        ("other.", TYPE::A),
        ("wild.example.", TYPE::A),
        ("nothing.example.", TYPE::A),
        ("api.example.", TYPE::MX),
        (".", TYPE::A),
    ] {
        assert_eq!(look(name, kind), None, "{name}");
    }
}

#[test]
fn a_name_with_a_domain_to_search_stands_for_the_name() {
    let packet = bytes(&question("Api.Example.shop.svc.cluster.local", TYPE::A));
    let step = step(&table(), &packet, Transport::Datagram, 0);
    let answer = said(&step);
    let RData::CNAME(known) = &answer.answers[0].rdata else { panic!("{answer:?}") };
    assert_eq!((known.0.to_string(), answer.answers[1].name.to_string()), ("api.example".into(), "api.example".into()));
    assert_eq!(addresses(&answer), ["240.240.0.1".parse::<IpAddr>().unwrap()]);
    assert_eq!((answer.id(), answer.rcode()), (77, RCODE::NoError));
    assert!(answer.has_flags(PacketFlag::RECURSION_DESIRED | PacketFlag::RECURSION_AVAILABLE | PacketFlag::RESPONSE));
    assert_eq!(look("unknown.shop.svc.cluster.local", TYPE::A), None);
}

#[test]
fn addresses_go_round_and_long_answers_ask_for_a_connection() {
    let packet = bytes(&question("web", TYPE::A));
    let first = |turn| addresses(&said(&step(&table(), &packet, Transport::Datagram, turn)))[0].to_string();
    assert_eq!([first(0), first(1), first(2)], ["10.0.0.1", "10.0.0.2", "10.0.0.1"]);
    let mut long = question("many.example", TYPE::A);
    let of = |packet: &Packet<'_>, transport| step(&table(), &bytes(packet), transport, 0);
    let short = of(&long, Transport::Datagram);
    assert!(said(&short).has_flags(PacketFlag::TRUNCATION) && said(&short).answers.is_empty());
    let whole = of(&long, Transport::Stream);
    assert!(said(&whole).answers.len() == 200 && !said(&whole).has_flags(PacketFlag::TRUNCATION));
    *long.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: 4096, version: 0 });
    let large = of(&long, Transport::Datagram);
    assert!(said(&large).answers.len() == 200 && said(&large).opt().is_some());
}

#[test]
fn packets_that_are_no_questions_are_dropped_or_refused() {
    let answered = bytes(&Packet::new_reply(1));
    for packet in [&[][..], &[0; 11], &answered] {
        assert_eq!(step(&table(), packet, Transport::Datagram, 0), Step::Drop);
    }
    let code = |packet: &[u8]| said(&step(&table(), packet, Transport::Datagram, 0)).rcode();
    assert_eq!(code(&[0; 12]), RCODE::FormatError, "no question");
    let mut update = Packet::new_query(1);
    *update.opcode_mut() = OPCODE::Update;
    assert_eq!(code(&bytes(&update)), RCODE::NotImplemented);
    let whole = bytes(&question("web", TYPE::A));
    // A name that points to itself, and counts that promise more than there is.
    let mut looping = whole.clone();
    looping[12..14].copy_from_slice(&[0xc0, 12]);
    assert_eq!(code(&looping), RCODE::FormatError);
    let mut boasting = whole.clone();
    boasting[4..12].fill(0xff);
    assert_eq!(code(&boasting), RCODE::FormatError);
    let mut strange = whole.clone();
    let kind = strange.len() - 4;
    strange[kind..kind + 2].copy_from_slice(&[0xff, 0x01]);
    assert_eq!(step(&table(), &strange, Transport::Datagram, 0), Step::Ask, "a kind that a resolver may know");
    for length in 12..whole.len() {
        _ = step(&table(), &whole[..length], Transport::Stream, 0);
    }
    for seed in 0..20_000_u32 {
        let mut packet = whole.clone();
        let at = seed as usize % packet.len();
        packet[at] ^= u8::try_from(seed.wrapping_mul(2_654_435_761) >> 24).unwrap();
        _ = step(&table(), &packet, Transport::Datagram, seed as usize);
    }
}

/// A resolver that answers every question with one address, twice under a wrong id first.
async fn resolver() -> (SocketAddrs, tokio::task::JoinHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut buffer = [0; 4096];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let asked = Packet::parse(&buffer[..length]).unwrap();
            let mut answer = Packet::new_reply(asked.id());
            let address = RData::A(A::from(std::net::Ipv4Addr::new(192, 0, 2, 1)));
            answer.answers.push(ResourceRecord::new(asked.questions[0].qname.clone(), CLASS::IN, 5, address));
            let mut wrong = answer.clone();
            wrong.set_id(answer.id() ^ 1);
            for packet in [bytes(&wrong), bytes(&answer)] {
                socket.send_to(&packet, from).await.unwrap();
            }
        }
    });
    (vec![address], task)
}

type SocketAddrs = Vec<std::net::SocketAddr>;

/// The proxy with these resolvers, and where it listens.
async fn running(servers: SocketAddrs) -> std::net::SocketAddr {
    let sockets = loop {
        // The two ports are one number, and the second may be taken.
        let free = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        if let Ok(sockets) = Sockets::bind(free).await {
            break (free, sockets);
        }
    };
    let (known, table) = watch::channel(Arc::new(table()));
    tokio::spawn(async move {
        server::serve(vec![sockets.1], upstream::Upstream::new(servers), table, Arc::default()).await;
        drop(known);
    });
    sockets.0
}

async fn udp(to: std::net::SocketAddr, packet: &[u8]) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(packet, to).await.unwrap();
    let mut buffer = [0; 4096];
    let length = tokio::time::timeout(Duration::from_secs(10), socket.recv(&mut buffer)).await.ok()?.unwrap();
    Some(buffer[..length].to_vec())
}

#[tokio::test]
async fn what_is_not_known_is_asked_of_a_resolver() {
    let (servers, _task) = resolver().await;
    let dead = "127.0.0.1:9".parse().unwrap();
    let to = running([vec![dead], servers].concat()).await;
    let (known, other) = (bytes(&question("web", TYPE::A)), bytes(&question("elsewhere.example", TYPE::A)));
    let answer = udp(to, &other).await.unwrap();
    let answer = Packet::parse(&answer).unwrap();
    assert_eq!((answer.id(), addresses(&answer)), (77, vec!["192.0.2.1".parse().unwrap()]));
    assert_eq!(addresses(&Packet::parse(&udp(to, &known).await.unwrap()).unwrap()).len(), 2);
    let failed = udp(running(vec![dead]).await, &other).await.unwrap();
    let failed = Packet::parse(&failed).unwrap();
    assert_eq!((failed.id(), failed.rcode()), (77, RCODE::ServerFailure));
}

#[tokio::test]
async fn a_flood_of_nonsense_does_not_keep_it_from_answering() {
    let to = running(Vec::new()).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for length in 0..2000_usize {
        let packet: Vec<u8> = (0..length % 600).map(|at| u8::try_from((at * 31 + length * 7) % 251).unwrap()).collect();
        _ = socket.send_to(&packet, to).await;
    }
    // Connections that say nothing, half a length, or half a question; more than are served at a time are not left
    // open.
    let mut idle = Vec::new();
    for bytes in [&[][..], &[0], &[0, 40, 1, 2], &[255, 255]] {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        idle.push(stream);
    }
    let packet = bytes(&question("web.", TYPE::A));
    let mut stream = TcpStream::connect(to).await.unwrap();
    for _ in 0..3 {
        stream.write_all(&[&[0, u8::try_from(packet.len()).unwrap()], packet.as_slice()].concat()).await.unwrap();
        let mut answer = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(addresses(&Packet::parse(&answer).unwrap()).len(), 2);
    }
    assert_eq!(addresses(&Packet::parse(&udp(to, &packet).await.unwrap()).unwrap()).len(), 2);
}
