//! Deprecated kinds and fields.

use crate::finding::Findings;
use crate::message::DEPRECATED;
use crate::world::World;

/// Kinds that Istio has removed, all of one group.
const REMOVED: (&str, [&str; 4]) =
    ("rbac.istio.io", ["ClusterRbacConfig", "RbacConfig", "ServiceRole", "ServiceRoleBinding"]);

/// Finds deprecated fields, and definitions of removed kinds.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    for service in &world.virtual_services {
        for (index, route) in service.spec.http.iter().enumerate() {
            let delay = route.fault.as_ref().and_then(|fault| fault.delay.as_ref());
            if delay.is_some_and(|delay| delay.percent > 0) {
                let path = format!("spec.http[{index}].fault.delay.percent");
                findings.add(&DEPRECATED, service, path, &[&"fault.delay.percent is deprecated; use percentage"]);
            }
        }
    }
    for sidecar in &world.sidecars {
        let policy = sidecar.spec.outbound_traffic_policy.as_ref();
        if policy.is_some_and(|policy| policy.egress_proxy.is_some()) {
            let text = "outboundTrafficPolicy.egressProxy is deprecated and ignored";
            findings.add(&DEPRECATED, sidecar, "spec.outboundTrafficPolicy.egressProxy", &[&text]);
        }
    }
    let (group, kinds) = REMOVED;
    let removed = |group_of: &str, kind: &str| group_of == group && kinds.contains(&kind);
    for definition in world.definitions.iter().filter(|one| removed(&one.spec.group, &one.spec.kind)) {
        let text = format!("the kind {} of {group} was removed", definition.spec.kind);
        findings.add(&DEPRECATED, definition, "", &[&text]);
    }
}
