//! Tests of the HTTP/2 settings that the server sends.

use std::convert::Infallible;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// The number of the setting `SETTINGS_INITIAL_WINDOW_SIZE`.
const INITIAL_WINDOW: u16 = 4;

#[tokio::test]
async fn the_stream_window_bounds_the_bytes_of_an_unread_request() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = tower::service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let none = Duration::ZERO;
    let keepalive = KeepaliveConfig { interval: none, timeout: none, age: none, grace: none };
    let end = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, None, service, keepalive, end.clone()));

    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut header = [0; 9];
    client.read_exact(&mut header).await.unwrap();
    assert_eq!(header[3], 4, "the first frame is of settings");
    let mut settings = vec![0; usize::from(header[2])];
    client.read_exact(&mut settings).await.unwrap();
    let setting = |pair: &[u8]| {
        let number = u16::from_be_bytes(pair[..2].try_into().unwrap());
        (number == INITIAL_WINDOW).then(|| u32::from_be_bytes(pair[2..].try_into().unwrap()))
    };
    assert_eq!(settings.chunks_exact(6).find_map(setting), Some(MAX_UNHEARD));
    end.cancel();
    serving.await.unwrap();
}
