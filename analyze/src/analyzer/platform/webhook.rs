//! Webhooks that inject sidecars.

use std::collections::BTreeSet;

use crate::finding::Findings;
use crate::injection::{INJECT, INJECTION, REVISION};
use crate::kubernetes::Webhook;
use crate::label::{Labels, is_selected};
use crate::message::INVALID_WEBHOOK;
use crate::object::Object;
use crate::world::{World, find};

/// A webhook, its configuration and its index there.
type Injector<'a> = (&'a Object<Vec<Webhook>>, usize, &'a Webhook);

/// Finds pods that several webhooks would inject, and webhooks whose service does not exist.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    let configurations = world
        .mutating_webhooks
        .iter()
        .filter(|one| !revisions(one).is_empty() || one.spec.iter().any(|webhook| webhook.name.ends_with("istio.io")));
    let injectors: Vec<Injector<'_>> = configurations
        .flat_map(|one| one.spec.iter().enumerate().map(move |(index, webhook)| (one, index, webhook)))
        .collect();
    let revisions: BTreeSet<String> = injectors.iter().flat_map(|(one, ..)| revisions(one)).collect();
    for namespace in label_sets(INJECTION, ["enabled", "disabled"], &revisions) {
        for object in label_sets(INJECT, ["true", "false"], &revisions) {
            check_overlap(&injectors, &namespace, &object, findings);
        }
    }
    for (configuration, index, webhook) in &injectors {
        let Some(service) = &webhook.client.service else { continue };
        if find(&world.services, &service.namespace, &service.name).is_none() {
            let text = format!(
                "the webhook {} leads to a service that does not exist: {}/{}",
                webhook.name, service.namespace, service.name
            );
            let path = format!("webhooks[{index}].clientConfig.service");
            findings.add(&INVALID_WEBHOOK, configuration, path, &[&text]);
        }
    }
}

/// The labels that can occur: none, or one of the values; alone, or with one of the revisions.
fn label_sets(label: &str, values: [&str; 2], revisions: &BTreeSet<String>) -> Vec<Labels> {
    let mut sets = Vec::new();
    let revisions: Vec<Option<&String>> = std::iter::once(None).chain(revisions.iter().map(Some)).collect();
    for value in std::iter::once(None).chain(values.into_iter().map(Some)) {
        for revision in &revisions {
            let value = value.map(|value| (label.to_owned(), value.to_owned()));
            let revision = revision.map(|revision| (REVISION.to_owned(), revision.clone()));
            sets.push(value.into_iter().chain(revision).collect());
        }
    }
    sets
}

fn check_overlap(injectors: &[Injector<'_>], namespace: &Labels, object: &Labels, findings: &mut Findings) {
    let selects = |(_, _, webhook): &&Injector<'_>| {
        is_selected(webhook.namespaces.as_ref(), namespace) && is_selected(webhook.objects.as_ref(), object)
    };
    let all: Vec<&Injector<'_>> = injectors.iter().filter(selects).collect();
    for (configuration, index, webhook) in all.iter().filter(|_| all.len() > 1) {
        let is_other =
            |(other, number, _): &&&Injector<'_>| other.identity != configuration.identity || number != index;
        let others =
            all.iter().filter(is_other).map(|(other, _, webhook)| format!("{}/{}", other.name(), webhook.name));
        let others: Vec<String> = others.collect();
        let text = format!("the webhook {} and others inject the same pods: {}", webhook.name, others.join(", "));
        findings.add(&INVALID_WEBHOOK, configuration, format!("webhooks[{index}]"), &[&text]);
    }
}

/// The revisions that a configuration speaks of.
fn revisions(configuration: &Object<Vec<Webhook>>) -> Vec<String> {
    let mut found: Vec<String> = configuration.label(REVISION).map(str::to_owned).into_iter().collect();
    let selectors = configuration.spec.iter().flat_map(|webhook| [&webhook.namespaces, &webhook.objects]);
    for selector in selectors.flatten() {
        found.extend(selector.match_labels.iter().filter_map(|labels| labels.get(REVISION)).cloned());
        let expressions = selector.match_expressions.iter().flatten().filter(|one| one.key == REVISION);
        found.extend(expressions.flat_map(|one| one.values.iter().flatten()).cloned());
    }
    found
}
