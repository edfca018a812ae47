//! The resources of the proxy and of its init container.

use serde_json::Value;

use crate::annotation as names;
use crate::plan::Plan;
use crate::pod::Object;
use crate::pod::quantity::canonical_resources;

/// The pod's annotations, all or nothing; else the values.
pub(super) fn resources(plan: &Plan<'_>) -> Value {
    let mut out = Object::new();
    let annotated = [
        ("requests", "cpu", names::CPU),
        ("requests", "memory", names::MEMORY),
        ("limits", "cpu", names::CPU_LIMIT),
        ("limits", "memory", names::MEMORY_LIMIT),
    ];
    for (kind, resource, name) in annotated {
        let Some(amount) = plan.annotation(name) else { continue };
        let of_kind = out.entry(kind).or_insert_with(|| Value::Object(Object::new()));
        if let Value::Object(of_kind) = of_kind {
            of_kind.insert(resource.to_owned(), amount.into());
        }
    }
    if out.is_empty() {
        out = plan.settings.object("/global/proxy/resources").cloned().unwrap_or_default();
        out.retain(|_, amounts| amounts.as_object().is_none_or(|amounts| !amounts.is_empty()));
    }
    canonical_resources(&mut out);
    Value::Object(out)
}
