//! Secret and ConfigMap.

use serde_json::json;

use super::build::{clean, found, object, snapshot};

#[test]
fn certificates_by_either_set_of_names() {
    let tls = object("Secret", "edge/a", "null").with("data", json!({"tls.crt": "Yw==", "tls.key": "aw==", "x": "-"}));
    let generic =
        object("Secret", "edge/b", "null").with("stringData", json!({"cert": "c", "key": "k", "cacert": "r"}));
    let other = object("Secret", "edge/c", "null").with("data", json!({"password": "cGFzcw=="}));
    let map = object("ConfigMap", "edge/roots", "null").with("data", json!({"ca.crt": "root", "other": "x"}));
    let snapshot = clean([tls, generic, other, map]);
    let names: Vec<_> = snapshot.secrets.keys().map(|(_, name)| &**name).collect();
    assert_eq!(names, ["a", "b", "configmap://roots"]);
    let secret = |name: &str| snapshot.secrets[&("edge".into(), name.into())].clone();
    assert_eq!((&*secret("a").certificate, &*secret("a").key), (&b"c"[..], &b"k"[..]));
    assert_eq!(&*secret("b").roots, b"r");
    assert!(!format!("{:?}", secret("a")).contains("99"), "a key never prints");
}

#[test]
fn a_bad_value_is_reported_without_it() {
    let snapshot =
        snapshot([object("Secret", "edge/a", "null").with("data", json!({"tls.crt": "Yw==", "tls.key": "!"}))]);
    assert_eq!(found(&snapshot.issues), ["data[\"tls.key\"] BadBase64"]);
    assert_eq!(snapshot.secrets.len(), 1);
}
