//! A pod, or the part of one that a template adds: taken apart once at the edge, so that the rest can trust its shape.

pub(crate) mod merge;
pub(crate) mod quantity;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::InjectError;

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// A pod taken apart. What injection does not touch stays in `metadata` and `spec` as it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pod {
    /// `apiVersion`, `kind`, `status`.
    pub(crate) rest: Object,
    /// `metadata` without labels and annotations.
    pub(crate) metadata: Object,
    /// `metadata.labels`.
    pub(crate) labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub(crate) annotations: BTreeMap<String, String>,
    /// `spec` without what follows.
    pub(crate) spec: Object,
    /// `spec.initContainers`.
    pub(crate) init: Vec<Object>,
    /// `spec.containers`.
    pub(crate) containers: Vec<Object>,
    /// `spec.volumes`.
    pub(crate) volumes: Vec<Object>,
    /// `spec.imagePullSecrets`.
    pub(crate) secrets: Vec<Object>,
}

/// The name of a container, volume or secret.
pub(crate) fn name(named: &Object) -> &str {
    named.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// The one of this name.
pub(crate) fn find<'a>(list: &'a [Object], wanted: &str) -> Option<&'a Object> {
    list.iter().find(|entry| name(entry) == wanted)
}

/// Builds an object of `json!({…})`; anything else is an empty object.
pub(crate) fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

impl Pod {
    /// Takes a pod, a pod template, or a template's overlay apart.
    pub(crate) fn parse(value: &Value) -> Result<Self, InjectError> {
        let Value::Object(whole) = value else { return Err(InjectError::pod("pod", "not an object")) };
        let mut rest = whole.clone();
        let mut metadata = take_object(&mut rest, "", "metadata")?;
        let mut spec = take_object(&mut rest, "", "spec")?;
        Ok(Self {
            labels: take_texts(&mut metadata, "labels")?,
            annotations: take_texts(&mut metadata, "annotations")?,
            init: take_named(&mut spec, "initContainers")?,
            containers: take_named(&mut spec, "containers")?,
            volumes: take_named(&mut spec, "volumes")?,
            secrets: take_named(&mut spec, "imagePullSecrets")?,
            rest,
            metadata,
            spec,
        })
    }

    /// Puts the parts back into `whole`, which is the value that was parsed: its keys keep their places.
    pub(crate) fn put_into(self, whole: &mut Value) {
        let Value::Object(whole) = whole else { return };
        let mut metadata = keep_places(whole.get("metadata"), self.metadata, &["labels", "annotations"]);
        set_texts(&mut metadata, "labels", self.labels);
        set_texts(&mut metadata, "annotations", self.annotations);
        let lists = ["initContainers", "containers", "volumes", "imagePullSecrets"];
        let mut spec = keep_places(whole.get("spec"), self.spec, &lists);
        for (key, list) in lists.into_iter().zip([self.init, self.containers, self.volumes, self.secrets]) {
            if list.is_empty() && key != "containers" {
                spec.shift_remove(key);
            } else {
                spec.insert(key.to_owned(), Value::Array(list.into_iter().map(Value::Object).collect()));
            }
        }
        whole.insert("metadata".to_owned(), Value::Object(metadata));
        whole.insert("spec".to_owned(), Value::Object(spec));
    }

    /// All containers, those that run first first.
    pub(crate) fn every_container(&self) -> impl Iterator<Item = &Object> {
        self.init.iter().chain(&self.containers)
    }

    /// A boolean or text of the spec.
    pub(crate) fn spec_text(&self, key: &str) -> Option<&str> {
        self.spec.get(key).and_then(Value::as_str)
    }
}

/// The object as it was, with the values of now; `placed` are set later and keep their places until then.
fn keep_places(before: Option<&Value>, now: Object, placed: &[&str]) -> Object {
    let mut out = before.and_then(Value::as_object).cloned().unwrap_or_default();
    out.retain(|key, _| now.contains_key(key) || placed.contains(&key.as_str()));
    out.extend(now);
    out
}

fn set_texts(metadata: &mut Object, key: &str, texts: BTreeMap<String, String>) {
    if texts.is_empty() {
        metadata.shift_remove(key);
    } else {
        let texts = texts.into_iter().map(|(name, text)| (name, Value::String(text))).collect();
        metadata.insert(key.to_owned(), Value::Object(texts));
    }
}

fn take_object(from: &mut Object, path: &str, key: &str) -> Result<Object, InjectError> {
    match from.shift_remove(key) {
        None | Some(Value::Null) => Ok(Object::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(InjectError::pod(&format!("{path}{key}"), "not an object")),
    }
}

fn take_texts(metadata: &mut Object, key: &str) -> Result<BTreeMap<String, String>, InjectError> {
    let texts = take_object(metadata, "metadata.", key)?;
    let text = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        Value::Null => Ok((name, String::new())),
        _ => Err(InjectError::pod(&format!("metadata.{key}[{name}]"), "not a text")),
    };
    texts.into_iter().map(text).collect()
}

/// Containers, volumes or secrets of a pod at most; no node runs as many.
const MOST_ENTRIES: usize = 1_000;

fn take_named(spec: &mut Object, key: &str) -> Result<Vec<Object>, InjectError> {
    let wrong = |reason| InjectError::pod(&format!("spec.{key}"), reason);
    let list = match spec.shift_remove(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() > MOST_ENTRIES => return Err(wrong("more than 1000 entries")),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(wrong("not a list")),
    };
    let entry = |value: Value| match value {
        Value::Object(object) if object.get("name").is_some_and(Value::is_string) => Ok(object),
        Value::Object(_) => Err(wrong("an entry has no name")),
        _ => Err(wrong("an entry is not an object")),
    };
    list.into_iter().map(entry).collect()
}
