//! ServiceEntries that disagree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use heddle_crds::networking::service_entry::Spec;

use crate::finding::Findings;
use crate::message::CONFLICTING_PROTOCOLS;
use crate::object::Object;
use crate::registry::{EVERYWHERE, scopes};
use crate::world::World;

/// A ServiceEntry that declares a port, and with which protocol.
type Declared<'a> = (&'a Object<Spec>, usize, String);

/// Finds ServiceEntries that give one port of a host different protocols, where both are seen.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    let mut declared: BTreeMap<(String, &str, u32), Vec<Declared<'_>>> = BTreeMap::new();
    for entry in &world.service_entries {
        for scope in scopes(&entry.spec.export_to, entry.namespace()) {
            for host in &entry.spec.hosts {
                for (index, port) in entry.spec.ports.iter().enumerate() {
                    let protocol = port.protocol.to_ascii_uppercase();
                    declared.entry((scope.clone(), host, port.number)).or_default().push((entry, index, protocol));
                }
            }
        }
    }
    let mut told = BTreeSet::new();
    for ((scope, host, port), entries) in &declared {
        let everywhere = declared.get(&(EVERYWHERE.to_owned(), *host, *port)).filter(|_| scope != EVERYWHERE);
        let seen: Vec<&Declared<'_>> = entries.iter().chain(everywhere.into_iter().flatten()).collect();
        let protocols: BTreeSet<&str> = seen.iter().map(|(_, _, protocol)| protocol.as_str()).collect();
        if protocols.len() < 2 {
            continue;
        }
        let names: BTreeSet<String> = seen.iter().map(|(entry, _, _)| entry.identity.full_name()).collect();
        let (names, protocols) = (join(&names), join(&protocols));
        for (entry, index, _) in seen {
            if told.insert(Arc::as_ptr(&entry.identity)) {
                let path = format!("spec.ports[{index}]");
                findings.add(&CONFLICTING_PROTOCOLS, entry, path, &[&names, host, port, &protocols]);
            }
        }
    }
}

fn join<T: AsRef<str>>(parts: &BTreeSet<T>) -> String {
    let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    parts.join(", ")
}
