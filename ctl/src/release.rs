//! Renders the charts with the values of a profile, of files and of the command line.

mod api_resource;
mod operator;
mod unknown;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use heddle_crds::{decode::decode_at, mesh::MeshConfig};
use serde_json::{Value, json};

pub(crate) use api_resource::{API_RESOURCES, path, title};

use crate::chart::{self, BASE, Chart, GATEWAY, HEDDLED, PROFILES, Release};

/// Largest file of values, in bytes.
const LARGEST: u64 = 8 << 20;
/// The default namespace of the control plane.
const NAMESPACE: &str = "istio-system";

/// The values of an installation. Each source overrides the ones before it: profile, files in their order, `--set`,
/// `--revision`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Choices {
    /// Set values of the charts. Further keys are `profile` (default, demo, minimal or empty),
    /// `components.{base,pilot}.enabled` and `gateways.NAME.enabled`. Repeatable; a comma separates two values.
    #[arg(long, value_name = "KEY=VALUE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    set: Vec<String>,
    /// Set values as `--set` does, and read each value as a string. Repeatable.
    #[arg(long, value_name = "KEY=VALUE")]
    set_string: Vec<String>,
    /// Read values from this YAML file, which may be an `IstioOperator`. Repeatable; a later file wins.
    #[arg(short = 'f', long = "filename", alias = "values", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Set the revision of the control plane. Two revisions can run on one cluster.
    #[arg(long, value_name = "NAME")]
    revision: Option<String>,
}

/// The result of rendering.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Objects in the order of installation.
    pub(crate) objects: Vec<Value>,
    /// Values that have no effect.
    pub(crate) warnings: Vec<String>,
    /// The namespace of the control plane.
    pub(crate) namespace: String,
    /// The revision of the control plane.
    pub(crate) revision: String,
}

impl Choices {
    /// Renders the charts.
    pub(crate) fn plan(&self) -> Result<Plan> {
        let (values, mut warnings) = self.values()?;
        let namespace = values["global"]["istioNamespace"].as_str().unwrap_or(NAMESPACE).to_owned();
        let mut objects = Vec::new();
        let mut render = |chart: &Chart, name: &str, values: &Value| -> Result<()> {
            let rendered = chart.render(Release { name, namespace: &namespace }, values)?;
            objects.extend(rendered.objects);
            warnings
                .extend(rendered.notes.lines().filter_map(|line| line.strip_prefix("warning: ")).map(str::to_owned));
            Ok(())
        };
        let (components, charts) = (&values["components"], without_own(&values));
        if is_on(&components["base"]) {
            render(&BASE, "istio-base", &charts)?;
        }
        if is_on(&components["pilot"]) {
            render(&HEDDLED, "istiod", &charts)?;
        }
        for (name, gateway) in gateways(&values) {
            render(&GATEWAY, name, &of_gateway(&values, name, gateway))?;
        }
        if objects.iter().any(|object| object["metadata"]["namespace"] == namespace) {
            objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
        }
        api_resource::sort(&mut objects);
        warnings.sort();
        warnings.dedup();
        let revision = values["revision"].as_str().filter(|name| !name.is_empty()).unwrap_or("default").to_owned();
        Ok(Plan { objects, warnings, namespace, revision })
    }

    /// The values merged over the profile, and warnings about values without effect. Unknown values are an error.
    fn values(&self) -> Result<(Value, Vec<String>)> {
        let (mut values, mut warnings) = (json!({}), Vec::new());
        for path in &self.files {
            let file = chart::yaml(&read(path)?).with_context(|| path.display().to_string())?;
            ensure!(file.is_object(), "{} is not a map of values", path.display());
            values = chart::layer(&values, &operator::values(file, &mut warnings));
        }
        let mut set = json!({});
        for (arguments, texts) in [(&self.set, false), (&self.set_string, true)] {
            for argument in arguments {
                chart::set(&mut set, argument, texts).with_context(|| format!("--set {argument}"))?;
            }
        }
        values = chart::layer(&values, &operator::values(set, &mut warnings));
        if let Some(revision) = &self.revision {
            values = chart::layer(&values, &json!({"revision": revision}));
        }
        let profile = values["profile"].as_str().unwrap_or("default").to_owned();
        let known = PROFILES.iter().find(|(name, _)| *name == profile);
        let names = || PROFILES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let (_, below) =
            known.with_context(|| format!("the profile {profile:?} is unknown; the profiles are {}", names()))?;
        let values = chart::layer(&chart::yaml(below)?, &values);
        operator::check_components(&values["components"], &mut warnings)?;
        warnings.extend(unread_settings(&values["meshConfig"])?);
        let unknown = unknown::unknown(&values)?;
        ensure!(unknown.is_empty(), "neither Heddle nor istiod knows these values:\n{}", unknown.join("\n"));
        Ok((values, warnings))
    }
}

/// The enabled gateways, by name.
fn gateways(values: &Value) -> BTreeMap<&str, &Value> {
    let all = values["gateways"].as_object().into_iter().flatten();
    all.filter(|(_, gateway)| is_on(gateway)).map(|(name, gateway)| (name.as_str(), gateway)).collect()
}

fn is_on(component: &Value) -> bool {
    component["enabled"] == true
}

/// The values without the keys that are read here. The charts would say that they do not read them.
fn without_own(values: &Value) -> Value {
    let mut values = values.clone();
    if let Some(values) = values.as_object_mut() {
        for key in ["profile", "components"] {
            values.remove(key);
        }
    }
    values
}

/// The settings of the mesh that Heddle does not read. One that cannot be read is an error: heddled would refuse the
/// whole mesh config.
fn unread_settings(mesh: &Value) -> Result<Vec<String>> {
    let read = decode_at::<MeshConfig>("meshConfig", mesh);
    let unknown = read.map_err(|error| anyhow!("{}: {}", error.path, error.reason))?.unknown;
    Ok(unknown.iter().map(|path| format!("the value {path} has no effect: Heddle does not read it")).collect())
}

/// The values of a gateway: its own, and those that all images share.
fn of_gateway(values: &Value, name: &str, gateway: &Value) -> Value {
    let mut global = json!({});
    for key in ["imagePullPolicy", "networkPolicy"] {
        if let Some(value) = values["global"].get(key) {
            global[key] = value.clone();
        }
    }
    let revision = values["revision"].as_str().unwrap_or_default();
    json!({"revision": revision, "global": global, "gateways": {name: gateway}})
}

fn read(path: &Path) -> Result<String> {
    let cannot = || format!("cannot read {}", path.display());
    let size = std::fs::metadata(path).with_context(cannot)?.len();
    ensure!(size <= LARGEST, "{} is larger than {LARGEST} bytes", path.display());
    std::fs::read_to_string(path).with_context(cannot)
}
