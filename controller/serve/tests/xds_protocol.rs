//! The rules for servers of Envoy's "xDS REST and gRPC protocol", and the tests that keep them.
//!
//! A rule is in our own words, under the title of its section. This test checks that each named test exists.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::{fs, path::Path};

const SUBSCRIPTION: &str = "xds-api/src/subscription/tests.rs";
const REJECTION: &str = "xds-api/src/subscription/tests/rejection.rs";
const NONCE: &str = "xds-api/src/subscription/nonce.rs";
const PUSH: &str = "controller/serve/src/push/tests.rs";
const STREAM: &str = "controller/serve/tests/ads.rs";
const REGISTRY: &str = "controller/serve/src/registry/tests.rs";

struct Rule {
    section: &'static str,
    requirement: &'static str,
    file: &'static str,
    test: &'static str,
}

const fn rule(section: &'static str, requirement: &'static str, file: &'static str, test: &'static str) -> Rule {
    Rule { section, requirement, file, test }
}

/// Rules of both variants.
const BOTH: &[Rule] = &[
    rule(
        "Basic Protocol Overview",
        "Each response has a nonce. A nonce counts on its own stream only.",
        NONCE,
        "only_nonces_of_ours_are_parsed",
    ),
    rule(
        "Basic Protocol Overview",
        "Only the first request of a stream carries the node.",
        STREAM,
        "the_state_of_the_world_is_served_too",
    ),
    rule(
        "ACK/NACK and resource type instance version",
        "A request acknowledges the response whose nonce it has.",
        REGISTRY,
        "a_type_goes_from_sent_to_accepted_or_rejected",
    ),
    rule(
        "NACK",
        "The presence of error_detail makes a request a NACK.",
        REJECTION,
        "a_rejected_name_goes_again_with_the_next_change_only",
    ),
    rule(
        "When to send an update",
        "A resource is sent only when it has changed.",
        SUBSCRIPTION,
        "only_what_changed_is_sent",
    ),
    rule(
        "How the client specifies what resources to return",
        "A resource that the client subscribes to is sent if it exists.",
        SUBSCRIPTION,
        "each_name_subscribed_to_gets_a_response",
    ),
    rule(
        "How the client specifies what resources to return",
        "A resource sent without a subscription is sent again after one, unless its ACK shows that the client took it.",
        SUBSCRIPTION,
        "a_resource_sent_before_its_subscription_is_sent_again",
    ),
    rule(
        "How the client specifies what resources to return",
        "A first request of clusters or listeners without names, or with `*`, is a wildcard subscription.",
        SUBSCRIPTION,
        "a_wildcard_of_no_resources_gets_an_empty_response",
    ),
    rule(
        "Duplicate Resource Names",
        "No response holds a name twice.",
        PUSH,
        "a_delta_client_never_refers_to_what_it_lacks",
    ),
    rule(
        "Knowing When a Requested Resource Does Not Exist",
        "Names that do not exist are remembered. The resource is sent when it is created.",
        SUBSCRIPTION,
        "each_name_subscribed_to_gets_a_response",
    ),
    rule(
        "Resource warming",
        "Endpoints are sent again with each cluster that is added or changed.",
        SUBSCRIPTION,
        "endpoints_are_sent_with_their_cluster_without_a_subscription",
    ),
    rule(
        "Eventual consistency considerations",
        "Clusters and their endpoints are sent before what refers to them, and removed after it.",
        PUSH,
        "a_move_from_one_cluster_to_another_is_made_in_three_steps",
    ),
    rule(
        "Eventual consistency considerations",
        "Virtual hosts are sent after their route configuration.",
        PUSH,
        "a_client_of_virtual_hosts_ends_with_all_of_them_and_no_others",
    ),
];

/// Rules of the state of the world.
const SOTW: &[Rule] = &[
    rule(
        "How the client specifies what resources to return",
        "After names were given, a request without names unsubscribes from all.",
        SUBSCRIPTION,
        "a_sotw_wildcard_ends_when_names_are_given_without_it",
    ),
    rule(
        "Grouping Resources into Responses",
        "A response of clusters or listeners holds all of them.",
        SUBSCRIPTION,
        "a_sotw_response_of_clusters_holds_all_of_them",
    ),
    rule(
        "Resource updates",
        "A request with a stale nonce gets no response.",
        SUBSCRIPTION,
        "a_sotw_request_names_all_and_a_stale_nonce_gets_no_response",
    ),
    rule(
        "Eventual consistency considerations",
        "Clusters are in place before routes refer to them.",
        PUSH,
        "a_state_client_never_refers_to_what_it_lacks",
    ),
];

/// Rules of the incremental variant.
const DELTA: &[Rule] = &[
    rule(
        "How the client specifies what resources to return",
        "Names add to a wildcard subscription, and `*` ends it when it is unsubscribed.",
        SUBSCRIPTION,
        "a_delta_wildcard_ends_when_it_is_unsubscribed",
    ),
    rule(
        "Deleting Resources",
        "A removed resource is in removed_resources.",
        SUBSCRIPTION,
        "only_what_changed_is_sent",
    ),
    rule(
        "Unsubscribing From Resources",
        "An unsubscribed resource is sent no more, and sent again when it is subscribed again.",
        SUBSCRIPTION,
        "a_name_unsubscribed_and_subscribed_again_is_sent_again",
    ),
    rule(
        "Incremental xDS",
        "Changes of the subscription count even if the nonce is stale.",
        SUBSCRIPTION,
        "a_delta_request_with_a_stale_nonce_changes_the_subscription",
    ),
    rule(
        "Incremental xDS",
        "Resources of initial_resource_versions are not sent again unless they have changed.",
        SUBSCRIPTION,
        "a_client_that_reconnects_gets_only_what_it_lacks",
    ),
];

#[test]
fn each_rule_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for Rule { section, requirement, file, test } in [BOTH, SOTW, DELTA].into_iter().flatten() {
        let source = fs::read_to_string(root.join(file)).unwrap();
        assert!(source.contains(&format!("fn {test}(")), "{section}: {requirement} No test `{test}` in {file}");
    }
}
