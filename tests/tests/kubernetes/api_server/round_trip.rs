//! What is sent is what is read back, for every field of every kind.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _};
use heddle_crds::kind::IstioKind;
use heddle_tests::cluster::{self, Api};
use serde_json::{Value, json};

use super::chance::Chance;
use super::generate::{Generator, covers, places};
use super::programs::{Judged, by_the_programs};
use super::schema_values::{SchemaValues, examples};

/// Random objects a kind.
const RANDOM: usize = 500;
/// How many are tried until every field is covered.
const TRIES: usize = 2000;
/// Of these every so many are judged by kubectl too, which takes its time; `HEDDLE_KUBECTL_EVERY` says otherwise.
const BY_KUBECTL: usize = 10;
/// Requests under way at once.
const AT_ONCE: usize = 16;

/// Fields and values of which no valid object exists, and why; those that do become valid make the test fail.
const NEVER: [(&str, &str); 9] = [
    ("EnvoyFilter.configPatches[].applyTo=INVALID", "says that nothing was said"),
    ("EnvoyFilter.configPatches[].patch.operation=INVALID", "says that nothing was said"),
    ("Sidecar.ingress[].tls.credentialName", "a sidecar reads certificates from files"),
    ("Sidecar.ingress[].tls.credentialNames", "a sidecar reads certificates from files"),
    ("Sidecar.ingress[].tls.mode=AUTO_PASSTHROUGH", "for gateways"),
    ("Sidecar.ingress[].tls.mode=ISTIO_MUTUAL", "for gateways"),
    ("Sidecar.ingress[].tls.subjectAltNames", "for gateways"),
    ("VirtualService.http[].fault.abort.http2Error", "has never worked"),
    ("VirtualService.http[].fault.delay.exponentialDelay", "has never worked"),
];

#[test]
fn every_field_comes_back_as_it_was_sent() -> Result<()> {
    let words = SchemaValues::read()?;
    let objects = IstioKind::ALL.map(|kind| whole(kind, &words));
    let uncovered: Vec<&str> = objects.iter().flat_map(|(_, uncovered)| uncovered).map(String::as_str).collect();
    ensure!(uncovered == NEVER.map(|(place, _)| place), "no valid object was found with {uncovered:#?}");
    cluster::shared(async |cluster| {
        cluster.install_crds()?;
        let api = cluster.api().await?;
        for (kind, (objects, _)) in IstioKind::ALL.into_iter().zip(&objects) {
            sent_and_read(&api, kind, "whole", objects).await?;
        }
        Ok(())
    })
}

#[test]
fn random_objects_come_back_as_they_were_sent() -> Result<()> {
    let (words, seed) = (SchemaValues::read()?, Chance::seed());
    println!("HEDDLE_SEED={seed}");
    cluster::shared(async |cluster| {
        cluster.install_crds()?;
        let api = cluster.api().await?;
        let mut some = Vec::new();
        for kind in IstioKind::ALL {
            let objects = random(kind, &words, seed, RANDOM)?;
            sent_and_read(&api, kind, "random", &objects).await?;
            some.extend(objects.into_iter().step_by(every()));
        }
        for (number, object) in some.iter_mut().enumerate() {
            object["metadata"]["name"] = json!(format!("tried-{number}"));
        }
        let judged = some.iter().map(|object| Judged { object, accepted: true, valid: true });
        by_the_programs(cluster, "random", &judged.collect::<Vec<_>>())
    })
}

fn every() -> usize {
    std::env::var("HEDDLE_KUBECTL_EVERY").ok().and_then(|every| every.parse().ok()).unwrap_or(BY_KUBECTL)
}

/// So many different valid objects of a kind.
pub(crate) fn random(kind: IstioKind, words: &SchemaValues, seed: u64, count: usize) -> Result<Vec<Value>> {
    let generator = Generator::new(kind, words);
    let mut objects = Vec::new();
    for number in 0..count as u64 * 20 {
        let mut chance =
            Chance::new(seed.wrapping_mul(1_000_003).wrapping_add(number).wrapping_add(kind as u64 * 7919));
        let density = [5, 15, 30, 60][chance.below(4)];
        objects.extend(generator.object(density, &mut chance));
        if objects.len() == count {
            return Ok(objects);
        }
    }
    anyhow::bail!("{kind}: only {} of the objects made are valid", objects.len())
}

/// Objects that together hold every field, every name of an enum and every arm of a oneof, and what none holds.
fn whole(kind: IstioKind, words: &SchemaValues) -> (Vec<Value>, Vec<String>) {
    let generator = Generator::new(kind, words);
    let (mut all, mut covered, mut objects) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    places(&generator.schema, kind.name(), &mut all);
    let known = examples(kind).unwrap_or_default().into_iter().map(|object| object["spec"].clone());
    let known: Vec<Value> = known.map(|spec| generator.of(&spec, &mut Chance::new(0))).collect();
    let made = (0..100).filter_map(|number: u64| {
        let mut chance = Chance::new(number);
        generator.object([100, 60, 30][chance.below(3)], &mut chance)
    });
    let mut add = |object: Value| {
        let mut holds = BTreeSet::new();
        covers(&generator.schema, &object["spec"], kind.name(), &mut holds);
        let is_new = holds.iter().any(|place| !covered.contains(place));
        covered.extend(holds);
        is_new.then(|| objects.push(object));
        covered.clone()
    };
    let mut covered: BTreeSet<String> = known.into_iter().chain(made).map(&mut add).last().unwrap_or_default();
    for place in &all {
        let towards = generator.towards(place);
        let is_never = NEVER.iter().any(|(never, _)| never == place);
        for number in 0..if is_never { TRIES / 20 } else { TRIES } as u64 {
            if covered.contains(place) {
                break;
            }
            let mut chance = Chance::new(number);
            covered.extend(
                towards.object([0, 20, 50, 80][chance.below(4)], &mut chance).map(&mut add).unwrap_or_default(),
            );
        }
    }
    (objects, all.difference(&covered).cloned().collect())
}

/// Sends each object, first as a trial, and compares what the server lists with what was sent.
async fn sent_and_read(api: &Api, kind: IstioKind, name: &str, objects: &[Value]) -> Result<()> {
    let info = kind.info();
    let named = |(number, object): (usize, &Value)| {
        let mut object = object.clone();
        object["metadata"]["name"] = json!(format!("{name}-{number}"));
        object
    };
    let objects: Vec<Value> = objects.iter().enumerate().map(named).collect();
    let send = |object: &Value, trial: &str| {
        let path =
            format!("/apis/{}/namespaces/default/{}", object["apiVersion"].as_str().unwrap_or_default(), info.plural);
        let (api, object, path) = (api.clone(), object.clone(), format!("{path}?fieldValidation=Strict{trial}"));
        async move {
            let answer = api.post(&path, &object).await?;
            ensure!(answer.accepted(), "heddlectl accepts, the API server does not: {}\n{object}", answer.message());
            Ok(())
        }
    };
    let both = async |object: &Value| {
        send(object, "&dryRun=All").await?;
        send(object, "").await
    };
    futures_util::stream::iter(&objects).map(both).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    let list = api.get(&format!("/apis/{}/{}/namespaces/default/{}", info.group, info.storage, info.plural)).await?;
    let items = list.body["items"].as_array().context("a list")?;
    let read: BTreeMap<&str, &Value> =
        items.iter().filter_map(|item| Some((item["metadata"]["name"].as_str()?, item))).collect();
    for object in &objects {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let back = read.get(name).with_context(|| format!("{kind} {name} is not listed"))?;
        ensure!(same(&back["spec"], &object["spec"]), "{kind} {name}: sent {}\nread {}", object["spec"], back["spec"]);
    }
    Ok(())
}

/// Whether two values are the same; JSON has one kind of number.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len() && one.iter().all(|(key, value)| other.get(key).is_some_and(|o| same(value, o)))
        }
        _ => one == other,
    }
}
