//! Tests of nodes and who may speak for them.

use std::net::SocketAddr;
use std::sync::Arc;

use super::*;
use crate::auth::Connection;

/// Says that everyone is `spiffe://td/ns/shop/sa/web`.
struct Shop;

impl Authenticate for Shop {
    async fn authenticate(&self, call: &Credentials) -> Result<Identity, AuthError> {
        call.bearer.as_ref().ok_or(AuthError::Missing)?;
        Identity::new("td", "shop", "web").map_err(|error| AuthError::Refused(error.to_string()))
    }
}

fn call(peer: &str, secure: bool, bearer: Option<&str>) -> Credentials {
    let peer: SocketAddr = peer.parse().unwrap();
    let connection = Some(Arc::new(Connection { peer, secure, chain: Vec::new() }));
    Credentials { connection, bearer: bearer.map(str::to_owned) }
}

fn node(namespace: &str, account: &str) -> Proxy {
    let text = |text: &str| Value { kind: Some(Kind::StringValue(text.into())) };
    let fields = [("NAMESPACE".to_owned(), text(namespace)), ("SERVICE_ACCOUNT".to_owned(), text(account))];
    let metadata = Some(Struct { fields: fields.into_iter().collect() });
    proxy(&Node { id: "sidecar~10.0.0.1~web-1.shop~shop.svc.x".into(), metadata, ..Node::default() }).unwrap()
}

#[tokio::test]
async fn the_encrypted_port_serves_a_node_only_to_itself() {
    let admitted = |namespace, account, bearer| async move {
        let identity = identify(&Shop, &call("10.1.1.1:5", true, bearer)).await?;
        admit(identity.as_ref(), &node(namespace, account)).map(|()| identity)
    };
    assert!(admitted("shop", "web", Some("t")).await.unwrap().is_some());
    assert!(admitted("shop", "", Some("t")).await.is_ok());
    for (namespace, account) in [("shop", "db"), ("bank", "web"), ("bank", "")] {
        let error = admitted(namespace, account, Some("t")).await.unwrap_err();
        assert_eq!(error.code(), tonic::Code::PermissionDenied);
        assert_eq!(error.status().message(), "permission denied");
    }
    assert_eq!(admitted("shop", "web", None).await.unwrap_err().code(), tonic::Code::Unauthenticated);
}

#[tokio::test]
async fn the_plain_port_serves_this_machine_only() {
    admit(None, &node("any", "one")).unwrap();
    let admitted = |peer| async move { identify(&Shop, &call(peer, false, None)).await };
    assert_eq!(admitted("127.0.0.9:1").await, Ok(None));
    assert_eq!(admitted("[::1]:1").await, Ok(None));
    assert_eq!(admitted("[::ffff:127.0.0.1]:1").await, Ok(None));
    for peer in ["10.0.0.1:1", "[fe80::1]:1", "0.0.0.0:1", "[::ffff:10.0.0.1]:1"] {
        assert!(matches!(admitted(peer).await, Err(AuthError::NotLoopback(_))), "{peer}");
    }
}

#[tokio::test]
async fn a_call_of_an_unknown_connection_is_refused() {
    let call = Credentials { connection: None, bearer: Some("t".into()) };
    assert_eq!(identify(&Shop, &call).await, Err(AuthError::Unknown));
}

#[test]
fn metadata_that_nests_without_end_is_cut() {
    let mut nested = Value { kind: Some(Kind::BoolValue(true)) };
    for _ in 0..2000 {
        let fields = [("a".to_owned(), nested)].into_iter().collect();
        nested = Value { kind: Some(Kind::StructValue(Struct { fields })) };
    }
    assert!(!value(&nested, 0).is_null());
}
