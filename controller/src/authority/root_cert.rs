//! The ConfigMap `istio-ca-root-cert` of each namespace, from which workloads learn whom to trust: written by the
//! leader, and written again when somebody edits or deletes it.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use heddle_ca::Authority;
use heddle_model::Text;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::watch;

use crate::cluster::reason;
use crate::source::kube::steady;
use crate::writer::ControllerState;

/// Its name.
const NAME: &str = "istio-ca-root-cert";
/// The key under which it has the roots.
const KEY: &str = "root-cert.pem";
/// The label of configuration that the control plane writes.
const LABEL: (&str, &str) = ("istio.io/config", "true");
/// Who writes, as the API server notes it.
const WRITER: &str = "heddled";
/// Namespaces of Kubernetes' own in which nothing runs that would read it.
const WITHOUT: [&str; 3] = ["kube-public", "kube-node-lease", "local-path-storage"];
/// The pause between two rounds: against somebody who writes something else all the time, nobody wins.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a round that failed waits for the next one.
const PATIENCE: Duration = Duration::from_secs(5);

/// What decides what is written where.
pub(crate) struct RootCerts {
    /// The connection.
    pub client: Client,
    /// The namespaces, and which of them count.
    pub state: watch::Receiver<ControllerState>,
    /// The roots.
    pub authority: watch::Receiver<Option<Arc<Authority>>>,
    /// Whether we are to write.
    pub leads: watch::Receiver<bool>,
}

impl RootCerts {
    /// Writes until the process ends.
    pub(crate) async fn run(mut self) {
        let api: Api<ConfigMap> = Api::all(self.client.clone());
        let named = watcher::Config::default().fields(&format!("metadata.name={NAME}"));
        let mut events = pin!(steady(watcher(api, named), NAME));
        let (mut found, mut listed) = (BTreeMap::new(), false);
        let mut again = false;
        loop {
            let wait = if again { PATIENCE } else { Duration::MAX };
            tokio::select! {
                event = events.next() => match event {
                    Some(event) => note(&mut found, &mut listed, event),
                    None => return,
                },
                changed = self.state.changed() => if changed.is_err() { return },
                changed = self.authority.changed() => if changed.is_err() { return },
                changed = self.leads.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(wait) => {}
            }
            if listed && *self.leads.borrow() {
                again = !self.write(&mut found).await;
            }
        }
    }

    /// Writes what differs; whether all of it could be written.
    async fn write(&self, found: &mut BTreeMap<String, Option<String>>) -> bool {
        let Some(roots) = self.authority.borrow().as_ref().map(|authority| authority.roots().pem().to_owned()) else {
            return true;
        };
        let wanted = wanted(&self.state.borrow());
        let missing = wanted.iter().filter(|(name, wanted)| {
            **wanted && found.get(&***name).is_none_or(|has| has.as_deref() != Some(roots.as_str()))
        });
        let missing: Vec<&Text> = missing.map(|(name, _)| name).collect();
        let gone: Vec<&Text> = wanted
            .iter()
            .filter(|(name, wanted)| !**wanted && found.contains_key(&***name))
            .map(|(name, _)| name)
            .collect();
        if missing.is_empty() && gone.is_empty() {
            return true;
        }
        let mut whole = true;
        for namespace in missing {
            match self.put(namespace, &roots).await {
                Ok(()) => _ = found.insert(namespace.to_string(), Some(roots.clone())),
                Err(error) => whole &= told(namespace, &error),
            }
        }
        for namespace in gone {
            match self.take(namespace).await {
                Ok(()) => _ = found.remove(&**namespace),
                Err(error) => whole &= told(namespace, &error),
            }
        }
        tokio::time::sleep(PAUSE).await;
        whole
    }

    async fn put(&self, namespace: &str, roots: &str) -> Result<(), kube::Error> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": NAME, "labels": {LABEL.0: LABEL.1}}, "data": {KEY: roots},
        });
        api.patch(NAME, &PatchParams::apply(WRITER).force(), &Patch::Apply(map)).await?;
        Ok(())
    }

    /// Takes it away where the namespace is no part of the mesh any more.
    async fn take(&self, namespace: &str) -> Result<(), kube::Error> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        match api.delete(NAME, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

/// The namespaces, and whether each is to have it.
fn wanted(state: &ControllerState) -> BTreeMap<Text, bool> {
    let snapshot = &state.snapshot;
    let has = |name: &Text| !WITHOUT.contains(&&**name);
    let all = snapshot.namespaces.iter().filter(|(name, _)| has(name));
    all.map(|(name, labels)| (name.clone(), snapshot.mesh.discovers(name, labels))).collect()
}

/// Keeps what the ConfigMaps say, by namespace: the roots where the rest is as it should be.
fn note(found: &mut BTreeMap<String, Option<String>>, listed: &mut bool, event: Event<ConfigMap>) {
    match event {
        Event::Init => {
            found.clear();
            *listed = false;
        }
        Event::InitDone => *listed = true,
        Event::InitApply(map) | Event::Apply(map) => {
            let labelled =
                map.metadata.labels.as_ref().and_then(|labels| labels.get(LABEL.0)).is_some_and(|v| v == LABEL.1);
            let roots = map.data.and_then(|mut data| data.remove(KEY)).filter(|_| labelled);
            found.insert(map.metadata.namespace.unwrap_or_default(), roots);
        }
        Event::Delete(map) => _ = found.remove(map.metadata.namespace.as_deref().unwrap_or_default()),
    }
}

/// Says why one could not be written; whether that is as good as written.
fn told(namespace: &str, error: &kube::Error) -> bool {
    let ending =
        matches!(error, kube::Error::Api(status) if status.code == 404 || status.message.contains("being terminated"));
    if !ending {
        tracing::error!(namespace, error = reason(error), "cannot write ConfigMap {NAME}; heddled retries");
    }
    ending
}
