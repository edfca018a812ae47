//! One service that several objects of a namespace declare.

use heddle_model::{issue::Issue, service::Service};

/// What became of the declarations of one service.
pub(crate) struct Joined {
    /// The service.
    pub service: Service,
    /// Which declarations count, by their place in the list.
    pub taken: Vec<usize>,
    /// What the others are told.
    pub issues: Vec<Issue>,
}

/// Joins declarations, the one that counts most first. Ports of further ones are added where they agree on the rest.
pub(crate) fn join(declared: &[&Service]) -> Option<Joined> {
    let (first, rest) = declared.split_first()?;
    let mut joined = Joined { service: (*first).clone(), taken: vec![0], issues: Vec::new() };
    for (index, other) in rest.iter().enumerate() {
        if !agree(first, other) {
            let message = format!("{} is declared by {} already, otherwise", first.host, first.origin.object);
            joined.issues.push(Issue::error(&other.origin.object, "spec.hosts", "DuplicateHost", message));
            continue;
        }
        for port in &other.ports {
            match joined.service.port(port.number) {
                None => joined.service.ports.push(port.clone()),
                Some(known) if known == port => {}
                Some(known) => {
                    let message = format!(
                        "port {} of {} is {} of protocol {:?} already, by an older object; that one is used",
                        port.number, first.host, known.name, known.protocol
                    );
                    joined.issues.push(Issue::error(&other.origin.object, "spec.ports", "DuplicatePort", message));
                }
            }
        }
        for address in &other.addresses {
            if !joined.service.addresses.contains(address) {
                joined.service.addresses.push(*address);
            }
        }
        joined.taken.push(index + 1);
    }
    Some(joined)
}

/// Whether two declarations differ in ports and endpoints only.
fn agree(a: &Service, b: &Service) -> bool {
    a.registry == b.registry
        && a.resolution == b.resolution
        && a.external == b.external
        && a.export_to == b.export_to
        && a.selector == b.selector
}
