//! Who is served: on the encrypted port a node's own workload, on the plain port and the debug pages this machine.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use heddle_tests::control::{Control, ControlSetup, SERVER_NAME};
use heddle_tests::http::{Call, tls_config, until_closed, until_end};
use heddle_tests::xds_client::{CLUSTER, DeltaClient, node};
use heddle_xds_api::istio::v1::auth::IstioCertificateRequest;
use heddle_xds_api::istio::v1::auth::istio_certificate_service_client::IstioCertificateServiceClient;
use serde_json::json;
use tonic::Code;

const SOON: Duration = Duration::from_secs(10);
/// How long a connection may stay open after half a request: twice the limit.
const PATIENCE: Duration = Duration::from_secs(20);

/// The code and words with which a stream is refused, or `None` if it is served.
async fn refusal(
    control: &Control,
    token: Option<&str>,
    identity: Option<(&str, &str)>,
    namespace: &str,
    account: &str,
) -> Result<Option<(Code, String)>> {
    let metadata = json!({"NAMESPACE": namespace, "SERVICE_ACCOUNT": account});
    let node = node(&format!("sidecar~10.0.0.9~web.{namespace}~{namespace}.svc.cluster.local"), &metadata);
    let mut stream = DeltaClient::over(control.channel(identity).await?, node, token).await?;
    // Who is not admitted may be told before it could ask.
    let _ = stream.subscribe(CLUSTER, &[]).await;
    match stream.next(SOON).await {
        Ok(_) => Ok(None),
        Err(error) => {
            let status = error.downcast::<tonic::Status>()?;
            Ok(Some((status.code(), status.message().to_owned())))
        }
    }
}

#[tokio::test]
async fn the_encrypted_port_serves_a_node_to_its_own_workload_only() -> Result<()> {
    let control = Control::start("").await?;
    let token = control.token("shop", "web")?;
    let own = Some(token.as_str());
    assert_eq!(refusal(&control, own, None, "shop", "web").await?, None);
    let denied = Some((Code::PermissionDenied, "permission denied".to_owned()));
    assert_eq!(refusal(&control, own, None, "shop", "db").await?, denied);
    assert_eq!(refusal(&control, own, None, "bank", "web").await?, denied);
    let unknown = Some((Code::Unauthenticated, "unauthenticated".to_owned()));
    assert_eq!(refusal(&control, None, None, "shop", "web").await?, unknown);
    let forged = token.replace('.', ".A");
    assert_eq!(refusal(&control, Some(&forged), None, "shop", "web").await?, unknown);
    let log = control.process.log();
    assert!(log.contains("spiffe://cluster.local/ns/shop/sa/web may not speak for"), "the log says why");
    assert!(!log.contains(&token), "no token is in the log");
    assert!((control.metric("heddle_xds_streams_refused").await? - 4.0).abs() < 0.1);
    Ok(())
}

/// The class of CVE-2022-39388: neither loopback nor the names of a request say who a caller is.
#[tokio::test]
async fn a_certificate_is_issued_for_a_token_and_opens_the_next_stream() -> Result<()> {
    let control = Control::start("").await?;
    let token = control.token("shop", "web")?;
    let key = rcgen::KeyPair::generate()?;
    let asked = rcgen::CertificateParams::new(vec!["somebody.else".to_owned()])?.serialize_request(&key)?;
    let mut client = IstioCertificateServiceClient::new(control.channel(None).await?);
    let request =
        |csr: String, seconds: i64| IstioCertificateRequest { csr, validity_duration: seconds, metadata: None };

    let refused = client.create_certificate(request(asked.pem()?, 60)).await.err().context("no token")?;
    assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, "unauthenticated"));
    let bearer = |request: IstioCertificateRequest| {
        let mut request = tonic::Request::new(request);
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
        anyhow::Ok(request)
    };
    let bad = client.create_certificate(bearer(request("nonsense".into(), 60))?).await.err().context("bad")?;
    assert_eq!(bad.code(), Code::InvalidArgument);
    let long = client.create_certificate(bearer(request(asked.pem()?, 91 * 24 * 3600))?).await.err().context("long")?;
    assert_eq!(long.code(), Code::InvalidArgument);
    let chain = client.create_certificate(bearer(request(asked.pem()?, 3600))?).await?.into_inner().cert_chain;
    let root = std::fs::read_to_string(control.ca().join("root-cert.pem"))?;
    assert_eq!((chain.len(), chain.last()), (2, Some(&root)));

    let identity = (chain.concat(), key.serialize_pem());
    let identity = Some((identity.0.as_str(), identity.1.as_str()));
    assert_eq!(refusal(&control, None, identity, "shop", "web").await?, None);
    let denied = refusal(&control, None, identity, "shop", "db").await?.context("not its own")?;
    assert_eq!(denied.0, Code::PermissionDenied);
    let mut again = IstioCertificateServiceClient::new(control.channel(identity).await?);
    assert_eq!(again.create_certificate(request(asked.pem()?, 0)).await?.into_inner().cert_chain.len(), 2);
    for (sample, value) in [("success_cert_issuance_count", 2.0), ("csr_count", 5.0), ("csr_parsing_err_count", 1.0)] {
        let seen = control.metric(&format!("citadel_server_{sample}")).await?;
        assert!((seen - value).abs() < 0.1, "{sample} is {seen}");
    }
    Ok(())
}

#[tokio::test]
async fn certificates_are_not_issued_on_the_plain_port() -> Result<()> {
    let control = Control::start("").await?;
    let address = format!("http://{}", control.address("grpc")?);
    let channel = tonic::transport::Endpoint::from_shared(address)?.connect().await?;
    let mut client = IstioCertificateServiceClient::new(channel);
    let refused = client.create_certificate(IstioCertificateRequest::default()).await.err().context("refused")?;
    assert_eq!(refused.code(), Code::Unimplemented);
    Ok(())
}

/// Whoever reaches a port may begin a request there. What does not go on is closed.
#[tokio::test]
async fn half_a_request_is_closed_on_every_port() -> Result<()> {
    let control = Control::start("").await?;
    let pages = ["", "GET /rea", "GET /ready HTTP/1.1\r\nhost:"];
    let change = ["", "PUT /scopej/ads HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\n{"];
    let (preface, handshake) = (["", "PRI * HTTP/2.0\r\n"], ["", "\u{16}\u{3}\u{1}"]);
    let (http, monitoring, levels) =
        (control.address("http")?, control.address("monitoring")?, control.address("levels")?);
    let (plain, secure) = (control.address("grpc")?, control.address("secure-grpc")?);
    let root = std::fs::read_to_string(control.ca().join("root-cert.pem"))?;
    let mut tls = Arc::unwrap_or_clone(tls_config(&root, None)?);
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let name = rustls::pki_types::ServerName::try_from(SERVER_NAME)?;
    let stream = tokio::net::TcpStream::connect(secure).await?;
    let silent = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, stream).await?;
    tokio::try_join!(
        until_closed(http, &pages, PATIENCE),
        until_closed(monitoring, &pages, PATIENCE),
        until_closed(levels, &change, PATIENCE),
        until_closed(plain, &preface, PATIENCE),
        until_closed(secure, &handshake, PATIENCE),
        until_end(silent, PATIENCE),
    )?;
    Ok(())
}

/// An address of this machine that is not loopback; none on a machine without a network.
fn outer_address() -> Option<std::net::IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent: it only chooses the address that it would send from.
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback())
}

/// The class of CVE-2022-23635: a crafted message of a caller without a credential.
#[tokio::test]
async fn crafted_credentials_and_nodes_end_nothing() -> Result<()> {
    let control = Control::start("").await?;
    let channel = control.channel(None).await?;
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let encoded = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let tokens = [
        String::new(),
        ".".into(),
        "..".into(),
        "a.b.c".into(),
        format!("{}.{}.", encoded("{}"), encoded("null")),
        format!("{}.{}.AAAA", encoded(r#"{"alg": "ES256"}"#), encoded(&deep)),
        format!("{}.{}.AAAA", encoded(r#"{"alg": "ES256", "kid": null}"#), encoded(r#"{"iss": 7, "aud": {}}"#)),
    ];
    for token in tokens {
        let mut request = tonic::Request::new(IstioCertificateRequest::default());
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
        let refused = IstioCertificateServiceClient::new(channel.clone()).create_certificate(request).await;
        assert_eq!(refused.err().map(|status| status.code()), Some(Code::Unauthenticated), "{token:.40}");
    }
    for id in ["", "~~~", "sidecar~~~", "sidecar~::~a~b", "sidecar~10.0.0.1~\0~\0", "router~10.0.0.1~.~."] {
        let mut stream =
            control.stream(node(id, &json!({"NAMESPACE": null, "LABELS": [{}], "POD_PORTS": "["}))).await?;
        let _ = stream.subscribe(CLUSTER, &[]).await;
        let _ = stream.next(Duration::from_millis(500)).await;
    }
    assert_eq!(control.page("/ready").await?, "");
    Ok(())
}

/// The class of CVE-2026-31838: debug pages without a credential, on every port.
#[tokio::test]
async fn the_plain_port_and_the_debug_pages_serve_this_machine_only() -> Result<()> {
    let Some(outer) = outer_address() else { return Ok(()) };
    let all = ["--grpcAddr=0.0.0.0:0", "--httpAddr=0.0.0.0:0", "--monitoringAddr=0.0.0.0:0"];
    let place = ControlSetup::new()?;
    let control = place.start(&all).await?;
    let at = |port: &str| anyhow::Ok(std::net::SocketAddr::new(outer, control.address(port)?.port()));
    for (page, status) in [("/debug/syncz", 403), ("/debug", 403), ("/debug/config_dump", 403), ("/ready", 200)] {
        assert_eq!(Call::get(at("http")?, page)?.send().await?.status, status, "{page}");
    }
    for (page, status) in [("/debug/syncz", 403), ("/metrics", 200), ("/version", 200)] {
        assert_eq!(Call::get(at("monitoring")?, page)?.send().await?.status, status, "{page}");
    }
    for page in control.json("/debug/list").await?.as_array().context("a list")? {
        let page = format!("/debug/{}", page.as_str().context("a name")?);
        for port in ["http", "monitoring"] {
            assert_eq!(Call::get(at(port)?, &page)?.send().await?.status, 403, "{port} {page}");
        }
    }
    let node = node("sidecar~10.0.0.9~web.shop~shop.svc.cluster.local", &json!({"NAMESPACE": "shop"}));
    let mut stream = DeltaClient::connect(&format!("http://{}", at("grpc")?), node).await?;
    let _ = stream.subscribe(CLUSTER, &[]).await;
    let status = stream.next(SOON).await.err().context("refused")?.downcast::<tonic::Status>()?;
    assert_eq!(status.code(), Code::PermissionDenied);
    Ok(())
}
