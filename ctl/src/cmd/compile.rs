//! `heddlectl compile`: what a proxy would get, offline, by the code that `heddled` runs.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use heddle_compile::{Memo, Output, compile_own, compile_view, view};
use heddle_model::{issue::Issue, proxy::Proxy, snapshot::Snapshot};
use heddle_store::{Event, Settings, SourceId, Store, documents};
use heddle_xds_api::{ResourceMap, TypeSet, TypeUrl, json};
use serde_json::{Map, Value};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of YAML; may be given more than once.
    #[arg(long, required = true, value_name = "DIR")]
    config_dir: Vec<PathBuf>,
    /// Envoy's Node as JSON; without a list of extensions it is taken for stock Envoy.
    #[arg(long, value_name = "FILE")]
    node: PathBuf,
    /// DNS domain of the cluster's services.
    #[arg(long, default_value = "cluster.local")]
    domain: String,
    /// Secrets that are not in the folders are missing, as they would be in `heddled`. Else they are taken to exist.
    #[arg(long)]
    strict_secrets: bool,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Format::Yaml)]
    output: Format,
}

/// How to print.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// The keys of what is printed, with their types.
const SECTIONS: [(&str, TypeUrl); 4] = [
    ("clusters", TypeUrl::Cluster),
    ("endpoints", TypeUrl::Endpoint),
    ("listeners", TypeUrl::Listener),
    ("routes", TypeUrl::Route),
];

/// Prints clusters, endpoints, listeners, routes, names of secrets, and the issues found.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let node = fs::read(&args.node).with_context(|| format!("cannot read {}", args.node.display()))?;
    let node: Value = serde_json::from_slice(&node).with_context(|| format!("{} is no JSON", args.node.display()))?;
    let mut proxy = heddle_model::node::proxy(&node)?;
    proxy.verified = true;
    let (snapshot, read) = snapshot(args)?;
    let printed = printed(&snapshot, &proxy, read)?;
    match args.output {
        Format::Json => println!("{}", serde_json::to_string_pretty(&printed)?),
        Format::Yaml => print!("{}", serde_yaml_ng::to_string(&printed)?),
    }
    Ok(())
}

fn printed(snapshot: &Snapshot, proxy: &Proxy, mut issues: Vec<Issue>) -> anyhow::Result<Value> {
    let shared = compile_view(snapshot, &view(snapshot, proxy), TypeSet::ALL, &Memo::default());
    let own = compile_own(snapshot, proxy, TypeSet::ALL);
    let mut printed = Map::new();
    for (name, type_url) in SECTIONS {
        printed.insert(name.into(), Value::Array(resources(&shared, &own, type_url)?));
    }
    let secrets =
        own.layer.get(TypeUrl::Secret).map(|map| map.values().map(|one| Value::from(&**one.name())).collect());
    printed.insert("secrets".into(), Value::Array(secrets.unwrap_or_default()));
    issues.extend(snapshot.issues.iter().cloned());
    issues.extend(shared.issues);
    issues.extend(own.issues);
    issues.sort();
    issues.dedup();
    printed.insert("issues".into(), issues.iter().map(|issue| Value::from(issue.to_string())).collect());
    Ok(Value::Object(printed))
}

fn resources(shared: &Output, own: &Output, type_url: TypeUrl) -> anyhow::Result<Vec<Value>> {
    let layers = [shared, own].into_iter().filter_map(|output| output.layer.get(type_url));
    let all: ResourceMap = layers.flat_map(|map| map.values().cloned()).collect();
    let mut values = Vec::with_capacity(all.len());
    for resource in all.values() {
        let mut value = json::to_json(&resource.to_any())?;
        value.as_object_mut().map(|fields| fields.remove("@type"));
        values.push(value);
    }
    Ok(values)
}

fn snapshot(args: &Args) -> anyhow::Result<(Arc<Snapshot>, Vec<Issue>)> {
    let settings =
        Settings { domain: args.domain.as_str().into(), assume_secrets: !args.strict_secrets, ..Settings::default() };
    let mut store = Store::new(settings);
    let mut issues = Vec::new();
    for folder in &args.config_dir {
        for file in files(folder)? {
            let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let (objects, found) = documents(&bytes);
            issues.extend(found);
            for object in objects {
                issues.extend(store.apply(Event::Apply(SourceId::Files, Box::new(object))));
            }
        }
    }
    Ok((store.commit(), issues))
}

/// The YAML and JSON files below a folder, in order.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
