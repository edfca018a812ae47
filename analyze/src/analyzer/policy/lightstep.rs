//! The tracing provider Lightstep.

use serde_json::Value;

use crate::finding::Findings;
use crate::message::DEPRECATED;
use crate::world::World;

/// Finds Telemetries that send traces to a provider of the kind `lightstep`.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    let providers = world.mesh.extension_providers.as_ref().and_then(Value::as_array);
    let of_lightstep = providers.into_iter().flatten().filter(|provider| provider.get("lightstep").is_some());
    let names: Vec<&str> = of_lightstep.filter_map(|provider| provider.get("name")?.as_str()).collect();
    for telemetry in &world.telemetries {
        for (number, tracing) in telemetry.spec.tracing.iter().enumerate() {
            let used = tracing.providers.iter().enumerate();
            for (index, provider) in used.filter(|(_, provider)| names.contains(&provider.name.as_str())) {
                let path = format!("spec.tracing[{number}].providers[{index}].name");
                let text = format!("the provider {} is of the kind lightstep; use opentelemetry", provider.name);
                findings.add(&DEPRECATED, telemetry, path, &[&text]);
            }
        }
    }
}
