//! Containers with the user id of the sidecar.

use k8s_openapi::api::core::v1::PodSpec;

use crate::finding::Findings;
use crate::injection::PROXY;
use crate::message::INVALID_UID;
use crate::object::Object;
use crate::world::World;

/// The user id of the sidecar.
const PROXY_USER: i64 = 1337;

/// Finds pods and deployments whose containers run with the user id of the sidecar. Each is told once.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    for pod in &world.pods {
        check_object(pod, &pod.spec, "spec", findings);
    }
    for deployment in &world.deployments {
        if let Some(spec) = &deployment.spec.template.spec {
            check_object(deployment, spec, "spec.template.spec", findings);
        }
    }
}

fn check_object<T>(object: &Object<T>, pod: &PodSpec, path: &str, findings: &mut Findings) {
    if object.is_of_the_control_plane() {
        return;
    }
    if pod.security_context.as_ref().is_some_and(|context| context.run_as_user == Some(PROXY_USER)) {
        findings.add(&INVALID_UID, object, format!("{path}.securityContext.runAsUser"), &[]);
        return;
    }
    let mut containers = pod.containers.iter().enumerate().filter(|(_, container)| container.name != PROXY);
    let is_proxy_user = |user: Option<i64>| user == Some(PROXY_USER);
    let found = containers.find(|(_, container)| {
        container.security_context.as_ref().is_some_and(|context| is_proxy_user(context.run_as_user))
    });
    if let Some((index, _)) = found {
        findings.add(&INVALID_UID, object, format!("{path}.containers[{index}].securityContext.runAsUser"), &[]);
    }
}
