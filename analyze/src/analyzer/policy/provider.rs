//! Access logs without a provider.

use crate::finding::Findings;
use crate::message::INVALID_TELEMETRY_PROVIDER;
use crate::world::World;

/// Finds Telemetries whose access logs go nowhere.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    let defaults = world.mesh.default_providers.as_ref();
    if defaults.is_some_and(|defaults| !defaults.access_logging.is_empty()) {
        return;
    }
    for telemetry in &world.telemetries {
        let mut logging = telemetry.spec.access_logging.iter().enumerate();
        let without = logging.find(|(_, one)| one.disabled != Some(true) && one.providers.is_empty());
        if let Some((index, _)) = without {
            let path = format!("spec.accessLogging[{index}]");
            let arguments: [&dyn std::fmt::Display; 2] = [&telemetry.name(), &telemetry.namespace()];
            findings.add(&INVALID_TELEMETRY_PROVIDER, telemetry, path, &arguments);
        }
    }
}
