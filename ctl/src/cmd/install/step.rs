//! One object of an installation: writes it, and waits until it is ready.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::time::Instant;

use crate::release::{path, title};
use crate::server::Server;

/// The longest wait until definitions are established.
const ESTABLISHED: Duration = Duration::from_mins(1);
/// The longest wait until a ready control plane has written its root into the webhooks.
const TRUSTED: Duration = Duration::from_secs(10);
/// The pause between two requests.
const PAUSE: Duration = Duration::from_millis(250);

/// Writes an object and returns what happened.
pub(super) async fn write(server: &Server, object: &Value, take_over: bool) -> Result<&'static str> {
    let path = path(object)?;
    let before = server.get(&path).await?;
    if let Some(before) =
        before.as_ref().filter(|before| take_over && super::owner(before).is_some() && is_whole(before))
    {
        // Server-side apply alone would keep the fields of the other field manager.
        server.replace(&path, &instead(before, object)).await?;
        server.apply(&path, object, false).await?;
        return Ok("taken over");
    }
    let after = server.apply(&path, object, false).await?;
    Ok(match before {
        None => "created",
        Some(before) if bare(before.clone()) == bare(after) => "unchanged",
        Some(_) => "changed",
    })
}

/// What a write would do, by a dry run.
pub(super) async fn foresee(server: &Server, object: &Value) -> Result<&'static str> {
    let path = path(object)?;
    let Some(before) = server.get(&path).await? else { return Ok("created") };
    let after = server.apply(&path, object, true).await?;
    Ok(if bare(before) == bare(after) { "unchanged" } else { "changed" })
}

/// Waits until the API server accepts objects of the definitions.
pub(super) async fn wait_established(server: &Server, definitions: &[&Value]) -> Result<()> {
    let end = Instant::now() + ESTABLISHED;
    for definition in definitions {
        let is_there = |live: &Value| condition(live, "Established") == Some(true);
        wait(server, definition, end, is_there).await?;
    }
    if !definitions.is_empty() {
        println!("{} custom resource definitions are established", definitions.len());
    }
    Ok(())
}

/// Waits until all pods of a workload's newest generation are ready.
pub(super) async fn wait_ready(server: &Server, object: &Value, limit: Duration) -> Result<()> {
    let is_deployment = object["kind"] == "Deployment";
    let is_ready = |live: &Value| {
        let (status, number) = (&live["status"], |value: &Value| value.as_u64().unwrap_or_default());
        let (wanted, [updated, ready]) = if is_deployment {
            (&live["spec"]["replicas"], ["updatedReplicas", "availableReplicas"])
        } else {
            (&status["desiredNumberScheduled"], ["updatedNumberScheduled", "numberAvailable"])
        };
        number(&status["observedGeneration"]) >= number(&live["metadata"]["generation"])
            && number(&status[updated]) >= number(wanted)
            && number(&status[ready]) >= number(wanted)
    };
    wait(server, object, Instant::now() + limit, is_ready).await
}

/// Waits until the control plane has written its root into the webhooks. The API server calls no webhook without it.
pub(super) async fn wait_trusted(server: &Server, object: &Value) -> Result<()> {
    let is_trusted = |live: &Value| {
        let mut webhooks = live["webhooks"].as_array().into_iter().flatten();
        webhooks.all(|webhook| webhook["clientConfig"]["caBundle"].as_str().is_some_and(|bundle| !bundle.is_empty()))
    };
    wait(server, object, Instant::now() + TRUSTED, is_trusted).await
}

async fn wait(server: &Server, object: &Value, end: Instant, is_done: impl Fn(&Value) -> bool) -> Result<()> {
    let path = path(object)?;
    loop {
        let live = server
            .get(&path)
            .await?
            .with_context(|| format!("{} was deleted during the installation", title(object)))?;
        if is_done(&live) {
            return Ok(());
        }
        if Instant::now() > end {
            bail!("{} is not ready: {}", title(object), last_word(&live));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The messages of the conditions that are not true.
fn last_word(live: &Value) -> String {
    let conditions = live["status"]["conditions"].as_array().into_iter().flatten();
    let bad = conditions.filter(|condition| condition["status"] != "True");
    let words: Vec<&str> = bad.filter_map(|condition| condition["message"].as_str()).collect();
    if words.is_empty() { "it has no status yet".to_owned() } else { words.join("; ") }
}

fn condition(live: &Value, kind: &str) -> Option<bool> {
    let mut conditions = live["status"]["conditions"].as_array()?.iter();
    conditions.find(|condition| condition["type"] == kind).map(|condition| condition["status"] == "True")
}

/// Whether an object can be replaced as a whole. A replaced definition would delete its objects for a moment, and a
/// Service has addresses and ports that the cluster assigned.
fn is_whole(live: &Value) -> bool {
    !["CustomResourceDefinition", "Namespace", "Service"].iter().any(|kind| live["kind"] == *kind)
}

/// Our object, with the resource version of the one that it replaces.
fn instead(before: &Value, object: &Value) -> Value {
    let mut out = object.clone();
    out["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
    out
}

/// An object without its status and without the metadata of each write.
fn bare(mut object: Value) -> Value {
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    if let Some(meta) = object["metadata"].as_object_mut() {
        for key in ["managedFields", "resourceVersion", "generation"] {
            meta.remove(key);
        }
    }
    object
}
