//! Tests of the table of kinds.

use super::*;

#[test]
fn every_kind_is_found_by_its_versions_and_no_other() {
    for kind in IstioKind::ALL {
        let info = kind.info();
        assert!(info.versions.contains(&info.storage), "{kind}");
        for version in info.versions {
            assert_eq!(IstioKind::of(&format!("{}/{version}", info.group), kind.name()), Some(kind));
        }
        assert_eq!(IstioKind::of(&format!("{}/v2", info.group), kind.name()), None);
    }
    assert_eq!(IstioKind::of("gateway.networking.k8s.io/v1", "Gateway"), None);
    assert_eq!(IstioKind::of("networking.istio.io/v1", "EnvoyFilter"), None);
}

#[test]
fn kinds_are_listed_by_name() {
    assert!(IstioKind::ALL.is_sorted_by_key(|kind| kind.name()));
}
