//! Tests of what a client without a credential may hold.

use std::time::Instant;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::*;

const ASK: &[u8] = b"GET /ready HTTP/1.1\r\nhost: heddled\r\n\r\n";

async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/ready", get(async || "yes"));
    tokio::spawn(serve(listener, None, router, std::future::pending()));
    address
}

async fn connect(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Whether a request gets an answer.
async fn is_answered(stream: &mut TcpStream) -> bool {
    let mut answer = Vec::new();
    let _ = stream.write_all(ASK).await;
    while !answer.ends_with(b"yes") {
        match stream.read_buf(&mut answer).await {
            Ok(0) | Err(_) => return false,
            Ok(_) => {}
        }
    }
    answer.starts_with(b"HTTP/1.1 200 OK")
}

#[tokio::test]
async fn idle_connections_of_one_address_do_not_close_the_port_to_others() {
    let address = start().await;
    let mut other = connect("127.0.0.2", address).await;
    assert!(is_answered(&mut other).await);
    let mut idle = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        idle.push(connect("127.0.0.3", address).await);
    }
    let mut newcomer = connect("127.0.0.4", address).await;
    assert!(is_answered(&mut newcomer).await);
    assert!(is_answered(&mut other).await, "the connection of another address was closed");
    assert!(!is_answered(&mut idle[0]).await, "there are more connections than the limit");
    assert!(is_answered(&mut idle[MAX_CONNECTIONS - 1]).await);
}

#[tokio::test]
async fn half_a_header_is_not_waited_for_without_end() {
    let mut half = connect("127.0.0.1", start().await).await;
    half.write_all(&ASK[..20]).await.unwrap();
    let begun = Instant::now();
    let read = tokio::time::timeout(2 * PATIENCE, half.read_to_end(&mut Vec::new())).await;
    assert!(read.is_ok() && begun.elapsed() >= PATIENCE / 2, "{:?}", begun.elapsed());
}
