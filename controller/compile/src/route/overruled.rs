//! VirtualServices of sidecars that have a host which an older one has: their HTTP routes get none of its requests.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{host::Host, issue::Issue, route::Reach};

/// Names the younger ones of each host. `virtual_services` are those of one egress listener, the oldest first.
pub(crate) fn issues(virtual_services: &[Arc<Reach>]) -> Vec<Issue> {
    let mut first: BTreeMap<&Host, &Arc<Reach>> = BTreeMap::new();
    let mut issues = Vec::new();
    for virtual_service in virtual_services.iter().filter(|one| one.has_http) {
        for (at, host) in virtual_service.hosts.iter().enumerate() {
            let older = *first.entry(host).or_insert(virtual_service);
            if older.origin != virtual_service.origin {
                let message = format!(
                    "the older {} has the host {host} too; the http routes of this one get none of its requests from \
                     sidecars",
                    older.origin.object
                );
                let object = &virtual_service.origin.object;
                issues.push(Issue::error(object, format!("spec.hosts[{at}]"), "Overruled", message));
            }
        }
    }
    issues
}
