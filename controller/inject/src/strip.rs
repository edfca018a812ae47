//! Takes an earlier injection out of a pod again, so that the next starts from what the user wrote.

use serde_json::Value;

use crate::annotation as names;
use crate::overrides::Overrides;
use crate::pod::{Object, Pod, find, name};
use crate::status::Status;
use crate::{PROXY, probe, prometheus};

/// What a proxy that becomes a native sidecar takes with it: what a person may have tuned.
const KEPT: [&str; 4] = ["readinessProbe", "livenessProbe", "lifecycle", "resources"];

/// Takes away what the pod's status names, and puts back what it replaced. Returns the proxy that was there, if it was
/// an ordinary container.
pub(crate) fn strip(pod: &mut Pod) -> Option<Object> {
    let status = pod.annotations.get(names::STATUS).and_then(|text| Status::read(text))?;
    pod.annotations.remove(names::STATUS);
    let overrides = pod.annotations.remove(names::OVERRIDES);
    let overrides = overrides.map(|text| Overrides::read(&text)).unwrap_or_default();
    let former = pod.every_container().find(|container| name(container) == PROXY).cloned();
    if let Some(former) = &former {
        probe::restore(pod, former);
        prometheus::restore(pod, former);
    }
    remove(&mut pod.init, &status.init, &overrides.init);
    remove(&mut pod.containers, &status.containers, &overrides.containers);
    pod.volumes.retain(|volume| !status.volumes.iter().any(|added| added == name(volume)));
    pod.secrets.retain(|secret| !status.secrets.iter().any(|added| added == name(secret)));
    former.filter(|_| status.containers.iter().any(|added| added == PROXY) && overrides == Overrides::default())
}

/// Lets a proxy that moves to the init containers keep what a person may have tuned, as istiod does.
pub(crate) fn keep(template: &mut Pod, former: Option<&Object>) {
    let Some(former) = former else { return };
    let Some(proxy) = template.init.iter_mut().find(|container| name(container) == PROXY) else { return };
    let mut kept = former.clone();
    kept.retain(|key, _| KEPT.contains(&key.as_str()));
    crate::pod::merge::merge(proxy, &kept);
}

/// A container that was the user's before a template merged into it is the user's again, in its place.
fn remove(list: &mut Vec<Object>, added: &[String], originals: &[Object]) {
    let restored = |container: Object| {
        if !added.iter().any(|added| added == name(&container)) {
            return Some(container);
        }
        find(originals, name(&container)).cloned()
    };
    *list = std::mem::take(list).into_iter().filter_map(restored).collect();
}

/// The value of an environment variable of a container.
pub(crate) fn variable<'a>(container: &'a Object, wanted: &str) -> Option<&'a str> {
    let all = container.get("env")?.as_array()?;
    all.iter().find(|variable| variable.get("name").and_then(Value::as_str) == Some(wanted))?.get("value")?.as_str()
}
