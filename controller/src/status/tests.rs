//! What a status says, from what is known against the object.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use heddle_model::Text;
use heddle_model::issue::Issue;
use heddle_model::labels::Labels;
use heddle_model::locality::Locality;
use heddle_model::map::SharedMap;
use heddle_model::object::{Kind, ObjectRef, Origin};
use heddle_model::workload::Workload;
use heddle_store::object::{Meta, Reading};
use heddle_store::{Event, Object, Selected, Settings, SourceId, Spec, Store};
use serde_json::{Value, json};

use super::conditions::{Audience, Found, is_well, wanted};
use super::observed::{ObservedObject, ObservedStatus, Status};
use super::writer::{audience, found};
use crate::issues::REJECTED;

const NOW: &str = "2026-01-02T03:04:05Z";

fn seen(generation: i64, status: &Value) -> ObservedObject {
    let object = json!({"metadata": {"generation": generation, "resourceVersion": "7"}, "status": status});
    ObservedObject::of(&object, "v1")
}

fn issue(severity: &str, reason: &'static str) -> Issue {
    let object = Arc::new(ObjectRef::new(Kind::VirtualService, "shop", "reviews"));
    match severity {
        "error" => Issue::error(&object, "spec.http[0]", reason, "that is wrong"),
        _ => Issue::warning(&object, "spec.http[1]", reason, "that is odd"),
    }
}

fn rejection(severity: &str, reason: &str) -> Issue {
    Issue { message: reason.into(), field: String::new(), ..issue(severity, REJECTED) }
}

fn written(status: &Status) -> Value {
    serde_json::to_value(status).unwrap()
}

#[test]
fn good_news_are_written_once_a_generation() {
    let status = wanted(&seen(3, &Value::Null), &Found::default(), NOW).unwrap();
    assert_eq!(
        written(&status),
        json!({"observedGeneration": 3, "validationMessages": [], "conditions": [
            {"type": "Reconciled", "status": "True", "reason": "Reconciled", "observedGeneration": 3,
             "lastTransitionTime": NOW}]})
    );
    let same = ObservedObject { status: status.clone(), ..seen(3, &Value::Null) };
    assert!(is_well(&same) && wanted(&same, &Found::default(), "later").is_none());
    let edited = ObservedObject { generation: 4, ..same };
    assert!(!is_well(&edited));
    let next = wanted(&edited, &Found::default(), "later").unwrap();
    assert_eq!((next.observed_generation, &*next.conditions[0].last_transition_time), (4, NOW), "True since then");
}

#[test]
fn an_error_names_its_field_and_a_warning_does_not_make_it_false() {
    let (error, warning) = (issue("error", "BadRegex"), issue("warning", "UnknownField"));
    let found = Found { issues: vec![&error, &warning], ..Found::default() };
    let status = wanted(&seen(1, &Value::Null), &found, NOW).unwrap();
    let condition = &status.conditions[0];
    assert_eq!((&*condition.status, &*condition.reason), ("False", "BadRegex"));
    assert_eq!(condition.message, "spec.http[0]: that is wrong (BadRegex)\nspec.http[1]: that is odd (UnknownField)");
    let codes: Vec<&str> = status.validation_messages.iter().map(|message| &*message.kind.code).collect();
    assert_eq!(codes, ["IST0106", "IST0133"]);
    assert!(status.validation_messages[0].documentation_url.ends_with("/ist0106/"));
    let status = wanted(&seen(1, &written(&status)), &Found { issues: vec![&warning], ..Found::default() }, "later");
    let status = status.unwrap();
    assert_eq!((&*status.conditions[0].status, &*status.conditions[0].last_transition_time), ("True", "later"));
}

#[test]
fn a_rejection_comes_first_and_makes_the_condition_false_if_it_decides() {
    let (error, few, many) = (issue("error", "BadHost"), rejection("warning", "1 of 9"), rejection("error", "7 of 9"));
    let known = BTreeSet::from([error, many]);
    let status = wanted(&seen(1, &Value::Null), found(&known).values().next().unwrap(), NOW).unwrap();
    let condition = &status.conditions[0];
    assert_eq!((&*condition.status, &*condition.reason), ("False", "Rejected"));
    assert!(condition.message.starts_with("7 of 9 (Rejected)\n"), "{}", condition.message);
    let known = BTreeSet::from([few]);
    let status = wanted(&seen(1, &Value::Null), found(&known).values().next().unwrap(), NOW).unwrap();
    let condition = &status.conditions[0];
    assert_eq!((&*condition.status, &*condition.message), ("True", "1 of 9 (Rejected)"));
}

/// The status and the reason of an object without issues that reaches nobody, or not yet.
fn reached(audience: Audience) -> (String, String) {
    let status = wanted(&seen(1, &Value::Null), &Found { audience, ..Found::default() }, NOW).unwrap();
    assert_eq!(status.conditions[0].message.is_empty(), audience == Audience::Connected);
    (status.conditions[0].status.clone(), status.conditions[0].reason.clone())
}

#[test]
fn an_object_that_selects_nothing_is_not_true() {
    let of = |status: &str, reason: &str| (status.to_owned(), reason.to_owned());
    assert_eq!(reached(Audience::NoProxies), of("True", "NoProxies"));
    assert_eq!(reached(Audience::Connected), of("True", "Reconciled"));
    let (error, idle) = (issue("error", "UnknownGateway"), issue("warning", "NoWorkloads"));
    let said = |issues: Vec<&Issue>| {
        let status = wanted(&seen(1, &Value::Null), &Found { issues, ..Found::default() }, NOW).unwrap();
        of(&status.conditions[0].status, &status.conditions[0].reason)
    };
    assert_eq!(said(vec![&idle]), of("Unknown", "NoWorkloads"));
    assert_eq!(said(vec![&error, &idle]), of("False", "UnknownGateway"));
}

#[test]
fn the_audience_is_what_is_selected_and_connected() {
    let key = |kind: Kind| Arc::new(ObjectRef::new(kind, "shop", "a"));
    let pod = Workload {
        origin: Origin::new(Arc::new(ObjectRef::new(Kind::Pod, "shop", "web-1")), 0),
        addresses: Vec::new(),
        labels: Labels::default(),
        service_account: Text::default(),
        node: Text::default(),
        locality: Locality::default(),
        network: Text::default(),
        ports: BTreeMap::new(),
        workload_name: Text::default(),
        hostname: Text::default(),
        subdomain: Text::default(),
        mtls: false,
        ready: true,
    };
    let (policy, rule) = (key(Kind::PeerAuthentication), key(Kind::DestinationRule));
    let of = |name: &str| BTreeSet::from([(Text::from("shop"), Text::from(name))]);
    let of_pod = Selected::from([(policy.clone(), vec![Arc::new(pod)])]);
    assert_eq!(audience(&policy, &of_pod, &of("web-1")), Audience::Connected);
    assert_eq!(audience(&policy, &of_pod, &of("other")), Audience::NoProxies);
    assert_eq!(audience(&policy, &Selected::from([(policy.clone(), Vec::new())]), &of("other")), Audience::Connected);
    assert_eq!(audience(&rule, &of_pod, &of("other")), Audience::Connected);
    assert_eq!(audience(&rule, &of_pod, &BTreeSet::new()), Audience::NoProxies);
    assert_eq!(audience(&key(Kind::ProxyConfig), &of_pod, &BTreeSet::new()), Audience::Connected);
}

#[test]
fn conditions_of_others_stay_and_nonsense_is_written_over() {
    let others = json!({"conditions": [{"type": "WaypointBound", "status": "True", "observedGeneration": "2"},
        {"type": "Reconciled", "status": "Unknown"}], "observedGeneration": "1", "addresses": [{"value": "10.0.0.1"}]});
    let status = wanted(&seen(2, &others), &Found::default(), NOW).unwrap();
    let kinds: Vec<&str> = status.conditions.iter().map(|condition| &*condition.kind).collect();
    assert_eq!((kinds, status.conditions[0].observed_generation), (vec!["WaypointBound", "Reconciled"], 2));
    for nonsense in [json!(7), json!({"conditions": 7}), json!({"conditions": [7]}), json!({"conditions": null})] {
        assert_eq!(wanted(&seen(2, &nonsense), &Found::default(), NOW).unwrap().conditions.len(), 1, "{nonsense}");
    }
}

#[test]
fn a_message_is_cut_and_counted() {
    let errors: Vec<Issue> = (0..30).map(|_| issue("error", "BadHost")).collect();
    let long = rejection("error", &"ä".repeat(100_000));
    let found = Found { issues: [&long].into_iter().chain(&errors).collect(), ..Found::default() };
    let status = wanted(&seen(1, &Value::Null), &found, NOW).unwrap();
    let message = &status.conditions[0].message;
    assert!(message.len() < 4096 && message.ends_with("and 21 more"), "{message}");
}

/// The Gateway `shop/web` of a cluster, as its API server gives it: with one server that nobody can read.
fn gateway(cluster: &Text, protocol: u8) -> Object {
    let spec = json!({"servers": [{"port": {"protocol": protocol}}]});
    let metadata = json!({"namespace": "shop", "name": "web"});
    let value = json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": metadata, "spec": spec});
    match Object::read_in(cluster, &value) {
        Reading::Object(object) => *object,
        other => panic!("{other:?}"),
    }
}

#[test]
fn namesakes_are_told_apart_from_event_to_condition() {
    let (own, west) = (Text::default(), Text::from("west"));
    let kubernetes = Arc::new(ObjectRef::new(Kind::KubernetesGateway, "shop", "web"));
    let issue = Issue::error(&kubernetes, "spec", "Malformed", "of another group");
    let unread = Object { key: kubernetes, meta: Meta::default(), spec: Spec::Malformed, issues: vec![issue] };
    let mut store = Store::new(Settings::default());
    let given = [(&own, gateway(&own, 1)), (&west, gateway(&west, 2)), (&own, unread)];
    let keys = given.each_ref().map(|(_, object)| object.key.clone());
    for (cluster, object) in given {
        store.apply(Event::Apply(SourceId::ApiServer(cluster.clone()), Box::new(object)));
    }
    let snapshot = store.commit();
    let rejected = Issue { object: keys[1].clone(), ..rejection("error", "too large") };
    let all: BTreeSet<Issue> = snapshot.issues.iter().cloned().chain([rejected]).collect();
    let known = found(&all);
    let said = keys.each_ref().map(|key| {
        let status = wanted(&seen(1, &Value::Null), &known[key], NOW).unwrap();
        (status.conditions[0].reason.clone(), status.conditions[0].message.lines().count())
    });
    let of = |reason: &str, lines| (reason.to_owned(), lines);
    assert_eq!(said, [of("Malformed", 1), of("Rejected", 2), of("Malformed", 1)]);
    assert!(known[&keys[2]].issues[0].message.contains("another group"));
    store.apply(Event::Delete(SourceId::ApiServer(west), keys[1].clone()));
    let snapshot = store.commit();
    let all: BTreeSet<Issue> = snapshot.issues.iter().cloned().collect();
    let left: Vec<_> = found(&all).into_keys().collect();
    assert_eq!(left, [keys[2].clone(), keys[0].clone()]);
}

#[test]
fn a_new_list_of_one_cluster_leaves_the_statuses_of_another() {
    let (own, west) = (Text::default(), Text::from("west"));
    let keys = [&own, &west].map(|cluster| gateway(cluster, 1).key);
    let mut all = SharedMap::default();
    for key in &keys {
        ObservedStatus::There(key.clone(), Arc::default()).note(&mut all);
    }
    ObservedStatus::All(west, Kind::Gateway, Vec::new()).note(&mut all);
    assert_eq!(all.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(), [keys[0].clone()]);
}
