//! One object of an installation: what is to be done with it, its write, and the wait until it is usable.

use std::fmt;
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
pub(super) const PAUSE: Duration = Duration::from_millis(250);

/// An object with what is to be done with it.
#[derive(Debug)]
pub(super) struct Step {
    /// The object, as it is applied.
    pub(super) object: Value,
    /// What the write does.
    pub(super) change: Change,
}

/// What a write does with an object of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// There is none yet.
    Created,
    /// Fields of it differ.
    Changed,
    /// Another installation made it. It is replaced.
    TakenOver,
    /// No field differs. It is not written.
    Unchanged,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::TakenOver => "taken over",
            Self::Unchanged => "unchanged",
        })
    }
}

impl Step {
    /// Finds out by a dry run what is to be done. It writes nothing.
    pub(super) async fn plan(server: &Server, object: &Value, take_over: bool) -> Result<Self> {
        let path = path(object)?;
        let mut object = object.clone();
        let Some(before) = server.get(&path).await? else { return Ok(Self { object, change: Change::Created }) };
        if super::owner(&before).is_some() {
            if take_over && is_whole(&before) {
                return Ok(Self { object, change: Change::TakenOver });
            }
        } else {
            leave_failure_policy(&mut object, &before);
        }
        let after = server.apply(&path, &object, true).await?;
        let change = if bare(before) == bare(after) { Change::Unchanged } else { Change::Changed };
        Ok(Self { object, change })
    }

    /// Writes the object.
    pub(super) async fn write(&self, server: &Server) -> Result<()> {
        let path = path(&self.object)?;
        match self.change {
            Change::Unchanged => return Ok(()),
            // Server-side apply alone would keep the fields of the other field manager.
            Change::TakenOver => {
                let before = server.get(&path).await?;
                let mut object = self.object.clone();
                object["metadata"]["resourceVersion"] =
                    before.unwrap_or_default()["metadata"]["resourceVersion"].clone();
                server.replace(&path, &object).await?;
            }
            Change::Created | Change::Changed => {}
        }
        server.apply(&path, &self.object, false).await.map(drop)
    }
}

/// Leaves `failurePolicy` of webhooks as it is where heddled has set it to `Fail`. heddled would only set it again.
fn leave_failure_policy(object: &mut Value, before: &Value) {
    let strict = |name: &Value| {
        let webhooks = before["webhooks"].as_array().into_iter().flatten();
        webhooks.into_iter().any(|webhook| webhook["name"] == *name && webhook["failurePolicy"] == "Fail")
    };
    for webhook in object.get_mut("webhooks").and_then(Value::as_array_mut).into_iter().flatten() {
        if webhook["failurePolicy"] == "Ignore" && strict(&webhook["name"]) {
            webhook.as_object_mut().map(|fields| fields.remove("failurePolicy"));
        }
    }
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

/// Waits until the control plane has written its root into the webhooks. The API server calls no webhook without it.
pub(super) async fn wait_trusted(server: &Server, object: &Value) -> Result<()> {
    let is_trusted = |live: &Value| {
        let mut webhooks = live["webhooks"].as_array().into_iter().flatten();
        webhooks.all(|webhook| webhook["clientConfig"]["caBundle"].as_str().is_some_and(|bundle| !bundle.is_empty()))
    };
    wait(server, object, Instant::now() + TRUSTED, is_trusted).await
}

async fn wait(server: &Server, object: &Value, end: Instant, is_done: impl Fn(&Value) -> bool) -> Result<()> {
    loop {
        let live = live(server, object).await?;
        if is_done(&live) {
            return Ok(());
        }
        if Instant::now() > end {
            bail!("{} is not ready: {}", title(object), conditions(&live));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The object as the cluster has it.
pub(super) async fn live(server: &Server, object: &Value) -> Result<Value> {
    let found = server.get(&path(object)?).await?;
    found.with_context(|| format!("{} was deleted during the installation", title(object)))
}

/// The messages of the conditions that are not true.
pub(super) fn conditions(live: &Value) -> String {
    let conditions = live["status"]["conditions"].as_array().into_iter().flatten();
    let bad = conditions.filter(|condition| condition["status"] != "True");
    let words: Vec<&str> = bad.filter_map(|condition| condition["message"].as_str()).collect();
    if words.is_empty() { "its status does not say why".to_owned() } else { words.join("; ") }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failure_policy_that_heddled_set_stays() {
        let webhook = |name: &str, policy: &str| json!({"name": name, "failurePolicy": policy});
        let webhooks = |one: &str, other: &str| json!({"webhooks": [webhook("a", one), webhook("b", other)]});
        let mut object = webhooks("Ignore", "Ignore");
        leave_failure_policy(&mut object, &webhooks("Fail", "Ignore"));
        assert_eq!(object, json!({"webhooks": [{"name": "a"}, {"name": "b", "failurePolicy": "Ignore"}]}));
    }
}
