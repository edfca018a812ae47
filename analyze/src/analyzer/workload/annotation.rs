//! Annotations that are unknown, misplaced, deprecated or wrong.

use super::known_annotation::{find, is_of_user};
use crate::finding::Findings;
use crate::injection::INJECT;
use crate::message::{DEPRECATED_ANNOTATION, INVALID_ANNOTATION, MISPLACED_ANNOTATION, UNKNOWN_ANNOTATION};
use crate::object::Object;
use crate::world::World;

/// Finds annotations that have no effect, or not the one that was meant.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    world.namespaces.iter().for_each(|object| check_object(object, findings));
    world.services.iter().for_each(|object| check_object(object, findings));
    world.pods.iter().for_each(|object| check_object(object, findings));
    world.deployments.iter().for_each(|object| check_object(object, findings));
}

fn check_object<T>(object: &Object<T>, findings: &mut Findings) {
    for (name, value) in object.meta.annotations.iter().filter(|(name, _)| is_of_user(name)) {
        let path = format!("metadata.annotations.{name}");
        let Some(known) = find(name) else {
            findings.add(&UNKNOWN_ANNOTATION, object, path, &[name]);
            continue;
        };
        // Who has the label too keeps the annotation for older control planes.
        let has_label = name == INJECT && object.label(INJECT).is_some();
        if known.is_deprecated() && !has_label {
            let instead = if name == INJECT { "; use the label of the same name" } else { "" };
            findings.add(&DEPRECATED_ANNOTATION, object, path.clone(), &[name, &instead]);
        }
        if !known.belongs_on(object.identity.kind) {
            findings.add(&MISPLACED_ANNOTATION, object, path, &[name, &known.kinds.join(", ")]);
        } else if let Some(fault) = heddle_inject::annotation_fault(name, value) {
            findings.add(&INVALID_ANNOTATION, object, path, &[name, &fault]);
        }
    }
}
