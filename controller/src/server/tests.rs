//! Tests of the HTTP/2 settings that the server sends, and of the end of its connections.

use std::convert::Infallible;
use std::time::Duration;

use http_body_util::StreamBody;
use hyper_util::rt::TokioExecutor;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// The number of the setting `SETTINGS_MAX_CONCURRENT_STREAMS`.
const MAX_STREAMS: u16 = 3;
/// The number of the setting `SETTINGS_INITIAL_WINDOW_SIZE`.
const INITIAL_WINDOW: u16 = 4;

fn no_limits() -> KeepaliveConfig {
    let none = Duration::ZERO;
    KeepaliveConfig { interval: none, timeout: none, age: none, grace: none }
}

/// Serves calls whose responses never end. Each response holds a clone of `calls` until it is dropped.
async fn serve_endless_calls(keepalive: KeepaliveConfig, calls: Arc<()>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = tower::service_fn(move |_: Request<Body>| {
        let call = calls.clone();
        let endless = futures_util::stream::poll_fn(move |_| {
            let () = *call;
            std::task::Poll::<Option<Result<hyper::body::Frame<hyper::body::Bytes>, Infallible>>>::Pending
        });
        std::future::ready(Ok::<_, Infallible>(Response::new(Body::new(StreamBody::new(endless)))))
    });
    tokio::spawn(serve(listener, None, service, keepalive, CancellationToken::new()));
    address
}

/// Waits until all responses of [`serve_endless_calls`] are dropped, no longer than a second.
async fn all_ended(calls: &Arc<()>) -> bool {
    for _ in 0..100 {
        // The test's and the service's own.
        if Arc::strong_count(calls) <= 2 {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn calls_end_with_their_connection() {
    let calls = Arc::new(());
    let address = serve_endless_calls(no_limits(), calls.clone()).await;
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let response = client.send_request(Request::get("http://heddled/").body(Body::empty()).unwrap()).await.unwrap();
    assert!(!all_ended(&calls).await, "the call has begun and goes on");
    connection.abort();
    drop((client, response));
    assert!(all_ended(&calls).await);
}

#[tokio::test]
async fn an_old_connection_ends_after_its_grace_period_with_all_its_calls() {
    let calls = Arc::new(());
    let (age, grace) = (Duration::from_millis(100), Duration::from_millis(50));
    let address = serve_endless_calls(KeepaliveConfig { age, grace, ..no_limits() }, calls.clone()).await;
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let _response = client.send_request(Request::get("http://heddled/").body(Body::empty()).unwrap()).await.unwrap();
    assert!(Arc::strong_count(&calls) > 2, "the call has begun");
    assert!(all_ended(&calls).await);
    let _ = tokio::time::timeout(Duration::from_secs(1), connection).await.expect("the connection is open");
}

#[tokio::test]
async fn windows_and_streams_bound_the_bytes_of_unread_requests() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = tower::service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let end = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, None, service, no_limits(), end.clone()));

    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut header = [0; 9];
    client.read_exact(&mut header).await.unwrap();
    assert_eq!(header[3], 4, "the first frame is of settings");
    let mut settings = vec![0; usize::from(header[2])];
    client.read_exact(&mut settings).await.unwrap();
    let setting = |wanted: u16| {
        let found = settings.chunks_exact(6).find(|pair| pair[..2] == wanted.to_be_bytes());
        found.map(|pair| u32::from_be_bytes(pair[2..].try_into().unwrap()))
    };
    assert_eq!((setting(INITIAL_WINDOW), setting(MAX_STREAMS)), (Some(MAX_UNHEARD), Some(MAX_CALLS)));
    end.cancel();
    serving.await.unwrap();
}
