//! Probes on real sockets: an application of each kind, well and ill.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use http::header::HOST;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls_pki_types::PrivateKeyDer;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

fn probes(text: &str, port: u16) -> Probes {
    Probes { by_path: probers(&text.replace("PORT", &port.to_string())).unwrap(), ..Probes::default() }
}

async fn asked(probes: &Probes, path: &str) -> (u16, String) {
    let headers = HeaderMap::from_iter([
        (HOST, "the.agent".parse().unwrap()),
        (http::header::USER_AGENT, "kube".parse().unwrap()),
    ]);
    let answer = probes.ask(path, &headers).await.unwrap();
    (answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned())
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(
        async move { axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await },
    );
    at
}

fn application() -> Router {
    let seen = |peer: axum::extract::ConnectInfo<SocketAddr>, headers: HeaderMap| async move {
        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        format!("{} {} {} {}", peer.ip(), header("host"), header("user-agent"), header("x-a"))
    };
    Router::new()
        .route("/seen", get(seen))
        .route("/ill", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, "no database") }))
        .route("/long", get(|| async { "x".repeat(100_000) }))
        .route("/here", get(|| async { Redirect::to("/seen") }))
        .route("/away", get(|| async { Redirect::to("http://elsewhere.example/") }))
        .route("/round", get(|| async { Redirect::to("/round") }))
        .route("/slow", get(|| async { tokio::time::sleep(Duration::from_secs(30)).await }))
}

#[tokio::test]
async fn pages_are_asked_as_the_kubelet_asks() {
    let at = serve(application()).await;
    let given = r#"{
        "/seen": {"httpGet": {"path": "seen", "port": PORT, "httpHeaders": [{"name": "X-A", "value": "b"}]}},
        "/host": {"httpGet": {"path": "/seen", "port": PORT, "httpHeaders": [{"name": "Host", "value": "web"}]}},
        "/ill": {"httpGet": {"path": "/ill", "port": PORT}}, "/long": {"httpGet": {"path": "/long", "port": PORT}},
        "/here": {"httpGet": {"path": "/here", "port": PORT}}, "/away": {"httpGet": {"path": "/away", "port": PORT}},
        "/round": {"httpGet": {"path": "/round", "port": PORT}},
        "/slow": {"httpGet": {"path": "/slow", "port": PORT}, "timeoutSeconds": 1},
        "/none": {"httpGet": {"path": "/none", "port": PORT}}
    }"#;
    let probes = probes(given, at.port());
    // From the address that the capture of the pod's traffic leaves alone.
    assert_eq!(asked(&probes, "/seen").await, (200, format!("127.0.0.6 {at} kube b")));
    assert_eq!(asked(&probes, "/host").await, (200, "127.0.0.6 web kube ".to_owned()));
    assert_eq!(asked(&probes, "/ill").await, (503, "no database".to_owned()));
    assert_eq!(asked(&probes, "/long").await.0, 200);
    assert_eq!(asked(&probes, "/here").await, (200, format!("127.0.0.6 {at} kube ")));
    assert_eq!(asked(&probes, "/away").await.0, 303);
    assert_eq!(asked(&probes, "/round").await.0, 500);
    let slow = asked(&probes, "/slow").await;
    assert!(slow.0 == 500 && slow.1.contains("no response within 1s"), "{slow:?}");
    assert_eq!(asked(&probes, "/none").await.0, 404);
    assert!(probes.ask("/unknown", &HeaderMap::new()).await.is_none());
}

#[tokio::test]
async fn any_certificate_will_do() {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["app".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let mut stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    let probes = probes(r#"{"/a": {"httpGet": {"port": PORT, "scheme": "HTTPS"}}}"#, port);
    assert_eq!(asked(&probes, "/a").await.0, 204);
}

#[tokio::test]
async fn a_connection_is_enough_for_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let probes = probes(r#"{"/a": {"tcpSocket": {"port": PORT}}}"#, port);
    assert_eq!(asked(&probes, "/a").await, (200, String::new()));
    drop(listener);
    let refused = asked(&probes, "/a").await;
    assert!(refused.0 == 500 && refused.1.contains("connect to 127.0.0.1"), "{refused:?}");
}

/// Health as gRPC frames it: one byte, the length, a message whose first field is the status.
fn health(status: u8) -> Router {
    let frame = move || async move {
        let body = axum::body::Body::from(vec![0, 0, 0, 0, 2, 8, status]);
        ([("content-type", "application/grpc"), ("grpc-status", "0")], body)
    };
    Router::new().route("/grpc.health.v1.Health/Check", axum::routing::post(frame))
}

async fn serve_h2(router: Router) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let stream = hyper_util::rt::TokioIo::new(listener.accept().await.unwrap().0);
            let service = hyper_util::service::TowerToHyperService::new(router.clone());
            let executor = hyper_util::rt::TokioExecutor::new();
            tokio::spawn(hyper::server::conn::http2::Builder::new(executor).serve_connection(stream, service));
        }
    });
    port
}

#[tokio::test]
async fn grpc_servers_say_how_they_are() {
    let given = r#"{"/a": {"grpc": {"port": PORT, "service": "web"}}}"#;
    assert_eq!(asked(&probes(given, serve_h2(health(1)).await), "/a").await, (200, String::new()));
    let ill = asked(&probes(given, serve_h2(health(2)).await), "/a").await;
    assert!(ill.0 == 500 && ill.1.contains("serving status 2"), "{ill:?}");
    assert_eq!(asked(&probes(given, serve_h2(Router::new()).await), "/a").await.0, 500);
}

#[test]
fn a_page_that_asks_nothing_is_a_mistake() {
    assert!(probers(r#"{"/a": {"timeoutSeconds": 1}}"#).unwrap_err().contains("/a asks nothing"));
    assert!(probers(r#"{"/a": {"httpGet": {"port": "http"}}}"#).is_err());
    assert!(probers("[").is_err());
    let two =
        probers(r#"{"/a": {"tcpSocket": {"port": 1}, "timeoutSeconds": 7}, "/b": {"grpc": {"port": 2}}}"#).unwrap();
    assert_eq!((two["/a"].timeout, two["/b"].timeout), (Duration::from_secs(7), Duration::from_secs(1)));
}
