//! Objects whose status says that something is wrong.

use crate::finding::Findings;
use crate::message::NEGATIVE_CONDITION;
use crate::object::Object;
use crate::world::World;

/// Finds conditions that are False, of services and of all objects of Istio's kinds.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    world.services.iter().for_each(|object| check_object(object, findings));
    world.custom.iter().for_each(|object| check_object(object, findings));
}

fn check_object<T>(object: &Object<T>, findings: &mut Findings) {
    for condition in object.conditions.iter().filter(|condition| condition.status == "False") {
        let arguments: [&dyn std::fmt::Display; 3] = [&condition.kind, &condition.reason, &condition.message];
        findings.add(&NEGATIVE_CONDITION, object, "", &arguments);
    }
}
