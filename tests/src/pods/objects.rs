//! Objects put, edited and taken back through the API server.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use heddle_yaml::Schema;
use http::Method;
use serde_json::Value;

use crate::cluster::Api;

/// How often a version may be overtaken while it is written.
const CONFLICTS: usize = 10;

/// The API server, and what was there before it was changed.
#[derive(Debug)]
pub(super) struct Objects {
    api: Api,
    /// By path; none where there was nothing.
    before: Mutex<BTreeMap<String, Option<Value>>>,
}

impl Objects {
    pub(super) fn new(api: Api) -> Self {
        Self { api, before: Mutex::default() }
    }

    /// Makes what is there what the text says, object by object.
    pub(super) async fn put(&self, text: &str) -> Result<()> {
        for object in heddle_yaml::values(text, Schema::Yaml11)? {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let metadata = &object["metadata"];
            let (kind, version) = (text(&object["kind"]), text(&object["apiVersion"]));
            let path = path(&version, &kind, &text(&metadata["namespace"]), &text(&metadata["name"]));
            self.remember(&path).await?;
            let answer = self.api.apply(&path, &object).await?;
            ensure!(answer.accepted(), "{path}: {}", answer.message());
        }
        Ok(())
    }

    /// Changes an object that is there.
    pub(super) async fn edit(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<()> {
        let version = if kind == "ConfigMap" { "v1" } else { "networking.istio.io/v1" };
        let path = path(version, kind, namespace, name);
        self.remember(&path).await?;
        let mut object = self.get(&path).await?.with_context(|| format!("{path} is not there"))?;
        change(&mut object);
        self.replace(&path, &object).await
    }

    /// Makes all that was changed what it was before.
    pub(super) async fn restore(&self) -> Result<()> {
        let before = std::mem::take(&mut *self.before.lock().unwrap_or_else(PoisonError::into_inner));
        for (path, object) in before {
            match (object, self.get(&path).await?) {
                (None, None) => {}
                (None, Some(_)) => {
                    let answer = self.api.call(Method::DELETE, &path, None).await?;
                    ensure!(answer.accepted(), "delete {path}: {}", answer.message());
                }
                (Some(object), _) => self.replace(&path, &object).await?,
            }
        }
        Ok(())
    }

    async fn remember(&self, path: &str) -> Result<()> {
        if self.before.lock().unwrap_or_else(PoisonError::into_inner).contains_key(path) {
            return Ok(());
        }
        let object = self.get(path).await?;
        self.before.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), object);
        Ok(())
    }

    async fn get(&self, path: &str) -> Result<Option<Value>> {
        let answer = self.api.get(path).await?;
        ensure!(answer.accepted() || answer.status == 404, "{path}: {}", answer.message());
        Ok(answer.accepted().then_some(answer.body))
    }

    /// Writes a whole object. The control plane writes its status meanwhile, which makes another version of it.
    async fn replace(&self, path: &str, object: &Value) -> Result<()> {
        let mut object = object.clone();
        for _ in 0..CONFLICTS {
            let answer = self.api.call(Method::PUT, path, Some(&object)).await?;
            if answer.status != 409 {
                ensure!(answer.accepted(), "{path}: {}", answer.message());
                return Ok(());
            }
            let now = self.get(path).await?.with_context(|| format!("{path} is gone"))?;
            object["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"].clone();
        }
        bail!("{path}: each time somebody else wrote first")
    }
}

fn path(version: &str, kind: &str, namespace: &str, name: &str) -> String {
    let group = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
    let lower = kind.to_ascii_lowercase();
    let plural = match lower.strip_suffix('y') {
        Some(stem) if stem.ends_with(['c', 'r']) => format!("{stem}ies"),
        _ => format!("{lower}s"),
    };
    format!("{group}/namespaces/{namespace}/{plural}/{name}")
}
