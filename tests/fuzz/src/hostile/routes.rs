//! VirtualServices whose rules ask for the same hosts, names, networks and ports.

use serde_json::{Value, json};

use super::{dice::Dice, words};

/// A VirtualService with rules of some of the three kinds.
pub(super) fn virtual_service(dice: &mut Dice, meta: &Value) -> Value {
    let hosts = words::hosts(dice);
    let mut spec = json!({"hosts": hosts});
    if !dice.once_in(3) {
        spec["gateways"] = json!(words::gateways(dice));
    }
    if dice.once_in(2) {
        spec["http"] = json!(dice.some(1, 4, http));
    }
    if dice.once_in(2) {
        spec["tls"] = json!(dice.some(1, 4, |dice| tls(dice, &hosts)));
    }
    if dice.once_in(2) {
        spec["tcp"] = json!(dice.some(1, 4, tcp));
    }
    if dice.once_in(5) {
        spec["exportTo"] = json!([dice.pick(&[".", "*", "ops"])]);
    }
    json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": meta, "spec": spec})
}

fn http(dice: &mut Dice) -> Value {
    let mut rule = match dice.below(5) {
        0 => json!({"directResponse": {"status": 200}}),
        1 => json!({"redirect": {"uri": "/elsewhere"}}),
        _ => json!({"route": destinations(dice)}),
    };
    if !dice.once_in(3) {
        rule["match"] = json!(dice.some(1, 3, |dice| {
            let mut condition = json!({"uri": dice.pick(&[
                &json!({"prefix": "/"}), &json!({"prefix": "/a"}), &json!({"exact": "/"}), &json!({"regex": ".*"}),
            ])});
            limit(dice, &mut condition);
            condition
        }));
    }
    if dice.once_in(5) {
        rule["mirror"] = json!({"host": words::host(dice)});
    }
    rule
}

fn tls(dice: &mut Dice, hosts: &[&str]) -> Value {
    let matches = dice.some(1, 3, |dice| {
        let names = if dice.once_in(2) { hosts.to_vec() } else { words::hosts(dice) };
        let mut condition = json!({"sniHosts": names});
        if dice.once_in(2) {
            condition["destinationSubnets"] = json!(words::subnets(dice));
        }
        limit(dice, &mut condition);
        condition
    });
    json!({"match": matches, "route": destinations(dice)})
}

fn tcp(dice: &mut Dice) -> Value {
    let mut rule = json!({"route": destinations(dice)});
    if !dice.once_in(3) {
        rule["match"] = json!(dice.some(1, 3, |dice| {
            let mut condition = json!({});
            if !dice.once_in(3) {
                condition["destinationSubnets"] = json!(words::subnets(dice));
            }
            limit(dice, &mut condition);
            condition
        }));
    }
    rule
}

/// Limits a condition to a port, to some clients, or to some gateways.
fn limit(dice: &mut Dice, condition: &mut Value) {
    match dice.below(8) {
        0 | 1 => condition["port"] = json!(words::port(dice)),
        2 => condition["sourceLabels"] = words::labels(dice),
        3 => condition["sourceNamespace"] = json!(words::namespace(dice)),
        4 => condition["gateways"] = json!(words::gateways(dice)),
        _ => {}
    }
}

fn destinations(dice: &mut Dice) -> Vec<Value> {
    dice.some(1, 3, |dice| {
        let mut to = json!({"host": words::host(dice)});
        if dice.once_in(2) {
            to["port"] = json!({"number": words::port(dice)});
        }
        if dice.once_in(3) {
            to["subset"] = json!(dice.pick(&["v1", "v2"]));
        }
        json!({"destination": to, "weight": dice.pick(&[0, 1, 50, 100])})
    })
}
