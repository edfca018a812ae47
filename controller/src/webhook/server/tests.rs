//! Tests of what a caller without a credential may take from others.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::*;

const REVIEW: &str = r#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
    "uid": "7", "operation": "CREATE", "kind": {"group": "", "version": "v1", "kind": "ConfigMap"},
    "object": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}}}}"#;

async fn start() -> SocketAddr {
    let (template, state) = (watch::channel(None).1, watch::channel(ControllerState::default()).1);
    let webhooks = Webhooks::new(Arc::default(), template, PodIndex::default(), state);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(heddle_http1::serve(listener, None, router(webhooks), std::future::pending()));
    address
}

/// Begins a call whose body has `length` bytes.
async fn call(from: &str, to: SocketAddr, length: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    let head = format!("POST /validate HTTP/1.1\r\nhost: heddled\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// The status of a review with so many bytes of spaces before it.
async fn ask(from: &str, to: SocketAddr, spaces: usize) -> String {
    let mut stream = call(from, to, spaces + REVIEW.len()).await;
    stream.write_all(&vec![b' '; spaces]).await.unwrap();
    stream.write_all(REVIEW.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(3), stream.read_exact(&mut answer)).await;
    read.map_or_else(|_| "none".to_owned(), |_| String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn promised_bodies_keep_nobody_waiting() {
    let address = start().await;
    let mut promises = Vec::new();
    for _ in 0..50 {
        promises.push(call("127.0.0.3", address, 3_000_000).await);
    }
    for (from, spaces) in [("127.0.0.2", 0), ("127.0.0.2", 2_000_000), ("127.0.0.3", 2_000_000)] {
        assert_eq!(ask(from, address, spaces).await, "HTTP/1.1 200", "{from}, {spaces} bytes");
    }
}

#[tokio::test]
async fn bodies_that_stop_leave_room_for_another_address() {
    let address = start().await;
    let mut stopped = Vec::new();
    for _ in 0..25 {
        let mut stream = call("127.0.0.3", address, 3_000_000).await;
        // Those for which there is no room are not read, so not all of it can be written.
        let _ = tokio::time::timeout(Duration::from_millis(200), stream.write_all(&vec![b' '; 2_900_000])).await;
        stopped.push(stream);
    }
    assert_eq!(ask("127.0.0.2", address, 2_000_000).await, "HTTP/1.1 200");
}

/// The class of ISTIO-SECURITY-2022-004: a body of any size.
#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    assert_eq!(ask("127.0.0.2", start().await, 3 << 20).await, "HTTP/1.1 413");
}
