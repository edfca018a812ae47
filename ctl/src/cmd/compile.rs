//! `heddlectl compile`: prints the configuration of one proxy, without a cluster. It runs the code of `heddled`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use heddle_compile::Compiler;
use heddle_model::{issue::Issue, proxy::Proxy, snapshot::Snapshot};
use heddle_store::{Bindings, Event, NO_WORKLOADS, Settings, SourceId, Store, documents};
use heddle_xds_api::{ResourceSet, TypeUrl, json};
use serde_json::{Map, Value};

/// Print the Envoy configuration that a proxy would get.
///
/// The command reads objects from folders and runs the same compiler as heddled. It needs no cluster. It prints
/// clusters, endpoints, listeners, routes, the names of secrets, and the issues of the objects.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  heddlectl compile --config-dir deploy/samples/bookinfo --node deploy/samples/node.json
  heddlectl compile --config-dir deploy/samples/bookinfo --node deploy/samples/node.json --strict-secrets -o json")]
pub(crate) struct Args {
    /// Read objects from the YAML and JSON files below this folder. Repeatable.
    #[arg(long, required = true, value_name = "DIR")]
    config_dir: Vec<PathBuf>,
    /// Read Envoy's Node from this JSON file. A Node without a list of extensions counts as stock Envoy.
    #[arg(long, value_name = "FILE")]
    node: PathBuf,
    /// Set the DNS domain of the cluster's services.
    #[arg(long, default_value = "cluster.local")]
    domain: String,
    /// Report a Secret that is not in the folders as missing, as heddled does. By default every Secret is assumed to
    /// exist.
    #[arg(long)]
    strict_secrets: bool,
    /// Set the output format.
    #[arg(short, long, value_enum, default_value_t = Format::Yaml)]
    output: Format,
}

/// The output format.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// One JSON object.
    Json,
    /// One YAML document.
    Yaml,
}

/// The keys of the output, with their types.
const SECTIONS: [(&str, TypeUrl); 4] = [
    ("clusters", TypeUrl::Cluster),
    ("endpoints", TypeUrl::Endpoint),
    ("listeners", TypeUrl::Listener),
    ("routes", TypeUrl::Route),
];

/// Prints clusters, endpoints, listeners, routes, names of secrets, and the issues found.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let node = fs::read(&args.node).with_context(|| format!("cannot read {}", args.node.display()))?;
    let node: Value =
        serde_json::from_slice(&node).with_context(|| format!("{} is not valid JSON", args.node.display()))?;
    let mut proxy = heddle_model::node::proxy(&node)?;
    proxy.verified = true;
    let (snapshot, read) = snapshot(args)?;
    let printed = printed(&snapshot, proxy, read)?;
    match args.output {
        Format::Json => println!("{}", serde_json::to_string_pretty(&printed)?),
        Format::Yaml => print!("{}", heddle_yaml::write(&printed)),
    }
    Ok(())
}

fn printed(snapshot: &Arc<Snapshot>, proxy: Proxy, mut issues: Vec<Issue>) -> anyhow::Result<Value> {
    let compiler = Compiler::default();
    let mut session = compiler.open(&Arc::new(proxy));
    let set = compiler.update(&mut session, snapshot);
    let mut printed = Map::new();
    for (name, type_url) in SECTIONS {
        printed.insert(name.into(), Value::Array(resources(&set, type_url)?));
    }
    let secrets = set.typed(TypeUrl::Secret).iter().map(|one| Value::from(&**one.name())).collect();
    printed.insert("secrets".into(), Value::Array(secrets));
    issues.extend(snapshot.issues.iter().cloned());
    let of_compile = compiler.issues();
    // Without any workload in the folders, nothing is known of what a selector selects.
    let is_known = |issue: &&Issue| issue.reason != NO_WORKLOADS || snapshot.workloads.iter().next().is_some();
    issues.extend(Bindings::of(snapshot).beside(&of_compile).filter(is_known).cloned());
    issues.extend(of_compile);
    issues.sort();
    issues.dedup();
    printed.insert("issues".into(), issues.iter().map(|issue| Value::from(issue.to_string())).collect());
    Ok(Value::Object(printed))
}

fn resources(set: &ResourceSet, type_url: TypeUrl) -> anyhow::Result<Vec<Value>> {
    let mut values = Vec::new();
    for resource in set.typed(type_url).iter() {
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
