//! Renders the charts without Helm. It supports the part of Helm's language that our templates use. A test also renders
//! them with real Helm, with many values, and expects the same objects.

mod embedded;
mod evaluate;
mod function;
mod lex;
mod merge;
mod parse;
mod schema;
mod set;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use heddle_yaml::Schema;
use serde_json::{Value, json};

use evaluate::Evaluator;

pub(crate) use embedded::{BASE, GATEWAY, HEDDLED, PROFILES};
pub(crate) use merge::layer;
pub(crate) use set::set;

/// The files of a chart.
pub(crate) struct Chart {
    /// The name of the chart and of its folder.
    name: &'static str,
    /// `Chart.yaml`.
    meta: &'static str,
    /// `values.yaml`.
    values: &'static str,
    /// `values.schema.json`.
    schema: &'static str,
    /// Templates by path.
    templates: &'static [(&'static str, &'static str)],
    /// Other files by path.
    files: &'static [(&'static str, &'static str)],
}

/// The object `.Release` of Helm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Release<'a> {
    /// Name of the installation.
    pub(crate) name: &'a str,
    /// Namespace of the installation.
    pub(crate) namespace: &'a str,
}

/// The result of rendering a chart.
#[derive(Debug, Default)]
pub(crate) struct Rendered {
    /// Objects, in the order of the templates.
    pub(crate) objects: Vec<Value>,
    /// The notes of the chart.
    pub(crate) notes: String,
}

/// The value of the label `app.kubernetes.io/managed-by`.
pub(crate) const SERVICE: &str = "heddlectl";

impl Chart {
    /// Renders the chart. Values that its schema does not allow are an error, which names their keys.
    pub(crate) fn render(&self, release: Release<'_>, values: &Value) -> Result<Rendered> {
        self.try_render(release, values).with_context(|| format!("chart {}", self.name))
    }

    /// Keys of the values that the chart does not know, or knows as those of another chart.
    pub(crate) fn unknown(&self, values: &Value) -> Result<Vec<String>> {
        Ok(schema::unknown(values, &serde_json::from_str(self.schema)?))
    }

    /// All keys of values that the chart knows, with those that it does not read. A name that may be any is `*`.
    pub(crate) fn known(&self) -> Result<Vec<String>> {
        Ok(schema::known(&serde_json::from_str(self.schema)?))
    }

    fn try_render(&self, release: Release<'_>, values: &Value) -> Result<Rendered> {
        let values = merge::over(&yaml(self.values)?, values);
        let problems = schema::violations(&values, &serde_json::from_str(self.schema)?);
        ensure!(problems.is_empty(), "{}", problems.join("; "));
        let meta = yaml(self.meta)?;
        let root = json!({
            "Values": values,
            "Chart": {"Name": meta["name"], "Version": meta["version"], "AppVersion": meta["appVersion"]},
            "Release": {"Name": release.name, "Namespace": release.namespace, "Service": SERVICE},
        });
        let (mut defined, mut parsed) = (BTreeMap::new(), Vec::new());
        for (path, text) in self.templates {
            parsed.push((path, parse::parse(text, &mut defined).with_context(|| (*path).to_owned())?));
        }
        let evaluator = Evaluator { defined: &defined, files: self.files };
        let mut out = Rendered::default();
        for (path, nodes) in parsed.iter().filter(|(path, _)| !path.contains("/_")) {
            let text = evaluator.run(nodes, &root).with_context(|| (**path).to_owned())?;
            if path.ends_with("NOTES.txt") {
                out.notes = text;
            } else {
                out.objects.extend(objects(&text).with_context(|| (**path).to_owned())?);
            }
        }
        Ok(out)
    }
}

/// Reads one YAML document. An empty document is an empty map.
pub(crate) fn yaml(text: &str) -> Result<Value> {
    let mut found = objects(text)?.into_iter();
    let value = found.next().unwrap_or_else(|| json!({}));
    ensure!(found.next().is_none(), "there is more than one document");
    Ok(value)
}

/// Reads all documents of a file, without empty ones.
pub(crate) fn objects(text: &str) -> Result<Vec<Value>> {
    let objects = heddle_yaml::values(text, Schema::Yaml11)?.into_iter();
    Ok(objects.filter(|object| !object.is_null()).collect())
}
