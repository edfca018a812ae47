//! Several Telemetries for one namespace.

use std::collections::BTreeMap;

use heddle_crds::telemetry::Spec;

use crate::finding::Findings;
use crate::message::TELEMETRIES_WITHOUT_SELECTOR;
use crate::object::Object;
use crate::world::World;

/// Finds several Telemetries without a selector in one namespace.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    let mut of_namespaces: BTreeMap<&str, Vec<&Object<Spec>>> = BTreeMap::new();
    for telemetry in world.telemetries.iter().filter(|one| is_for_all(&one.spec)) {
        of_namespaces.entry(telemetry.namespace()).or_default().push(telemetry);
    }
    for (namespace, telemetries) in of_namespaces.into_iter().filter(|(_, telemetries)| telemetries.len() > 1) {
        let names = telemetries.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
        for telemetry in telemetries {
            findings.add(&TELEMETRIES_WITHOUT_SELECTOR, telemetry, "", &[&names, &namespace]);
        }
    }
}

fn is_for_all(spec: &Spec) -> bool {
    spec.selector.is_none() && spec.target_ref.is_none() && spec.target_refs.is_empty()
}
