//! What the API server refuses, validation refuses; what only validation refuses is a rule that needs more than a
//! schema.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use futures_util::StreamExt as _;
use heddle_crds::kind::IstioKind;
use heddle_tests::cluster::{self, Api};
use serde_json::{Value, json};

use super::chance::Chance;
use super::generate::{Generator, errors};
use super::mutate::mutate;
use super::programs::{Judged, by_the_programs};
use super::round_trip::random;
use super::schema_values::SchemaValues;

/// Broken objects, over all kinds.
const MUTANTS: usize = 2_000;

/// A broken object, and how it was broken.
struct Mutant {
    object: Value,
    how: String,
}

#[test]
fn the_server_and_validation_agree_on_broken_objects() -> Result<()> {
    let (words, seed) = (SchemaValues::read()?, Chance::seed());
    println!("HEDDLE_SEED={seed}");
    let mutants = mutants(&words, seed)?;
    ensure!(mutants.len() >= MUTANTS, "{} mutants", mutants.len());
    let answers = cluster::shared(async |cluster| {
        cluster.install_crds()?;
        let api = cluster.api().await?;
        let ask = |mutant| judge(&api, mutant);
        let answers = futures_util::stream::iter(&mutants).map(ask).buffered(16).collect::<Vec<_>>().await;
        let judged = mutants.iter().zip(&answers).map(|(mutant, answer)| {
            let accepted = answer.as_ref().is_ok_and(Option::is_none);
            Judged { object: &mutant.object, accepted, valid: errors(&mutant.object).is_empty() }
        });
        by_the_programs(cluster, "mutants", &judged.collect::<Vec<_>>())?;
        Ok(answers)
    })?;
    let (mut refused, mut wrong, mut alone) = (0, Vec::new(), BTreeMap::<&str, usize>::new());
    for (mutant, answer) in mutants.iter().zip(answers) {
        let (answer, ours) = (answer?, errors(&mutant.object));
        refused += usize::from(answer.is_some());
        match (answer, ours.as_slice()) {
            (Some(message), []) => wrong.push(format!("only the API server refuses ({}): {message}", mutant.how)),
            (None, ours) => {
                for violation in ours {
                    match WEBHOOK.iter().find(|(_, words)| words.iter().any(|words| violation.reason.contains(words))) {
                        Some((class, _)) => *alone.entry(class).or_default() += 1,
                        None => wrong.push(format!("only validation refuses ({}): {violation}", mutant.how)),
                    }
                }
            }
            (Some(_), _) => {}
        }
    }
    println!("{} mutants, {refused} refused by the server; by the webhook alone: {alone:#?}", mutants.len());
    wrong.sort();
    ensure!(wrong.is_empty(), "{} disagreements:\n{}", wrong.len(), wrong.join("\n"));
    ensure!(refused * 4 > mutants.len(), "the mutants are too mild: {refused} of {} are refused", mutants.len());
    Ok(())
}

fn mutants(words: &SchemaValues, seed: u64) -> Result<Vec<Mutant>> {
    let a_kind = MUTANTS.div_ceil(IstioKind::ALL.len());
    let mut mutants = Vec::new();
    for kind in IstioKind::ALL {
        let (generator, wholes) = (Generator::new(kind, words), random(kind, words, seed + 1, 60)?);
        let mut chance = Chance::new(seed + 100 + kind as u64);
        let end = mutants.len() + a_kind;
        while mutants.len() < end {
            let mut object = chance.pick(&wholes).cloned().unwrap_or_default();
            if let Some(how) = mutate(&mut object, &generator, &mut chance) {
                object["metadata"]["name"] = json!(format!("mutant-{}", mutants.len()));
                mutants.push(Mutant { object, how: format!("{kind}: {how}") });
            }
        }
    }
    Ok(mutants)
}

/// What `kubectl apply --dry-run=server` would be told: nothing, or why the object is refused.
async fn judge(api: &Api, mutant: &Mutant) -> Result<Option<String>> {
    let object = &mutant.object;
    let kind: IstioKind = object["kind"].as_str().unwrap_or_default().parse()?;
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let path = format!("/apis/{version}/namespaces/default/{}?dryRun=All&fieldValidation=Strict", kind.info().plural);
    let answer = api.post(&path, object).await?;
    Ok((!answer.accepted()).then(|| answer.message().chars().take(600).collect()))
}

/// Rules that the schemas do not say, so that only the webhook (and `heddlectl`) enforces them, as istiod's does: the
/// class, and words of the reasons that belong to it.
const WEBHOOK: [(&str, &[&str]); 13] = [
    (
        "hosts: the form of names and wildcards, and that they do not overlap",
        &[
            "is not a host name",
            "a host name must not be empty",
            "is longer than",
            "is a short name",
            "is neither a host name nor",
            "is not of the form",
            "is not among the hosts",
            "is named twice",
            "is also matched by",
            "the host * needs a gateway",
            "several hosts cannot be told apart",
            "a wildcard is no destination",
            "the wildcard",
            "may be empty",
            "outbound_",
            "is not an SNI host",
        ],
    ),
    (
        "addresses: IP addresses, CIDRs and sockets",
        &["is not an IP address", "is not a CIDR", "an absolute path", "Unix socket", "is not one of 127.0.0.1"],
    ),
    (
        "namespaces and who may see an object",
        &["is not a namespace", "is neither a namespace nor one of", "the namespace"],
    ),
    ("labels", &["is not a label", "a label's name", "a label's value", "takes no wildcards", "a selector"]),
    (
        "ports and protocols",
        &[
            "is not a port",
            "have a port named",
            "is not a protocol",
            "another listener has this",
            "is for the protocols",
            "have the port",
            "a listener without a port",
            "is not a gateway's name",
            "is not a subset's name",
            "two subsets are named",
            "neither CONNECT nor POST",
        ],
    ),
    ("what a policy may be attached to", &["is not one of Service,", "must be empty: a policy", "the root namespace"]),
    (
        "what is missing",
        &[
            "is required",
            "are required",
            "must not be empty",
            "at least one",
            "is needed",
            "needs ",
            "has no ",
            "does not say",
        ],
    ),
    (
        "what excludes each other, beyond oneofs",
        &[
            "excludes",
            "only one of",
            "is excluded by",
            "go together",
            "is for ",
            "are for ",
            "must be empty",
            "a delegate",
            "take no regular",
            "at gateways only",
            "on another kind of thing",
            "is not supported",
            "turns retries off",
            "the last",
        ],
    ),
    (
        "numbers: ranges, weights and sums",
        &[
            "is negative",
            "all weights",
            "is not from",
            "expected i",
            "expected u",
            "add up to",
            "the sum",
            "is not a percentage",
            "must be from",
            "is not a status",
            "is older than",
            "is not a code",
            "to 4294967295",
        ],
    ),
    ("durations and dates", &["whole seconds", "is not a duration", "millisecond", "is not positive"]),
    (
        "patterns and expressions",
        &["RE2", "is not a pattern", "nothing stands", "is not closed", "repeated", "a group", "has no meaning"],
    ),
    (
        "texts with a form of their own",
        &[
            "is not a URL",
            "neither http nor https",
            "is not a header's name",
            "is not JSON",
            "is not base64",
            "control characters",
            "is not a method",
            "is not a cipher",
            "is not a curve",
            "is not a SHA",
            "is not a path",
            "template",
            "is not an attribute",
            "is not a locality",
            "the name of",
            "is not a principal",
            "is not a scheme",
            "no such",
            "is not a condition",
        ],
    ),
    ("nulls in maps, which the API server drops and protobuf's JSON refuses", &["found null"]),
];
