//! What the validating webhook says.

use heddle_crds::kind::IstioKind;
use heddle_crds::networking::virtual_service;
use heddle_crds::validate::virtual_service::{Unused, unused};
use heddle_crds::validate::{self, Severity, Violation};

use crate::finding::Findings;
use crate::message::{INEFFECTIVE_MATCH, INVALID, SCHEMA_WARNING, UNREACHABLE_RULE};
use crate::object::Object;
use crate::world::{World, find};

/// Finds objects of a kind that the webhook refuses or warns of.
pub(in crate::analyzer) fn check(kind: IstioKind, world: &World, findings: &mut Findings) {
    for object in world.custom.iter().filter(|object| object.spec.0 == kind) {
        let unused = match find(&world.virtual_services, object.namespace(), object.name()) {
            Some(service) if kind == IstioKind::VirtualService => check_rules(service, findings),
            _ => Vec::new(),
        };
        for violation in validate::object(&object.spec.1) {
            if unused.contains(&violation) {
                continue;
            }
            let Violation { path, reason, severity } = violation;
            let message = if severity == Severity::Error { &INVALID } else { &SCHEMA_WARNING };
            findings.add(message, object, path, &[&reason]);
        }
    }
}

/// Rules and matches without effect have codes of their own. Returns what the webhook says of them.
fn check_rules(service: &Object<virtual_service::Spec>, findings: &mut Findings) -> Vec<Violation> {
    let unused = unused(&service.spec);
    for one in &unused {
        let path = one.path();
        match one {
            Unused::Rule { rule, reason, .. } => {
                findings.add(&UNREACHABLE_RULE, service, path, &[rule, reason]);
            }
            Unused::Match { rule, number, by, .. } => {
                findings.add(&INEFFECTIVE_MATCH, service, path, &[number, rule, by]);
            }
        }
    }
    unused.iter().map(Unused::violation).collect()
}
