//! Tests of the subscription state machine.

use std::sync::Arc;

use super::*;
use crate::{
    Layer, ResourceSet,
    envoy::config::{cluster::v3::Cluster, route::v3::RouteConfiguration},
};

fn resource(type_url: TypeUrl, name: &str, content: u32) -> Arc<Resource> {
    let message = Cluster { alt_stat_name: content.to_string(), ..Default::default() };
    Arc::new(Resource::new(type_url, name, &message))
}

fn set(type_url: TypeUrl, pairs: &[(&str, u32)]) -> TypedSet {
    let resources = pairs.iter().map(|(name, content)| resource(type_url, name, *content));
    let shared = Arc::new(Layer::default().with(type_url, resources));
    ResourceSet { shared, own: Arc::default() }.typed(type_url)
}

fn delta(nonce: &str, subscribe: &[&str], unsubscribe: &[&str]) -> Request {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let names = Names::Delta { subscribe: owned(subscribe), unsubscribe: owned(unsubscribe), initial: BTreeMap::new() };
    Request { nonce: nonce.to_owned(), error: None, names }
}

fn state(nonce: &str, names: &[&str]) -> Request {
    let names = Names::State { names: names.iter().map(|name| (*name).to_owned()).collect(), resumes: false };
    Request { nonce: nonce.to_owned(), error: None, names }
}

fn error(mut request: Request, text: &str) -> Request {
    request.error = Some(text.to_owned());
    request
}

/// Gives the next response in short: `a b -c`.
fn next(subscription: &mut Subscription) -> Option<(String, String)> {
    let reply = subscription.next_response(&Gate::OPEN)?;
    let mut text: Vec<String> = reply.resources.iter().map(|one| one.name().to_string()).collect();
    text.extend(reply.removed.iter().map(|name| format!("-{name}")));
    Some((reply.nonce.to_string(), text.join(" ")))
}

fn sent(subscription: &mut Subscription) -> String {
    next(subscription).map_or_else(|| "nothing".to_owned(), |(_, text)| text)
}

/// A delta client of all clusters that holds a, b and c.
fn settled(type_url: TypeUrl) -> Subscription {
    let mut subscription = Subscription::new(type_url, Protocol::Delta);
    let names: &[&str] = if type_url.may_be_wildcard() { &[] } else { &["a", "b", "c"] };
    subscription.on_request(&delta("", names, &[]), &Differences::default()).unwrap();
    subscription.observe(set(type_url, &[("a", 1), ("b", 1), ("c", 1)]), &Differences::default());
    assert_eq!(next(&mut subscription), Some(("1".to_owned(), "a b c".to_owned())));
    assert_eq!(subscription.on_request(&delta("1", &[], &[]), &Differences::default()), Ok(Acknowledgment::Ack));
    subscription
}

#[test]
fn only_what_changed_is_sent() {
    let mut clusters = settled(TypeUrl::Cluster);
    assert!(clusters.is_settled());
    clusters.observe(set(TypeUrl::Cluster, &[("a", 1), ("b", 2), ("d", 1)]), &Differences::default());
    assert_eq!(sent(&mut clusters), "b d -c");
    assert!(clusters.is_pending("d") && !clusters.is_pending("b") && !clusters.is_pending("a"));
    clusters.observe(set(TypeUrl::Cluster, &[("a", 3), ("b", 2), ("d", 2)]), &Differences::default());
    assert_eq!(sent(&mut clusters), "nothing", "one response at a time");
    clusters.observe(set(TypeUrl::Cluster, &[("a", 4), ("b", 2), ("d", 2)]), &Differences::default());
    clusters.on_request(&delta("2", &[], &[]), &Differences::default()).unwrap();
    assert_eq!(sent(&mut clusters), "a d", "the newest state wins");
}

#[test]
fn a_wildcard_of_no_resources_gets_an_empty_response() {
    let mut listeners = Subscription::new(TypeUrl::Listener, Protocol::Delta);
    assert_eq!(sent(&mut listeners), "nothing");
    listeners.on_request(&delta("", &["*"], &[]), &Differences::default()).unwrap();
    assert_eq!(sent(&mut listeners), "");
    let mut listeners = Subscription::new(TypeUrl::Listener, Protocol::State);
    listeners.on_request(&state("", &[]), &Differences::default()).unwrap();
    assert_eq!(sent(&mut listeners), "");
}

#[test]
fn each_name_subscribed_to_gets_a_response() {
    let mut routes = Subscription::new(TypeUrl::Route, Protocol::Delta);
    routes.on_request(&delta("", &["80", "none"], &[]), &Differences::default()).unwrap();
    routes.observe(set(TypeUrl::Route, &[("80", 1), ("90", 1)]), &Differences::default());
    let reply = routes.next_response(&Gate::OPEN).unwrap();
    assert_eq!(reply.resources.len(), 2);
    let empty = RouteConfiguration { name: "none".to_owned(), ..Default::default() };
    assert_eq!(reply.resources[1].decode::<RouteConfiguration>().unwrap(), empty);
    routes.on_request(&delta("1", &["90"], &[]), &Differences::default()).unwrap();
    assert_eq!(sent(&mut routes), "90");
    routes.on_request(&delta("2", &[], &[]), &Differences::default()).unwrap();
    routes.observe(set(TypeUrl::Route, &[("80", 1), ("90", 1), ("none", 1)]), &Differences::default());
    assert_eq!(sent(&mut routes), "none");

    for (protocol, expected) in [(Protocol::Delta, "-x"), (Protocol::State, "")] {
        let mut secrets = Subscription::new(TypeUrl::Secret, protocol);
        let ask = if protocol == Protocol::Delta { delta("", &["x"], &[]) } else { state("", &["x"]) };
        secrets.on_request(&ask, &Differences::default()).unwrap();
        assert_eq!(sent(&mut secrets), expected, "an empty secret would be a wrong one");
    }
}

#[test]
fn a_name_unsubscribed_and_subscribed_again_is_sent_again() {
    let mut endpoints = settled(TypeUrl::Endpoint);
    endpoints.on_request(&delta("", &["a"], &["a"]), &Differences::default()).unwrap();
    assert_eq!(sent(&mut endpoints), "a");
    endpoints.on_request(&delta("2", &["b"], &[]), &Differences::default()).unwrap();
    assert_eq!(sent(&mut endpoints), "b");
    endpoints.on_request(&delta("3", &[], &["c"]), &Differences::default()).unwrap();
    endpoints.observe(set(TypeUrl::Endpoint, &[("a", 1), ("b", 1), ("c", 2)]), &Differences::default());
    assert_eq!(sent(&mut endpoints), "nothing", "c is unsubscribed");
}

#[test]
fn unsubscribing_from_unknown_names_keeps_nothing() {
    let mut clusters = settled(TypeUrl::Cluster);
    let unknown: Vec<String> = (0..1000).map(|number| format!("unknown-{number}")).collect();
    let unknown: Vec<&str> = unknown.iter().map(String::as_str).collect();
    clusters.on_request(&delta("", &[], &unknown), &Differences::default()).unwrap();
    assert_eq!(clusters.except.len(), 0);
    clusters.on_request(&delta("", &unknown, &[]), &Differences::default()).unwrap();
    clusters.on_request(&delta("", &[], &unknown), &Differences::default()).unwrap();
    assert_eq!(clusters.except.len(), 0, "names that were subscribed to");
    assert_eq!(sent(&mut clusters), "nothing");
    clusters.on_request(&delta("", &[], &["a", "unknown-1"]), &Differences::default()).unwrap();
    assert_eq!(sent(&mut clusters), "a", "a resource that exists is sent again");
}

#[test]
fn a_client_that_reconnects_gets_only_what_it_lacks() {
    let mut clusters = Subscription::new(TypeUrl::Cluster, Protocol::Delta);
    let version = |name, content| resource(TypeUrl::Cluster, name, content).version();
    let initial: BTreeMap<String, String> = [("a", version("a", 1)), ("b", version("b", 1)), ("c", version("c", 1))]
        .map(|(name, version)| (name.to_owned(), crate::version_text(version)))
        .into();
    let names = Names::Delta { subscribe: vec![], unsubscribe: vec![], initial };
    clusters
        .on_request(&Request { nonce: String::new(), error: None, names: names.clone() }, &Differences::default())
        .unwrap();
    clusters.observe(set(TypeUrl::Cluster, &[("a", 1), ("b", 2), ("d", 1)]), &Differences::default());
    assert_eq!(sent(&mut clusters), "b d -c");

    let mut clusters = Subscription::new(TypeUrl::Cluster, Protocol::Delta);
    clusters.on_request(&Request { nonce: String::new(), error: None, names }, &Differences::default()).unwrap();
    clusters.observe(set(TypeUrl::Cluster, &[("a", 1), ("b", 1), ("c", 1)]), &Differences::default());
    assert_eq!(sent(&mut clusters), "nothing");
}

#[test]
fn endpoints_are_sent_with_their_cluster_without_a_subscription() {
    let mut endpoints = Subscription::new(TypeUrl::Endpoint, Protocol::Delta);
    endpoints.observe(set(TypeUrl::Endpoint, &[("a", 1), ("b", 1)]), &Differences::default());
    endpoints.force(["a".into(), "none".into()]);
    assert_eq!(next(&mut endpoints), Some(("1".to_owned(), "a".to_owned())));
    // The request was on its way when the response was.
    endpoints.on_request(&delta("", &["a", "b"], &[]), &Differences::default()).unwrap();
    endpoints.observe(set(TypeUrl::Endpoint, &[("a", 1), ("b", 1)]), &Differences::default());
    assert_eq!(sent(&mut endpoints), "nothing");
    assert!(endpoints.awaits_unrequested());
    endpoints.on_request(&delta("1", &[], &[]), &Differences::default()).unwrap();
    assert_eq!(sent(&mut endpoints), "b");
    // Not even an ACK is waited for.
    endpoints.force(["a".into()]);
    assert_eq!(sent(&mut endpoints), "a");
    endpoints.on_request(&delta("3", &[], &[]), &Differences::default()).unwrap();
    assert!(endpoints.is_settled());
}

#[test]
fn a_resource_sent_before_its_subscription_is_sent_again() {
    let mut endpoints = Subscription::new(TypeUrl::Endpoint, Protocol::Delta);
    endpoints.observe(set(TypeUrl::Endpoint, &[("a", 1)]), &Differences::default());
    endpoints.force(["a".into()]);
    assert_eq!(sent(&mut endpoints), "a");
    endpoints.on_request(&delta("", &["a"], &[]), &Differences::default()).unwrap();
    assert_eq!(sent(&mut endpoints), "nothing");
    assert!(endpoints.forget_unrequested());
    assert_eq!(sent(&mut endpoints), "a");
}

#[test]
fn a_gate_holds_resources_back() {
    let mut clusters = settled(TypeUrl::Cluster);
    clusters.observe(set(TypeUrl::Cluster, &[("a", 2), ("b", 1), ("d", 1)]), &Differences::default());
    let gate = Gate { open: &|resource| &**resource.name() != "d", removals: &|_| false };
    let reply = clusters.next_response(&gate).unwrap();
    assert_eq!((reply.resources.len(), reply.removed.len(), clusters.held_back()), (1, 0, 2));
    clusters.on_request(&delta("2", &[], &[]), &Differences::default()).unwrap();
    assert!(!clusters.is_settled() && clusters.is_pending("d"));
    assert_eq!(sent(&mut clusters), "d -c");
}

#[test]
fn a_sotw_response_of_clusters_holds_all_of_them() {
    let mut clusters = Subscription::new(TypeUrl::Cluster, Protocol::State);
    clusters.on_request(&state("", &[]), &Differences::default()).unwrap();
    clusters.observe(set(TypeUrl::Cluster, &[("a", 1), ("b", 1)]), &Differences::default());
    assert_eq!(sent(&mut clusters), "a b");
    clusters.on_request(&state("1", &[]), &Differences::default()).unwrap();
    clusters.observe(set(TypeUrl::Cluster, &[("a", 2), ("c", 1)]), &Differences::default());
    let gate = Gate { open: &|resource| &**resource.name() != "a", removals: &|_| false };
    let reply = clusters.next_response(&gate).unwrap();
    let expected = [("a", 1), ("c", 1), ("b", 1)].map(|(name, content)| resource(TypeUrl::Cluster, name, content));
    assert_eq!(reply.resources, expected);
    clusters.on_request(&state("2", &[]), &Differences::default()).unwrap();
    assert_eq!(sent(&mut clusters), "a c");
}

#[test]
fn a_sotw_request_names_all_and_a_stale_nonce_gets_no_response() {
    let mut routes = Subscription::new(TypeUrl::Route, Protocol::State);
    routes.on_request(&state("", &["a"]), &Differences::default()).unwrap();
    routes.observe(set(TypeUrl::Route, &[("a", 1), ("b", 1)]), &Differences::default());
    assert_eq!(sent(&mut routes), "a");
    assert_eq!(routes.on_request(&state("nonsense", &["b"]), &Differences::default()), Ok(Acknowledgment::Stale));
    assert_eq!(sent(&mut routes), "nothing");
    assert_eq!(routes.on_request(&state("1", &["a", "b"]), &Differences::default()), Ok(Acknowledgment::Ack));
    assert_eq!(sent(&mut routes), "b");
    assert_eq!(routes.on_request(&state("2", &["a", "b"]), &Differences::default()), Ok(Acknowledgment::Ack));
    assert_eq!(sent(&mut routes), "nothing");
    routes.on_request(&state("2", &[]), &Differences::default()).unwrap();
    routes.observe(set(TypeUrl::Route, &[("a", 2), ("b", 2)]), &Differences::default());
    assert_eq!(sent(&mut routes), "nothing", "no names after some names: it unsubscribed from all");
    routes.on_request(&state("2", &["a"]), &Differences::default()).unwrap();
    assert_eq!(sent(&mut routes), "a");
}

/// The names that it subscribes to, `*` for the wildcard.
fn names(subscription: &Subscription) -> String {
    let names = subscription.interest.names().iter().map(|name| &**name);
    names.chain(subscription.names().is_none().then_some("*")).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_sotw_wildcard_ends_when_names_are_given_without_it() {
    let mut clusters = Subscription::new(TypeUrl::Cluster, Protocol::State);
    let steps: [(&[&str], &str); 4] = [(&[], "*"), (&["*", "a"], "a *"), (&["a"], "a"), (&[], "")];
    for (requested, expected) in steps {
        clusters.on_request(&state("", requested), &Differences::default()).unwrap();
        assert_eq!(names(&clusters), expected);
    }
}

#[test]
fn a_delta_wildcard_ends_when_it_is_unsubscribed() {
    let mut clusters = Subscription::new(TypeUrl::Cluster, Protocol::Delta);
    let steps = [(delta("", &[], &[]), "*"), (delta("", &["a"], &[]), "a *"), (delta("", &[], &["*"]), "a")];
    for (request, expected) in steps.into_iter().chain([(delta("", &[], &["a"]), "")]) {
        clusters.on_request(&request, &Differences::default()).unwrap();
        assert_eq!(names(&clusters), expected);
    }
}

#[test]
fn a_delta_request_with_a_stale_nonce_changes_the_subscription() {
    let mut endpoints = settled(TypeUrl::Endpoint);
    assert_eq!(endpoints.on_request(&delta("ff", &["d"], &["a"]), &Differences::default()), Ok(Acknowledgment::Stale));
    assert_eq!(names(&endpoints), "b c d");
}

#[test]
fn too_many_names_are_refused() {
    let many: Vec<String> = (0..=MAX_NAMES).map(|number| number.to_string()).collect();
    let mut routes = Subscription::new(TypeUrl::Route, Protocol::State);
    let request = Request { nonce: String::new(), error: None, names: Names::State { names: many, resumes: false } };
    assert_eq!(routes.on_request(&request, &Differences::default()), Err(TooManyNames));
}

mod rejection;
