//! What is left for a younger rule, value by value.

use crate::fixture::origin;
use heddle_model::object::Kind;

use super::*;

fn rule(name: &str) -> Claimant {
    let object = origin(Kind::VirtualService, "shop", name).object;
    Claimant::rule(&object, "spec.tls[0].match[0]".into(), &L4Match::default())
}

fn asks(names: &[&str], networks: &[&str]) -> Asks {
    Asks {
        server_names: names.iter().map(ToString::to_string).collect(),
        networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
        ..Asks::default()
    }
}

/// What is left of `younger` when `older` has its own.
fn left(older: &Asks, younger: &Asks) -> Vec<Asks> {
    let mut claims = Claims::default();
    assert_eq!(claims.claim(older, &rule("older")).left, std::slice::from_ref(older));
    let claimed = claims.claim(younger, &rule("younger"));
    let is_whole = claimed.left == [younger.clone()];
    assert_eq!(claimed.lost.is_none(), is_whole, "{claimed:?}");
    if claimed.left.is_empty() {
        let issue = claimed.issue(&rule("younger")).unwrap();
        assert!(issue.message.contains("nothing is left") && issue.message.contains("shop/older"), "{issue}");
    }
    claimed.left
}

#[test]
fn a_value_that_is_there_twice_counts_once() {
    let twice = asks(&["a.com", "A.com", "a.com"], &["10.0.0.0/8", "10.1.0.0/8"]);
    let claimed = Claims::default().claim(&twice, &rule("a"));
    assert_eq!(claimed, Claimed { left: vec![asks(&["a.com"], &["10.0.0.0/8"])], lost: None });
}

#[test]
fn the_younger_rule_keeps_what_the_older_does_not_take() {
    let name = |name| asks(&[name], &[]);
    assert_eq!(left(&name("a.com"), &name("b.com")), [name("b.com")]);
    assert_eq!(left(&name("*.A.com"), &name("*.a.com")), []);
    assert_eq!(left(&name("a.com"), &asks(&["a.com", "b.com"], &[])), [name("b.com")]);
    assert_eq!(left(&name("a.com"), &asks(&[], &[])), [asks(&[], &[])], "an exact name is no part of any name");
    assert_eq!(left(&name("a.com"), &asks(&["a.com"], &["10.0.0.0/8"])), [asks(&["a.com"], &["10.0.0.0/8"])]);
}

#[test]
fn networks_are_compared_as_networks() {
    let to = |networks: &[&str]| asks(&["a.com"], networks);
    assert_eq!(left(&to(&["10.0.0.0/8"]), &to(&["10.9.9.9/8"])), []);
    assert_eq!(
        left(&to(&["10.9.0.0/16", "10.10.0.0/16"]), &to(&["10.10.0.0/16", "10.11.0.0/16"])),
        [to(&["10.11.0.0/16"])]
    );
    // No network means each network of both families.
    assert_eq!(left(&to(&[]), &to(&["0.0.0.0/0"])), []);
    assert_eq!(left(&to(&["0.0.0.0/0"]), &to(&[])), [to(&["::/0"])]);
}

#[test]
fn what_is_left_need_not_be_one_product() {
    let older = asks(&["a.com"], &["10.0.0.0/8"]);
    let younger = asks(&["a.com", "b.com"], &["10.0.0.0/8", "11.0.0.0/8"]);
    let rest = [asks(&["b.com"], &["10.0.0.0/8", "11.0.0.0/8"]), asks(&["a.com"], &["11.0.0.0/8"])];
    assert_eq!(left(&older, &younger), rest);
}

#[test]
fn transport_and_protocol_tell_chains_apart() {
    let plain = Asks { transport: "raw_buffer", ..Asks::default() };
    assert_eq!(left(&Asks::default(), &plain), std::slice::from_ref(&plain));
    let first = Asks { protocols: vec!["h2", "istio"], ..Asks::default() };
    let second = Asks { protocols: vec!["istio", "http/1.1"], ..Asks::default() };
    assert_eq!(left(&first, &second), [Asks { protocols: vec!["http/1.1"], ..Asks::default() }]);
}

#[test]
fn a_rule_may_ask_again_for_its_own() {
    let mut claims = Claims::default();
    claims.claim(&asks(&["a.com"], &[]), &rule("a"));
    assert_eq!(claims.claim(&asks(&["a.com"], &[]), &rule("a")), Claimed { left: vec![], lost: None });
}

#[test]
fn a_rule_for_some_clients_goes_before_one_for_all_without_an_issue() {
    let for_some = L4Match { source_namespace: "ops".into(), ..L4Match::default() };
    let older = Claimant::rule(&rule("a").object, "spec.tls[0].match[0]".into(), &for_some);
    let younger = Claimant::rule(&rule("a").object, "spec.tls[1].match[0]".into(), &L4Match::default());
    let mut claims = Claims::default();
    claims.claim(&asks(&["a.com"], &[]), &older);
    assert_eq!(claims.claim(&asks(&["a.com"], &[]), &younger), Claimed { left: vec![], lost: None });
}

#[test]
fn a_product_that_would_exhaust_envoy_is_left_out() {
    let names: Vec<String> = (0..300).map(|at| format!("n{at}.com")).collect();
    let networks = (0..300_u32).map(|at| format!("10.{}.{}.0/24", at >> 8, at & 255).parse().unwrap()).collect();
    let huge = Asks { server_names: names, networks, ..Asks::default() };
    let claimed = Claims::default().claim(&huge, &rule("a"));
    assert_eq!(claimed.left, []);
    assert!(claimed.issue(&rule("a")).unwrap().message.contains("90000 combinations"));
}
