//! Both variants of the protocol as values: what is sent, and what is not sent again.

use std::sync::Arc;

use heddle_model::identity::Identity;
use heddle_xds_api::envoy::extensions::transport_sockets::tls::v3::Secret;
use heddle_xds_api::envoy::extensions::transport_sockets::tls::v3::secret::Type;
use heddle_xds_api::google::rpc::Status as Rejection;
use prost::Message;

use super::*;
use crate::svid::tests::svid;

fn certificate() -> Arc<crate::svid::Svid> {
    Arc::new(svid(&Identity::new("td", "ns", "sa").unwrap()))
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn ask(asked: &[&str], nonce: &str) -> DiscoveryRequest {
    DiscoveryRequest { resource_names: names(asked), response_nonce: nonce.into(), ..DiscoveryRequest::default() }
}

fn subscribe(asked: &[&str], dropped: &[&str]) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        resource_names_subscribe: names(asked),
        resource_names_unsubscribe: names(dropped),
        ..DeltaDiscoveryRequest::default()
    }
}

#[test]
fn the_state_of_the_world_is_sent_once_a_version() {
    let (first, second): (Current, Current) = (Some(certificate()), Some(certificate()));
    let mut stream = Sotw::default();
    assert!(stream.on_request(ask(&["default"], ""), &None).is_none());
    let answer = stream.on_change(&first).unwrap();
    let secret = Secret::decode(answer.resources[0].value.as_slice()).unwrap();
    assert!(matches!(&secret.r#type, Some(Type::TlsCertificate(it)) if it.private_key.is_some()));
    assert_eq!((secret.name.as_str(), answer.nonce.as_str()), ("default", "1"));
    // An acknowledgement, a rejection and an outdated nonce get no answer; a renewal does.
    assert!(stream.on_request(ask(&["default"], "1"), &first).is_none());
    let nack = DiscoveryRequest { error_detail: Some(Rejection::default()), ..ask(&["default"], "1") };
    assert!(stream.on_request(nack, &first).is_none());
    assert_ne!(stream.on_change(&second).unwrap().version_info, answer.version_info);
    assert!(stream.on_request(ask(&["default", "ROOTCA"], "1"), &second).is_none());
    let both = stream.on_request(ask(&["default", "ROOTCA"], "2"), &second).unwrap();
    assert_eq!(both.resources.len(), 2);
}

#[test]
fn the_difference_is_what_the_stream_has_not() {
    let (first, second): (Current, Current) = (Some(certificate()), Some(certificate()));
    let mut stream = Delta::default();
    assert!(stream.on_request(subscribe(&["default", "ROOTCA", "other"], &[]), &None).is_none());
    let answer = stream.on_change(&first).unwrap();
    assert_eq!(
        answer.resources.iter().map(|resource| resource.name.as_str()).collect::<Vec<_>>(),
        ["ROOTCA", "default"]
    );
    assert!(stream.on_request(subscribe(&[], &[]), &first).is_none());
    assert!(stream.on_change(&first).is_none());
    // Asked for again: dropped before.
    let again = stream.on_request(subscribe(&["ROOTCA"], &["ROOTCA"]), &first).unwrap();
    assert_eq!(again.resources[0].name, "ROOTCA");
    assert!(stream.on_request(subscribe(&[], &["ROOTCA"]), &first).is_none());
    let renewed = stream.on_change(&second).unwrap();
    assert_eq!(renewed.resources.len(), 1);
    // A stream that resumes names the version that it has.
    let version = renewed.resources[0].version.clone();
    let mut resumed = Delta::default();
    let mut request = subscribe(&["default"], &[]);
    request.initial_resource_versions.insert("default".into(), version);
    assert!(resumed.on_request(request, &second).is_none());
}

#[test]
fn secrets_in_files_need_no_certificate_of_the_workload() {
    let name = "file-root:/nowhere";
    let mut stream = Sotw::default();
    let answer = stream.on_request(ask(&[name], ""), &None).unwrap();
    assert!(stream.reads_files() && stream.on_change(&None).is_none());
    assert_eq!(Secret::decode(answer.resources[0].value.as_slice()).unwrap().name, name);
    let mut stream = Delta::default();
    assert_eq!(stream.on_request(subscribe(&[name, "default"], &[]), &None).unwrap().resources.len(), 1);
    assert!(stream.on_change(&None).is_none());
    assert_eq!(stream.on_change(&Some(certificate())).unwrap().resources[0].name, "default");
}
