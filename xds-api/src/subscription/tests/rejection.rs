//! Tests of what follows a NACK.

use super::*;

mod unlucky;

const NAMES: &[(&str, u32)] = &[("a", 2), ("b", 2), ("c", 2)];
/// The content of what stands in.
const STAND_IN: u32 = 99;

fn stand_in(rejected: &Resource) -> Option<Resource> {
    (&**rejected.name() != "none").then(|| (*resource(rejected.type_url(), rejected.name(), STAND_IN)).clone())
}

fn nacked(subscription: &mut Subscription, nonce: &str, words: &str, differences: &Differences) -> Nack {
    match subscription.on_request(&error(request(subscription, nonce), words), differences) {
        Ok(Acknowledgment::Nack(nack)) => nack,
        other => panic!("{other:?}"),
    }
}

fn acked(subscription: &mut Subscription, nonce: &str) {
    let request = request(subscription, nonce);
    assert_eq!(subscription.on_request(&request, &Differences::default()), Ok(Acknowledgment::Ack));
}

fn request(subscription: &Subscription, nonce: &str) -> Request {
    let names: Vec<&str> = subscription.names().into_iter().flatten().map(|name| &**name).collect();
    if subscription.protocol == Protocol::Delta { delta(nonce, &[], &[]) } else { state(nonce, &names) }
}

/// A client that has just connected, of which the first response is sent.
fn fresh(type_url: TypeUrl, protocol: Protocol, differences: &Differences) -> Subscription {
    let mut subscription = Subscription::new(type_url, protocol);
    let names: &[&str] = if type_url.may_be_wildcard() { &[] } else { &["a", "b", "c"] };
    let first = if protocol == Protocol::Delta { delta("", names, &[]) } else { state("", names) };
    subscription.on_request(&first, differences).unwrap();
    subscription.observe(set(type_url, NAMES), differences);
    assert_eq!(next(&mut subscription), Some(("1".to_owned(), "a b c".to_owned())));
    subscription
}

/// The content of each resource of the next response.
fn contents(subscription: &mut Subscription) -> String {
    let Some(reply) = subscription.next_response(&Gate::OPEN) else { return "nothing".to_owned() };
    let content = |one: &Arc<Resource>| format!("{}{}", one.name(), one.decode::<Cluster>().unwrap().alt_stat_name);
    reply.resources.iter().map(content).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_rejected_name_goes_again_with_the_next_change_only() {
    let mut clusters = settled(TypeUrl::Cluster);
    clusters.observe(set(TypeUrl::Cluster, &[("a", 2), ("b", 2), ("c", 1)]), &Differences::default());
    assert_eq!(sent(&mut clusters), "a b");
    let nack = nacked(&mut clusters, "2", "cluster(s) a: bad", &Differences::default());
    let expected =
        Nack { reason: "cluster(s) a: bad".to_owned(), names: vec!["a".into()], certain: true, without: Vec::new() };
    assert_eq!(nack, expected);
    assert_eq!(sent(&mut clusters), "b", "it was applied, or was not: which is not known");
    acked(&mut clusters, "3");
    assert_eq!(sent(&mut clusters), "nothing");
    clusters.observe(set(TypeUrl::Cluster, &[("a", 1), ("b", 2), ("c", 1)]), &Differences::default());
    assert_eq!(sent(&mut clusters), "a");
}

#[test]
fn a_rejected_route_is_found_by_bisection_and_sent_alone() {
    let mut routes = settled(TypeUrl::Route);
    routes.observe(set(TypeUrl::Route, &[("a", 2), ("b", 2), ("c", 2)]), &Differences::default());
    assert_eq!(sent(&mut routes), "a b c");
    let acknowledgment = routes.on_request(&error(delta("2", &[], &[]), "bad regex"), &Differences::default()).unwrap();
    assert!(matches!(acknowledgment, Acknowledgment::Nack(Nack { certain: false, .. })));
    assert_eq!(sent(&mut routes), "a");
    routes.on_request(&delta("3", &[], &[]), &Differences::default()).unwrap();
    assert_eq!(sent(&mut routes), "b c");
    assert!(routes.rejected().next().is_none());
    routes.on_request(&error(delta("4", &[], &[]), "bad regex"), &Differences::default()).unwrap();
    assert_eq!(sent(&mut routes), "b");
    let acknowledgment = routes.on_request(&error(delta("5", &[], &[]), "bad regex"), &Differences::default()).unwrap();
    let nack = Nack { reason: "bad regex".to_owned(), names: vec!["b".into()], certain: true, without: vec![] };
    assert_eq!(acknowledgment, Acknowledgment::Nack(nack));
    assert_eq!(sent(&mut routes), "c");
    routes.on_request(&delta("6", &[], &[]), &Differences::default()).unwrap();
    assert_eq!(routes.rejected().map(|name| &**name).collect::<Vec<_>>(), ["b"]);
    assert!(!routes.accepts_all());
    assert_eq!(sent(&mut routes), "nothing");
    // With the next change it is sent once more, alone.
    routes.observe(set(TypeUrl::Route, &[("a", 3), ("b", 2), ("c", 2)]), &Differences::default());
    assert_eq!(sent(&mut routes), "a");
    routes.on_request(&delta("7", &[], &[]), &Differences::default()).unwrap();
    assert_eq!(sent(&mut routes), "b");
    routes.on_request(&error(delta("8", &[], &[]), "bad regex"), &Differences::default()).unwrap();
    assert_eq!(sent(&mut routes), "nothing");
    routes.observe(set(TypeUrl::Route, &[("a", 3), ("b", 3), ("c", 2)]), &Differences::default());
    assert_eq!(sent(&mut routes), "b");
    routes.on_request(&delta("9", &[], &[]), &Differences::default()).unwrap();
    assert!(routes.accepts_all() && routes.is_settled());
}

#[test]
fn what_the_client_held_stays_in_responses_of_all() {
    let mut clusters = fresh(TypeUrl::Cluster, Protocol::State, &Differences::default());
    acked(&mut clusters, "1");
    let (mut nonce, first) = (2, set(TypeUrl::Cluster, &[("a", 3), ("b", 3), ("c", 3), ("d", 3)]));
    clusters.observe(first, &Differences::default());
    assert_eq!(contents(&mut clusters), "a3 b3 c3 d3");
    // It can read none of them, and names none.
    let steps =
        [("bad", "a3 b3 c2"), ("", "a3 b3 c3 d3"), ("bad", "a3 b3 c3"), ("", "a3 b3 c3 d3"), ("bad", "nothing")];
    for (words, expected) in steps {
        let request = request(&clusters, &format!("{nonce:x}"));
        let request = if words.is_empty() { request } else { error(request, words) };
        clusters.on_request(&request, &Differences::default()).unwrap();
        assert_eq!(contents(&mut clusters), expected, "after {nonce}");
        nonce += 1;
    }
}

#[test]
fn a_client_that_starts_gets_what_another_one_has_accepted() {
    let differences = Differences::default().with_stand_in(stand_in);
    for (type_url, protocol) in [
        (TypeUrl::Cluster, Protocol::Delta),
        (TypeUrl::Cluster, Protocol::State),
        (TypeUrl::VirtualHost, Protocol::Delta),
        (TypeUrl::Endpoint, Protocol::State),
    ] {
        let mut old = Subscription::new(type_url, protocol);
        let names: &[&str] = if protocol == Protocol::Delta { &["*"] } else { &["a"] };
        let all = if protocol == Protocol::Delta { delta("", names, &[]) } else { state("", names) };
        old.on_request(&all, &differences).unwrap();
        if type_url == TypeUrl::VirtualHost {
            old.open(&"r".into(), true);
        }
        let name = if type_url == TypeUrl::VirtualHost { "r/a" } else { "a" };
        old.observe(set(type_url, &[(name, 1)]), &differences);
        assert_eq!(contents(&mut old), format!("{name}1"));
        acked(&mut old, "1");
        old.observe(set(type_url, &[(name, 2)]), &differences);
        assert_eq!(contents(&mut old), format!("{name}2"));
        assert!(nacked(&mut old, "2", "bad", &differences).without.is_empty());
        let again = if type_url == TypeUrl::Endpoint { "a1" } else { "nothing" };
        assert_eq!(contents(&mut old), again, "its cluster may have been sent again");

        let mut new = Subscription::new(type_url, protocol);
        new.on_request(&all, &differences).unwrap();
        if type_url == TypeUrl::VirtualHost {
            new.open(&"r".into(), true);
        }
        new.observe(set(type_url, &[(name, 2)]), &differences);
        assert_eq!(contents(&mut new), format!("{name}2"));
        assert!(nacked(&mut new, "1", "bad", &differences).without.is_empty());
        assert_eq!(contents(&mut new), format!("{name}1"), "{type_url:?} {protocol:?}");
        acked(&mut new, "2");
        assert!(!new.accepts_all() && new.is_settled());
        new.observe(set(type_url, &[(name, 3)]), &differences);
        assert_eq!(contents(&mut new), format!("{name}3"));
        acked(&mut new, "3");
        assert!(new.accepts_all() && new.is_settled());
    }
}

#[test]
fn what_stands_in_is_sent_where_nothing_was_accepted() {
    let differences = Differences::default().with_stand_in(stand_in);
    let mut listeners = fresh(TypeUrl::Listener, Protocol::Delta, &differences);
    let nack = nacked(&mut listeners, "1", "listener(s) b: bad", &differences);
    assert_eq!(nack.without, ["b".into()]);
    assert_eq!(contents(&mut listeners), format!("b{STAND_IN}"), "first what it lacks");
    acked(&mut listeners, "2");
    assert_eq!(contents(&mut listeners), "a2 c2");
    acked(&mut listeners, "3");
    assert_eq!(contents(&mut listeners), "nothing");
    // Meanwhile another client has accepted one.
    differences.fallbacks.keep(&"".into(), &resource(TypeUrl::Listener, "b", 2), &resource(TypeUrl::Listener, "b", 1));
    listeners.fall_back_again(&differences.fallbacks);
    assert_eq!(contents(&mut listeners), "b1");
    acked(&mut listeners, "4");
    listeners.fall_back_again(&differences.fallbacks);
    assert_eq!(contents(&mut listeners), "nothing");
}

#[test]
fn what_is_sent_instead_may_be_rejected_too() {
    let differences = Differences::default().with_stand_in(stand_in);
    differences.fallbacks.keep(&"".into(), &resource(TypeUrl::Listener, "b", 2), &resource(TypeUrl::Listener, "b", 1));
    let mut listeners = fresh(TypeUrl::Listener, Protocol::Delta, &differences);
    assert!(nacked(&mut listeners, "1", "listener(s) b: bad", &differences).without.is_empty());
    assert_eq!(contents(&mut listeners), "b1");
    assert_eq!(nacked(&mut listeners, "2", "bad", &differences).without, ["b".into()]);
    assert_eq!(contents(&mut listeners), format!("b{STAND_IN}"));
    assert_eq!(nacked(&mut listeners, "3", "bad", &differences).without, ["b".into()]);
    assert_eq!(contents(&mut listeners), "a2 c2");
    acked(&mut listeners, "4");
    assert_eq!(contents(&mut listeners), "nothing");
}

#[test]
fn a_client_that_rejects_everything_gets_a_response_that_it_can_take() {
    for protocol in [Protocol::Delta, Protocol::State] {
        let mut listeners = fresh(TypeUrl::Listener, protocol, &Differences::default());
        nacked(&mut listeners, "1", "listener(s) a, b: bad", &Differences::default());
        assert_eq!(contents(&mut listeners), "c2");
        nacked(&mut listeners, "2", "bad", &Differences::default());
        assert_eq!(contents(&mut listeners), "");
        acked(&mut listeners, "3");
        assert_eq!(contents(&mut listeners), "nothing");
    }
}

#[test]
fn a_client_that_reconnects_keeps_what_it_holds() {
    let differences = Differences::default().with_stand_in(stand_in);
    let mut clusters = Subscription::new(TypeUrl::Cluster, Protocol::Delta);
    let initial = [("a".to_owned(), "0123456789abcdef".to_owned())].into();
    let names = Names::Delta { subscribe: vec![], unsubscribe: vec![], initial };
    clusters.on_request(&Request { nonce: String::new(), error: None, names }, &differences).unwrap();
    clusters.observe(set(TypeUrl::Cluster, &[("a", 2)]), &differences);
    assert_eq!(contents(&mut clusters), "a2");
    assert!(nacked(&mut clusters, "1", "bad", &differences).without.is_empty());
    assert_eq!(contents(&mut clusters), "", "a response that it can take");
    acked(&mut clusters, "2");
    assert_eq!(contents(&mut clusters), "nothing");
}

#[test]
fn a_secret_stays_within_its_scope() {
    let differences = Differences::default();
    let (bad, good) = (resource(TypeUrl::Secret, "a", 2), resource(TypeUrl::Secret, "a", 1));
    differences.fallbacks.keep(&"shop".into(), &bad, &good);
    for (scope, expected) in [("shop", "a1"), ("other", "nothing")] {
        let mut secrets = Subscription::new(TypeUrl::Secret, Protocol::Delta).within(scope.into());
        secrets.on_request(&delta("", &["a"], &[]), &differences).unwrap();
        secrets.observe(set(TypeUrl::Secret, &[("a", 2)]), &differences);
        assert_eq!(contents(&mut secrets), "a2");
        nacked(&mut secrets, "1", "bad", &differences);
        assert_eq!(contents(&mut secrets), expected);
    }
}

/// Envoy rejects a secret once, and stores it all the same.
#[test]
fn secrets_go_one_by_one_and_a_rejected_one_is_replaced_by_the_last_good_one() {
    let mut secrets = Subscription::new(TypeUrl::Secret, Protocol::Delta);
    secrets.on_request(&delta("", &["a", "b"], &[]), &Differences::default()).unwrap();
    secrets.observe(set(TypeUrl::Secret, &[("a", 1), ("b", 1)]), &Differences::default());
    for (nonce, expected) in [("1", "a1"), ("2", "b1")] {
        assert_eq!(contents(&mut secrets), expected);
        acked(&mut secrets, nonce);
    }
    secrets.observe(set(TypeUrl::Secret, &[("a", 2), ("b", 2)]), &Differences::default());
    assert_eq!(contents(&mut secrets), "a2");
    let nack = nacked(&mut secrets, "3", "no certificate", &Differences::default());
    assert_eq!((nack.names, nack.certain), (vec!["a".into()], true));
    assert_eq!(contents(&mut secrets), "b2");
    acked(&mut secrets, "4");
    assert_eq!(contents(&mut secrets), "a1");
    acked(&mut secrets, "5");
    secrets.observe(set(TypeUrl::Secret, &[("a", 2), ("b", 3)]), &Differences::default());
    assert_eq!(contents(&mut secrets), "b3", "what is rejected is not tried again without a change of its own");
    acked(&mut secrets, "6");
    assert_eq!(contents(&mut secrets), "nothing");
    assert!(!secrets.accepts_all());
    secrets.observe(set(TypeUrl::Secret, &[("a", 1), ("b", 3)]), &Differences::default());
    assert_eq!(contents(&mut secrets), "nothing", "it has acknowledged that one again");
    assert!(secrets.accepts_all() && secrets.is_settled());
}
