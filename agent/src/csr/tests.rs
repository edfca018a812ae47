//! A certificate from a real server over TLS, and the ways not to get one.

use std::net::SocketAddr;

use super::*;
use crate::testing::{Authority, ControlPlane};

fn anywhere() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

#[tokio::test]
async fn the_token_gets_the_first_and_both_get_the_next() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let server = ControlPlane::start(&authority, anywhere());
    let config = authority.config(server.address, folder.path());
    let first = certificate(&config, None).await.unwrap();
    assert_eq!(first.chain().len(), 1);
    let second = certificate(&config, Some(&first)).await.unwrap();
    assert!(second.not_after > first.not_after + time::Duration::hours(12), "the certificate was not shown");
    assert_ne!(first.key_pem, second.key_pem);
}

#[tokio::test]
async fn each_obstacle_is_told() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let server = ControlPlane::start(&authority, anywhere());
    let config = authority.config(server.address, folder.path());

    let mut wrong = config.clone();
    wrong.ca.server_name = "other.test".into();
    assert!(matches!(certificate(&wrong, None).await, Err(CsrError::Dial(DialError::Connect { .. }))));

    let strangers = tempfile::tempdir().unwrap();
    let strange = Authority::new().config(server.address, strangers.path());
    assert!(matches!(certificate(&strange, None).await, Err(CsrError::Dial(DialError::Connect { .. }))));

    let mut none = config.clone();
    none.ca.roots = folder.path().join("nothing");
    assert!(matches!(certificate(&none, None).await, Err(CsrError::Dial(DialError::Roots { .. }))));

    std::fs::write(folder.path().join("token"), "another").unwrap();
    match certificate(&config, None).await {
        Err(CsrError::Refused(status)) => assert_eq!(status.code(), tonic::Code::Unauthenticated),
        other => panic!("{other:?}"),
    }
}
