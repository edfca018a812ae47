//! PeerAuthentication.

use heddle_model::authn::MtlsMode;

use super::build::{clean, found, object, snapshot};

#[test]
fn unset_is_inherited_and_ports_have_modes() {
    let snapshot = clean([object(
        "PeerAuthentication",
        "shop/web",
        "{selector: {matchLabels: {app: web}}, mtls: {mode: UNSET}, portLevelMtls: {'80': {mode: STRICT}, 81: {}}}",
    )]);
    let policy = &snapshot.peer_authentications["shop"][0];
    assert_eq!(policy.mode, None);
    assert_eq!((policy.ports[&80], policy.ports[&81]), (Some(MtlsMode::Strict), None));
}

#[test]
fn the_root_namespace_cannot_select_and_ports_need_a_selector() {
    let root = object("PeerAuthentication", "istio-system/a", "{selector: {matchLabels: {a: b}}}");
    let ports = object("PeerAuthentication", "shop/a", "{mtls: {mode: STRICT}, portLevelMtls: {80: {mode: DISABLE}}}");
    let snapshot = snapshot([root, ports]);
    assert_eq!(snapshot.peer_authentications.len(), 1);
    assert_eq!(snapshot.peer_authentications["shop"][0].mode, Some(MtlsMode::Strict));
    assert!(snapshot.peer_authentications["shop"][0].ports.is_empty());
    assert_eq!(found(&snapshot.issues), ["spec.selector SelectorInRoot", "spec.portLevelMtls MissingSelector"]);
}
