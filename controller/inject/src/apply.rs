//! Merges what the templates add into the pod. The user's fields win over those of a template in containers and volumes
//! of the same name.

use serde_json::{Value, json};

use crate::annotation as names;
use crate::overrides::Overrides;
use crate::pod::merge::merge;
use crate::pod::quantity::canonical_resources;
use crate::pod::{Object, Pod, name};
use crate::status::Status;
use crate::{INIT, PROXY, VALIDATION};

/// The image of a container that only stands for the injected one.
const AUTO: &str = "auto";

/// Which of a pod's lists of containers is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Init,
    Main,
}

/// Merges the templates into the pod; returns what was added.
pub(crate) fn apply(pod: &mut Pod, template: Pod, revision: &str) -> Status {
    let status = Status::of(&template, pod, revision);
    let mut overrides = Overrides::default();
    for container in template.init {
        overrides.init.extend(place(pod, container, List::Init));
    }
    for container in template.containers {
        overrides.containers.extend(place(pod, container, List::Main));
    }
    pod.labels.extend(template.labels);
    pod.annotations.extend(template.annotations);
    merge(&mut pod.metadata, &template.metadata);
    merge(&mut pod.spec, &template.spec);
    let added = |names: &[String], entry: &Object| names.iter().any(|added| added == name(entry));
    pod.volumes.extend(template.volumes.into_iter().filter(|volume| added(&status.volumes, volume)));
    // As with kubectl's merge, what is added comes first.
    let secrets = template.secrets.into_iter().filter(|secret| added(&status.secrets, secret));
    pod.secrets.splice(0..0, secrets);
    if let Some(text) = overrides.text() {
        pod.annotations.insert(names::OVERRIDES.to_owned(), text);
    }
    status
}

/// Puts a template's container into a list; returns the user's of that name, if there was one.
fn place(pod: &mut Pod, mut container: Object, list: List) -> Option<Object> {
    let wanted = name(&container).to_owned();
    let at = |list: &[Object]| list.iter().position(|other| name(other) == wanted);
    let (same, other) = match list {
        List::Init => (&mut pod.init, &mut pod.containers),
        List::Main => (&mut pod.containers, &mut pod.init),
    };
    let (user, position) = match (at(same), at(other)) {
        (Some(position), _) => (Some(same.remove(position)), position),
        (None, Some(position)) => (Some(other.remove(position)), same.len()),
        (None, None) => (None, same.len()),
    };
    let user = user.map(|mut user| {
        if user.get("image").and_then(Value::as_str).is_none_or(|image| image == AUTO) {
            user.shift_remove("image");
        }
        user
    });
    if let Some(user) = &user {
        merge(&mut container, user);
    }
    if let Some(Value::Object(resources)) = container.get_mut("resources") {
        canonical_resources(resources);
    }
    same.insert(position.min(same.len()), container);
    user
}

/// Lets the proxy run as root whatever user the pod asked for: only root has NET_ADMIN in effect, which the sockets of
/// `TPROXY` need.
pub(crate) fn run_as_root(pod: &mut Pod) {
    let proxies = pod.init.iter_mut().chain(&mut pod.containers).filter(|container| name(container) == PROXY);
    for security in proxies.filter_map(|container| container.get_mut("securityContext")?.as_object_mut()) {
        security.insert("runAsUser".to_owned(), 0.into());
        security.insert("runAsNonRoot".to_owned(), false.into());
    }
}

/// Brings the containers into their order: a native proxy comes up right after the capture, so that other init
/// containers have the mesh; else capture comes last, so that they have the network, and the proxy last, or first if it
/// is to be ready before the application.
pub(crate) fn order(pod: &mut Pod, hold: bool) {
    let is_native = pod.init.iter().any(|container| name(container) == PROXY);
    let init = |container: &Object| match (name(container), is_native) {
        (VALIDATION, _) | (INIT, true) => 0,
        (PROXY, _) => 1,
        (INIT, false) => 3,
        _ => 2,
    };
    pod.init.sort_by_key(init);
    let main = |container: &Object| match (name(container), hold) {
        (PROXY, true) => 0,
        (PROXY, false) => 2,
        _ => 1,
    };
    pod.containers.sort_by_key(main);
}

/// Every container has `resources` in what Kubernetes itself writes; so a pod of a file and of the API server are
/// alike.
pub(crate) fn complete(pod: &mut Pod) {
    for container in pod.init.iter_mut().chain(&mut pod.containers) {
        container.entry("resources").or_insert_with(|| json!({}));
    }
}
