//! `heddlectl analyze`: finds what is wrong between objects.

pub(in crate::cmd) mod cluster;
pub(in crate::cmd) mod file;
mod output;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use heddle_analyze::{Analyzer, Finding, Identity, Level, Suppression, World, analyze, analyzers};
use heddle_store::{NO_WORKLOADS, Settings, Store};

use crate::issues::issues;
use crate::server::ApiServer;
use cluster::Cluster;
use file::Place;

/// Analyze objects of files or of a cluster, and print what is wrong between them.
///
/// The command finds references to nothing, objects that conflict, and settings without effect. The codes are those of
/// Istio's analyzers, and the reason words of heddled for what Istio has no code for; docs/reference/analyze.md
/// describes each. It analyzes the cluster, unless files are named. It
/// exits with code 1 if a finding has the level of --failure-threshold or a higher one, and with code 2 if it cannot
/// read an object.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  heddlectl analyze deploy/samples/bookinfo
  heddlectl analyze -f deploy/samples/bookinfo --output json
  heddlectl analyze deploy/samples/bookinfo --only virtualservice.DestinationHostAnalyzer
  heddlectl analyze deploy/samples/bookinfo --suppress 'IST0102=Namespace *' --failure-threshold Warning
  heddlectl analyze --list-analyzers
  heddlectl analyze --use-kube --all-namespaces
  heddlectl analyze --use-kube --remote-contexts east,west
  heddlectl analyze --use-kube deploy/samples/bookinfo")]
pub(crate) struct Args {
    /// Read a file, all YAML and JSON files below a folder, or standard input (`-`).
    #[arg(value_name = "FILE|DIR|-")]
    inputs: Vec<PathBuf>,
    /// Read a file, a folder or standard input, as the arguments do. Repeatable.
    #[arg(short, long = "filename", value_name = "FILE|DIR|-")]
    filenames: Vec<PathBuf>,
    /// Analyze the cluster too. Objects of files replace objects of the cluster. The default is true if no file is
    /// named.
    #[arg(short = 'k', long, value_name = "BOOL", num_args = 0..=1)]
    #[arg(require_equals = true, default_missing_value = "true")]
    use_kube: Option<bool>,
    #[command(flatten)]
    api_server: ApiServer,
    /// Compare the Services with those of other clusters: contexts of the kubeconfig, separated by commas.
    #[arg(long, value_name = "CONTEXT", value_delimiter = ',')]
    remote_contexts: Vec<String>,
    /// Show findings of this namespace only, and take it for the namespace of objects that name none. The default is
    /// all namespaces for files, and the namespace of the kubeconfig's context for a cluster.
    #[arg(short, long, value_name = "NAME", conflicts_with = "all_namespaces")]
    namespace: Option<String>,
    /// Show findings of all namespaces.
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Set the namespace of the control plane.
    #[arg(short = 'i', long = "istioNamespace", default_value = "istio-system", value_name = "NAME")]
    istio_namespace: String,
    /// Leave out objects of other revisions: those whose label istio.io/rev names another one. The default for a
    /// cluster is `default`.
    #[arg(long, value_name = "NAME")]
    revision: Option<String>,
    /// Read the mesh config from this YAML file instead of the cluster.
    #[arg(long, alias = "meshConfigFile", value_name = "FILE")]
    mesh_config: Option<PathBuf>,
    /// Read the mesh networks from this YAML file instead of the cluster.
    #[arg(long, alias = "meshNetworksFile", value_name = "FILE")]
    mesh_networks: Option<PathBuf>,
    /// Set the DNS domain of the cluster's services.
    #[arg(long, default_value = "cluster.local", value_name = "DOMAIN")]
    domain: String,
    /// Run this analyzer only. Repeatable.
    #[arg(long, value_name = "ANALYZER")]
    only: Vec<String>,
    /// List the analyzers and exit.
    #[arg(short = 'L', long)]
    list_analyzers: bool,
    /// Leave out a code for some objects, for example `IST0103=Pod *.testing`. Repeatable.
    #[arg(short = 'S', long, value_name = "CODE=KIND NAME", value_parser = Suppression::parse)]
    suppress: Vec<Suppression>,
    /// Exit with code 1 if a finding has this level or a higher one: Info, Warning or Error.
    #[arg(long, default_value = "Error", value_name = "LEVEL")]
    failure_threshold: Level,
    /// Print findings of this level and higher ones only: Info, Warning or Error.
    #[arg(long, default_value = "Info", value_name = "LEVEL")]
    output_threshold: Level,
    /// Do not fail because of documents that cannot be read.
    #[arg(long)]
    ignore_unknown: bool,
    /// Read the subfolders of a folder. They are always read; istioctl needs the option.
    #[arg(short = 'R', long, hide = true)]
    recursive: bool,
    /// Set the output format.
    #[arg(short, long, value_enum, default_value_t = Format::Log)]
    output: Format,
}

/// The output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One line for each finding, as istioctl prints it.
    Log,
    /// One JSON list of all findings.
    Json,
    /// The same as YAML.
    Yaml,
    /// A table.
    Table,
}

/// Reasons of issues that depend on pods. Files seldom hold those.
const OF_PODS: [&str; 2] = [NO_WORKLOADS, "EmptySubset"];

/// What is analyzed.
struct Inputs {
    world: World,
    /// The same objects, as heddled reads them.
    store: Store,
    /// Where the objects of files are written.
    places: BTreeMap<Arc<Identity>, Place>,
    /// What could not be read.
    faults: Vec<String>,
    /// Kinds that the cluster does not let us list, with the reasons.
    hidden: BTreeMap<&'static str, String>,
    /// The namespace of the kubeconfig's context, if the cluster is analyzed.
    namespace: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let chosen = chosen(&args.only)?;
    if args.list_analyzers {
        output::list(&chosen);
        return Ok(ExitCode::SUCCESS);
    }
    let inputs = inputs(args)?;
    let (able, unable): (Vec<_>, Vec<_>) =
        chosen.into_iter().partition(|analyzer| !analyzer.inputs.iter().any(|kind| inputs.hidden.contains_key(kind)));
    tell_hidden(&inputs, &unable)?;
    let mut findings = analyze(&inputs.world, &able);
    findings.retain(|finding| is_wanted(args, &inputs, finding));
    let is_failure = findings.iter().any(|finding| finding.message.level >= args.failure_threshold);
    findings.retain(|finding| finding.message.level >= args.output_threshold);
    output::print(args.output, &findings, &file::references(&findings, &inputs.places))?;
    for fault in &inputs.faults {
        writeln!(std::io::stderr(), "heddlectl: {fault}")?;
    }
    Ok(match (is_failure, inputs.faults.is_empty() || args.ignore_unknown) {
        (true, _) => ExitCode::FAILURE,
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::from(2),
    })
}

/// The analyzers of these names, or else those that run by default.
fn chosen(only: &[String]) -> Result<Vec<Analyzer>> {
    let all = analyzers();
    let names = || only.iter().flat_map(|names| names.split(','));
    for name in names() {
        if !all.iter().any(|analyzer| analyzer.name == name) {
            bail!("there is no analyzer {name:?}; see heddlectl analyze --list-analyzers");
        }
    }
    let is_chosen = |analyzer: &Analyzer| match only {
        [] => analyzer.is_default,
        _ => names().any(|name| name == analyzer.name),
    };
    Ok(all.into_iter().filter(is_chosen).collect())
}

fn inputs(args: &Args) -> Result<Inputs> {
    let names: Vec<&PathBuf> = args.inputs.iter().chain(&args.filenames).collect();
    let from_cluster = args.use_kube.unwrap_or(names.is_empty());
    if !from_cluster && names.is_empty() {
        bail!("nothing to analyze: name a file or a folder, or leave out --use-kube=false");
    }
    let cluster = if from_cluster { Some(cluster(args)?) } else { None };
    let (cluster, context) = cluster.unzip();
    let mut store = Store::new(settings(args, cluster.as_ref()));
    let mesh = match &args.mesh_config {
        Some(path) => file::mesh_config(path, &mut store)?,
        None => cluster.as_ref().map(|cluster| cluster.mesh.clone()).unwrap_or_default(),
    };
    let networks = match &args.mesh_networks {
        Some(path) => file::mesh_networks(path)?,
        None => cluster.as_ref().map(|cluster| cluster.networks.clone()).unwrap_or_default(),
    };
    let mut world = World::default().with(mesh, networks, file::now()).with_domain(&args.domain);
    match &cluster {
        Some(cluster) => {
            cluster.add_to(&mut world, &mut store);
            add_remote(args, &mut world)?;
        }
        None => world.assume_ingress_gateway(&args.istio_namespace),
    }
    let hidden = cluster.map(|cluster| cluster.hidden).unwrap_or_default();
    let mut inputs = Inputs { world, store, places: BTreeMap::new(), faults: Vec::new(), hidden, namespace: context };
    let namespace = args.namespace.clone().or_else(|| inputs.namespace.clone());
    let namespace = namespace.as_deref().unwrap_or("default");
    for name in names {
        file::add(name, namespace, args.revision.as_deref(), &mut inputs)?;
    }
    let mut issues = issues(&mut inputs.store);
    if !from_cluster {
        issues.retain(|issue| !OF_PODS.contains(&issue.reason));
    }
    inputs.world = inputs.world.with_issues(issues);
    Ok(inputs)
}

/// Adds the Services of other clusters.
fn add_remote(args: &Args, world: &mut World) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for context in &args.remote_contexts {
        let read = async { args.api_server.of_context(context).server().await?.list("/api/v1/services").await };
        let services =
            runtime.block_on(read).with_context(|| format!("cannot read the cluster of context {context}"))?;
        for service in services {
            world.add_remote(context, &service);
        }
    }
    Ok(())
}

/// The settings of heddled that the objects are read with. A Secret that nobody may list counts as one that exists.
fn settings(args: &Args, cluster: Option<&Cluster>) -> Settings {
    Settings {
        domain: args.domain.as_str().into(),
        namespace: args.istio_namespace.as_str().into(),
        revision: args.revision.as_deref().unwrap_or("default").into(),
        assume_secrets: cluster.is_none_or(|cluster| cluster.hidden.contains_key("Secret")),
        ..Settings::default()
    }
}

/// Reads the cluster, and which namespace of it is meant.
fn cluster(args: &Args) -> Result<(Cluster, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let server = args.api_server.server().await?;
        let revision = args.revision.as_deref().unwrap_or("default");
        let cluster = cluster::read(&server, &args.istio_namespace, revision).await?;
        Ok((cluster, server.namespace().to_owned()))
    })
}

/// Whether a finding is in a namespace that was asked for, and not suppressed.
fn is_wanted(args: &Args, inputs: &Inputs, finding: &Finding) -> bool {
    let asked = args.namespace.as_ref().or(inputs.namespace.as_ref()).filter(|_| !args.all_namespaces);
    let object = &finding.object;
    let namespace = if object.kind == "Namespace" { &object.name } else { &object.namespace };
    let is_near = namespace.is_empty() || asked.is_none_or(|asked| asked == namespace);
    is_near && !args.suppress.iter().any(|suppression| suppression.covers(finding))
}

/// An analyzer that does not see everything would find what is not so.
fn tell_hidden(inputs: &Inputs, unable: &[Analyzer]) -> Result<()> {
    for (kind, reason) in &inputs.hidden {
        let names = unable.iter().filter(|analyzer| analyzer.inputs.contains(kind)).map(|one| one.name.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        if !names.is_empty() {
            writeln!(std::io::stderr(), "heddlectl: skipped {names}: cannot list {kind}: {reason}")?;
        }
    }
    Ok(())
}

/// Reads one YAML document of a file.
fn document(path: &std::path::Path) -> Result<serde_json::Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let read = heddle_yaml::value(&text, heddle_yaml::Schema::Yaml11, &heddle_yaml::Budget::FILE);
    read.map_err(|error| anyhow!("{}: {error}", path.display()))
}
