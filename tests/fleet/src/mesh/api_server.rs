//! A Kubernetes API server that `heddled --kubeconfig` watches.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use heddle_yaml::Schema;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client, Config};
use serde::Deserialize as _;
use tokio::runtime::{Builder, Runtime};

use super::{Object, Site};

/// Whose fields the server takes them for.
const WRITER: &str = "heddle-fleet";
/// Bears the number of the write, without which the server would take an object that is as it was for no write at all.
const WRITTEN: &str = "heddle.io/fleet-write";
/// Writes that are under way at once, of those that belong together.
const AT_ONCE: usize = 16;

/// Objects as requests, each answered before the next begins.
pub(super) struct ApiServer {
    runtime: Runtime,
    client: Client,
    /// What was written under each name.
    written: BTreeMap<String, BTreeSet<Reference>>,
    number: u64,
}

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reference {
    group: String,
    version: String,
    kind: String,
    namespace: Option<String>,
    name: String,
}

impl ApiServer {
    /// That a kubeconfig leads to.
    pub(super) fn connect(kubeconfig: &Path) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let client = runtime.block_on(async {
            let file = Kubeconfig::read_from(kubeconfig)?;
            let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
            Ok::<_, anyhow::Error>(Client::try_from(config)?)
        });
        let client = client.with_context(|| kubeconfig.display().to_string())?;
        Ok(Self { runtime, client, written: BTreeMap::new(), number: 0 })
    }
}

impl Site for ApiServer {
    fn put(&mut self, name: &str, objects: &[Object]) -> Result<()> {
        self.number += 1;
        let (client, number) = (&self.client, self.number.to_string());
        let objects = read(objects, &number).with_context(|| name.to_owned())?;
        self.written.entry(name.to_owned()).or_default().extend(objects.iter().map(|(at, _)| at.clone()));
        let writes = stream::iter(objects).map(|(at, object)| async move {
            apply(client, &at, &object).await.with_context(|| format!("{} {:?} {}", at.kind, at.namespace, at.name))
        });
        self.runtime.block_on(writes.buffer_unordered(AT_ONCE).try_collect())
    }

    /// A namespace itself stays: nobody is there who would end it.
    fn remove(&mut self, name: &str) -> Result<()> {
        let within = |key: &str| key == name || key.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
        let gone = self.written.extract_if(.., |key, _| within(key)).flat_map(|(_, objects)| objects);
        let gone: Vec<_> = gone.filter(|at| at.kind != "Namespace").collect();
        let client = &self.client;
        let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        let deletes = stream::iter(&gone).map(|at| {
            let (api, now) = (at.api(client), &now);
            async move { api.delete(&at.name, now).await.map(drop).with_context(|| format!("{at:?}")) }
        });
        self.runtime.block_on(deletes.buffer_unordered(AT_ONCE).try_collect())
    }
}

impl Reference {
    fn of(object: &DynamicObject) -> Result<Self> {
        let types = object.types.as_ref().context("no kind")?;
        let GroupVersionKind { group, version, kind } = types.try_into()?;
        let name = object.metadata.name.clone().context("no name")?;
        Ok(Self { group, version, kind, namespace: object.metadata.namespace.clone(), name })
    }

    fn api(&self, client: &Client) -> Api<DynamicObject> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(&self.group, &self.version, &self.kind));
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
            None => Api::all_with(client.clone(), &kind),
        }
    }
}

/// All documents of these texts.
fn read(texts: &[Object], number: &str) -> Result<Vec<(Reference, DynamicObject)>> {
    let mut objects = Vec::new();
    for text in texts {
        for document in heddle_yaml::values(&text.0, Schema::Yaml11)? {
            let mut object = DynamicObject::deserialize(document)?;
            object.metadata.annotations.get_or_insert_default().insert(WRITTEN.to_owned(), number.to_owned());
            objects.push((Reference::of(&object)?, object));
        }
    }
    Ok(objects)
}

/// What a pod is in, others than who made it say, so it is a write of its own.
async fn apply(client: &Client, at: &Reference, object: &DynamicObject) -> Result<()> {
    let (api, mine, whole) = (at.api(client), PatchParams::apply(WRITER).force(), Patch::Apply(object));
    api.patch(&at.name, &mine, &whole).await?;
    if at.kind == "Pod" {
        api.patch_status(&at.name, &mine, &whole).await?;
    }
    Ok(())
}
