//! Selectors of Kubernetes Gateways.

use heddle_crds::selector::{LabelSelector, PolicyTargetRef};

use crate::finding::Findings;
use crate::label;
use crate::message::INEFFECTIVE_SELECTOR;
use crate::object::Object;
use crate::world::World;

/// The label of the pods of a Kubernetes Gateway.
const GATEWAY: &str = "gateway.networking.k8s.io/gateway-name";

/// What a policy is for.
type Target<'a> = (Option<&'a LabelSelector>, Option<&'a PolicyTargetRef>, &'a [PolicyTargetRef]);

/// Finds policies that select pods of a Kubernetes Gateway by labels. They must name the Gateway instead.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    for policy in &world.authorization_policies {
        let spec = &policy.spec;
        check_policy(world, policy, (spec.selector.as_ref(), spec.target_ref.as_ref(), &spec.target_refs), findings);
    }
    for policy in &world.request_authentications {
        let spec = &policy.spec;
        check_policy(world, policy, (spec.selector.as_ref(), spec.target_ref.as_ref(), &spec.target_refs), findings);
    }
    for policy in &world.telemetries {
        let spec = &policy.spec;
        check_policy(world, policy, (spec.selector.as_ref(), spec.target_ref.as_ref(), &spec.target_refs), findings);
    }
    for policy in &world.wasm_plugins {
        let spec = &policy.spec;
        check_policy(world, policy, (spec.selector.as_ref(), spec.target_ref.as_ref(), &spec.target_refs), findings);
    }
}

fn check_policy<T>(world: &World, policy: &Object<T>, target: Target<'_>, findings: &mut Findings) {
    let (Some(selector), None, []) = target else { return };
    let pods = world.pods_in(policy.namespace()).iter();
    let selected = pods.filter(|pod| label::selects(&selector.match_labels, &pod.meta.labels));
    for gateway in selected.filter_map(|pod| pod.label(GATEWAY)) {
        findings.add(&INEFFECTIVE_SELECTOR, policy, "spec.selector", &[&gateway]);
    }
}
