//! Orders of requests and changes in which a rejection must not cost more than the rejected resource.

use super::*;

/// What stands in depends on the resource, as that of a listener on its address.
fn of_content(rejected: &Resource) -> Resource {
    let content: u32 = rejected.decode::<Cluster>().unwrap().alt_stat_name.parse().unwrap();
    (*resource(rejected.type_url(), rejected.name(), 100 + content % 100)).clone()
}

fn show(subscription: &mut Subscription, pairs: &[(&str, u32)]) {
    let type_url = subscription.type_url;
    subscription.observe(set(type_url, pairs), &Differences::default());
}

/// Envoy replaces a cluster that is sent again, and its endpoints go with the old one.
#[test]
fn a_changed_cluster_keeps_the_endpoints_that_were_accepted() {
    let mut endpoints = settled(TypeUrl::Endpoint);
    show(&mut endpoints, &[("a", 2), ("b", 1), ("c", 1)]);
    assert_eq!(contents(&mut endpoints), "a2");
    nacked(&mut endpoints, "2", "bad", &Differences::default());
    assert_eq!(contents(&mut endpoints), "a1");
    acked(&mut endpoints, "3");
    endpoints.force(["a".into()]);
    assert_eq!(contents(&mut endpoints), "a1", "not what it rejects");
    acked(&mut endpoints, "4");
    assert_eq!(contents(&mut endpoints), "nothing");
    show(&mut endpoints, &[("a", 3), ("b", 1), ("c", 1)]);
    assert_eq!(contents(&mut endpoints), "a3");
}

#[test]
fn endpoints_that_change_with_their_cluster_may_be_rejected() {
    for is_on_its_way in [false, true] {
        let mut endpoints = settled(TypeUrl::Endpoint);
        show(&mut endpoints, &[("a", 2), ("b", 1), ("c", 1)]);
        if is_on_its_way {
            assert_eq!(contents(&mut endpoints), "a2");
        }
        endpoints.force(["a".into()]);
        assert_eq!(contents(&mut endpoints), "a2");
        nacked(&mut endpoints, "2", "bad", &Differences::default());
        if is_on_its_way {
            assert_eq!(contents(&mut endpoints), "nothing");
            nacked(&mut endpoints, "3", "bad", &Differences::default());
        }
        assert_eq!(contents(&mut endpoints), "a1");
    }
}

#[test]
fn a_rejection_of_what_cannot_wait_ends_no_search() {
    let mut endpoints = settled(TypeUrl::Endpoint);
    show(&mut endpoints, NAMES);
    assert_eq!(contents(&mut endpoints), "a2 b2 c2");
    nacked(&mut endpoints, "2", "bad", &Differences::default());
    assert_eq!(contents(&mut endpoints), "a2");
    endpoints.force(["c".into()]);
    assert_eq!(contents(&mut endpoints), "c2");
    acked(&mut endpoints, "3");
    nacked(&mut endpoints, "4", "bad", &Differences::default());
    assert_eq!(contents(&mut endpoints), "c1");
    acked(&mut endpoints, "5");
    assert_eq!(contents(&mut endpoints), "b2");
}

#[test]
fn what_the_gate_holds_is_not_lost_to_a_search() {
    let mut routes = settled(TypeUrl::Route);
    show(&mut routes, NAMES);
    assert_eq!(contents(&mut routes), "a2 b2 c2");
    nacked(&mut routes, "2", "bad", &Differences::default());
    show(&mut routes, &[("a", 3), ("b", 2), ("c", 2)]);
    let shut = Gate { open: &|one| &**one.name() != "b", removals: &|_| true };
    let reply = routes.next_response(&shut).unwrap();
    assert_eq!(reply.changed.iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "c"]);
    acked(&mut routes, "3");
    assert_eq!(contents(&mut routes), "b2");
}

#[test]
fn names_that_a_client_invents_are_forgotten() {
    let differences = Differences::default();
    let mut routes = settled(TypeUrl::Route);
    routes.on_request(&delta("", &["x"], &[]), &differences).unwrap();
    assert_eq!(sent(&mut routes), "x");
    nacked(&mut routes, "2", "bad", &differences);
    show(&mut routes, &[("a", 2), ("b", 1), ("c", 1)]);
    sent(&mut routes);
    routes.on_request(&delta("", &[], &["a", "x"]), &differences).unwrap();
    nacked(&mut routes, "3", "bad", &differences);
    assert_eq!((routes.search.guilty().count(), routes.except.len()), (0, 0));
}

/// Envoy applies the valid resources of a response, and drops what the next one lacks.
#[test]
fn a_response_of_all_lacks_nothing_that_the_client_may_hold() {
    let differences = Differences::default().with_stand_in(stand_in);
    for resumes in [false, true] {
        let mut listeners = Subscription::new(TypeUrl::Listener, Protocol::State);
        let names = Names::State { names: vec![], resumes };
        listeners.on_request(&Request { nonce: String::new(), error: None, names }, &differences).unwrap();
        show(&mut listeners, NAMES);
        assert_eq!(contents(&mut listeners), "a2 b2 c2");
        nacked(&mut listeners, "1", "listener(s) b: bad", &differences);
        assert_eq!(contents(&mut listeners), format!("a2 b{STAND_IN} c2"));
        acked(&mut listeners, "2");
        assert_eq!(contents(&mut listeners), "nothing");
        assert_eq!(listeners.rejected().map(|name| &**name).collect::<Vec<_>>(), ["b"]);
    }
}

#[test]
fn what_was_rejected_because_of_another_goes_again_when_that_is_mended() {
    let mut clusters = settled(TypeUrl::Cluster);
    show(&mut clusters, &[("a", 2), ("b", 2), ("c", 1)]);
    assert_eq!(contents(&mut clusters), "a2 b2");
    nacked(&mut clusters, "2", "cluster(s) a: bad, b: clashes with the old a", &Differences::default());
    assert_eq!(contents(&mut clusters), "nothing");
    show(&mut clusters, &[("a", 3), ("b", 2), ("c", 1)]);
    assert_eq!(contents(&mut clusters), "a3");
    acked(&mut clusters, "3");
    assert_eq!(contents(&mut clusters), "b2");
    acked(&mut clusters, "4");
    assert!(clusters.accepts_all() && clusters.is_settled());
}

#[test]
fn hundreds_of_rejected_resources_keep_nothing_else_from_the_client() {
    let mut clusters = Subscription::new(TypeUrl::Cluster, Protocol::Delta);
    clusters.on_request(&delta("", &[], &[]), &Differences::default()).unwrap();
    let names: Vec<String> = (0..600).map(|number| format!("n{number}")).collect();
    let mut pairs: Vec<(&str, u32)> = names.iter().map(|name| (&**name, 0)).collect();
    pairs.push(("z", 1));
    show(&mut clusters, &pairs);
    let mut held = Vec::new();
    for _ in 0..2 * pairs.len() {
        let Some(reply) = clusters.next_response(&Gate::OPEN) else { break };
        let is_good = |one: &Arc<Resource>| **one == *resource(TypeUrl::Cluster, "z", 1);
        let words = if reply.resources.iter().all(is_good) { None } else { Some("bad".to_owned()) };
        if words.is_none() {
            held.extend(reply.resources);
        }
        let request = Request { error: words, ..delta(&reply.nonce.to_string(), &[], &[]) };
        clusters.on_request(&request, &Differences::default()).unwrap();
    }
    assert_eq!(held.len(), 1, "the good one");
    assert_eq!((clusters.rejected().count(), clusters.is_searching()), (600, false));
}

#[test]
fn what_stands_in_follows_the_resource() {
    let differences = Differences::default().with_stand_in(|rejected| Some(of_content(rejected)));
    let mut listeners = fresh(TypeUrl::Listener, Protocol::Delta, &differences);
    nacked(&mut listeners, "1", "listener(s) b: bad", &differences);
    assert_eq!(contents(&mut listeners), "b102");
    acked(&mut listeners, "2");
    assert_eq!(contents(&mut listeners), "a2 c2");
    acked(&mut listeners, "3");
    show(&mut listeners, &[("a", 2), ("b", 3), ("c", 2)]);
    assert_eq!(contents(&mut listeners), "b3");
    assert_eq!(nacked(&mut listeners, "4", "bad", &differences).without, ["b".into()]);
    assert_eq!(contents(&mut listeners), "b103");
}

/// A user chooses the text of a regular expression, and Envoy quotes it.
#[test]
fn words_about_routes_accuse_nobody() {
    let differences = Differences::default().with_stand_in(stand_in);
    let mut routes = fresh(TypeUrl::Route, Protocol::Delta, &differences);
    let nack = nacked(&mut routes, "1", "no argument for repetition operator: *( a, b", &differences);
    assert!(!nack.certain);
}
