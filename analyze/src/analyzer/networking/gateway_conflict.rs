//! Gateways that compete.

use heddle_crds::networking::gateway::{Server, Spec};

use crate::finding::Findings;
use crate::label;
use crate::message::CONFLICTING_GATEWAYS;
use crate::object::Object;
use crate::world::World;

/// Finds gateways that have the same host on the same port of the same pods.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    for gateway in &world.gateways {
        let others = world.gateways.iter().filter(|other| other.identity != gateway.identity);
        let same: Vec<&Object<Spec>> = others.filter(|other| has_same_pods(gateway, other, world)).collect();
        for (index, server) in gateway.spec.servers.iter().enumerate() {
            let names: Vec<String> = same
                .iter()
                .filter(|other| other.spec.servers.iter().any(|theirs| conflicts((gateway, server), (other, theirs))))
                .map(|other| other.identity.full_name())
                .collect();
            if let (Some(port), false) = (&server.port, names.is_empty()) {
                let (names, hosts) = (names.join(","), server.hosts.join(","));
                let selector = label::text(&gateway.spec.selector);
                let path = format!("spec.servers[{index}]");
                findings.add(&CONFLICTING_GATEWAYS, gateway, path, &[&names, &selector, &port.number, &hosts]);
            }
        }
    }
}

/// Gateways with one selector have the same pods, even if there are none yet.
fn has_same_pods(ours: &Object<Spec>, theirs: &Object<Spec>, world: &World) -> bool {
    let (ours, theirs) = (&ours.spec.selector, &theirs.spec.selector);
    let is_both = |labels| label::selects(ours, labels) && label::selects(theirs, labels);
    ours == theirs || world.pods.iter().any(|pod| is_both(&pod.meta.labels))
}

fn conflicts((ours, our_server): (&Object<Spec>, &Server), (theirs, their_server): (&Object<Spec>, &Server)) -> bool {
    let port = |server: &Server| server.port.as_ref().map(|port| port.number);
    let hosts = |of: &Object<Spec>, server: &Server| -> Vec<String> {
        server.hosts.iter().map(|host| plain(host, of.namespace())).collect()
    };
    let ours = hosts(ours, our_server);
    port(our_server).is_some_and(|number| Some(number) == port(their_server))
        && our_server.bind == their_server.bind
        && hosts(theirs, their_server).iter().any(|host| ours.contains(host))
}

/// One spelling for hosts that mean the same: `*/host` is `host`, and `./host` names the namespace of the gateway.
fn plain(host: &str, namespace: &str) -> String {
    match host.split_once('/') {
        Some(("*", host)) => host.to_owned(),
        Some((".", host)) => format!("{namespace}/{host}"),
        _ => host.to_owned(),
    }
}
