//! `heddlectl compile`: prints the configuration of one proxy. It runs the code of `heddled`.

mod cluster;
mod node;

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

use crate::server::ApiServer;

/// Print the Envoy configuration that a proxy would get.
///
/// The command reads objects and runs the same compiler as heddled. With --node it reads folders and needs no cluster.
/// With --proxy it reads a cluster, and takes the objects of folders before those of the cluster: so it shows what a
/// change would do. It prints clusters, endpoints, listeners, routes, the names of secrets, and the issues of the
/// objects. It writes nothing to the cluster.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  heddlectl compile --config-dir deploy/samples/bookinfo --node deploy/samples/node.json
  heddlectl compile --config-dir deploy/samples/bookinfo --node deploy/samples/node.json --strict-secrets -o json
  heddlectl compile --proxy productpage-v1-6c9.default
  heddlectl compile --proxy productpage-v1-6c9.default --config-dir deploy/samples/bookinfo")]
pub(crate) struct Args {
    /// Read objects from the YAML and JSON files below this folder. Repeatable.
    #[arg(long, required_unless_present = "proxy", value_name = "DIR")]
    config_dir: Vec<PathBuf>,
    /// Read Envoy's Node from this JSON file. A Node without a list of extensions counts as stock Envoy.
    #[arg(long, required_unless_present = "proxy", conflicts_with = "proxy", value_name = "FILE")]
    node: Option<PathBuf>,
    /// Read the objects from a cluster, and take the proxy of this pod. A pod without a proxy gets the one that the
    /// webhook would inject.
    #[arg(long, value_name = "POD.NAMESPACE")]
    proxy: Option<String>,
    #[command(flatten)]
    api_server: ApiServer,
    /// Set the namespace of the control plane.
    #[arg(short = 'i', long = "istioNamespace", default_value = "istio-system", value_name = "NAME")]
    namespace: String,
    /// Set the revision of the control plane.
    #[arg(long, default_value = "default", value_name = "NAME")]
    revision: String,
    /// Set the DNS domain of the cluster's services.
    #[arg(long, default_value = "cluster.local")]
    domain: String,
    /// Report a Secret that is not in the folders, or in the cluster, as missing, as heddled does. By default every
    /// Secret is assumed to exist, and none is read from the cluster.
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
    let mut store = Store::new(settings(args));
    let mut issues = read_folders(&mut store, &args.config_dir)?;
    let node = match (&args.node, &args.proxy) {
        (Some(path), _) => {
            let node = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            serde_json::from_slice(&node).with_context(|| format!("{} is not valid JSON", path.display()))?
        }
        (None, proxy) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(cluster::read(args, proxy.as_deref().unwrap_or_default(), &mut store, &mut issues))?
        }
    };
    let mut proxy = heddle_model::node::proxy(&node)?;
    proxy.verified = true;
    let printed = printed(&store.commit(), proxy, issues)?;
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

fn settings(args: &Args) -> Settings {
    Settings {
        domain: args.domain.as_str().into(),
        namespace: args.namespace.as_str().into(),
        revision: args.revision.as_str().into(),
        assume_secrets: !args.strict_secrets,
        ..Settings::default()
    }
}

fn read_folders(store: &mut Store, folders: &[PathBuf]) -> anyhow::Result<Vec<Issue>> {
    let mut issues = Vec::new();
    for folder in folders {
        for file in files(folder)? {
            let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let (objects, found) = documents(&bytes);
            issues.extend(found);
            for object in objects {
                issues.extend(store.apply(Event::Apply(SourceId::Files, Box::new(object))));
            }
        }
    }
    Ok(issues)
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
