//! `heddlectl install`: installs a control plane, or updates the installed one.

mod object;
mod problem;
mod workload;

use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::release::{Choices, Plan, path, title};
use crate::server::{ApiServer, Server};
use crate::unsupported;
use object::{Change, Step};

/// Install the control plane, or update the installed one.
///
/// The command uses server-side apply, in the order of the objects' dependencies. It writes only objects that differ: a
/// second run with the same values writes nothing, and says so. The command removes no object. Then it waits until the
/// workloads are ready, and prints what keeps their pods from being ready.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  heddlectl install --dry-run --set profile=demo
  heddlectl install -y --set profile=demo
  heddlectl install -y --revision canary --set profile=minimal
  heddlectl install -y -f values.yaml --set meshConfig.accessLogFile=/dev/stdout")]
pub(crate) struct Args {
    #[command(flatten)]
    choices: Choices,
    #[command(flatten)]
    api_server: ApiServer,
    /// Print what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation.
    #[arg(short = 'y', long = "yes", alias = "skip-confirmation")]
    yes: bool,
    /// Replace objects of another installation, for example of istiod. Their other settings are lost.
    #[arg(long)]
    take_over: bool,
    /// Take over although the cluster has objects of kinds or with fields that Heddle does not support. They will have
    /// no effect.
    #[arg(long, requires = "take_over")]
    ignore_unsupported: bool,
    /// Do not wait until the workloads are ready.
    #[arg(long)]
    no_wait: bool,
    /// Wait at most this long until all workloads are ready, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    readiness_timeout: u64,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let plan = args.choices.plan()?;
    for warning in &plan.warnings {
        // A closed standard error leaves no way to report this warning.
        let _ = writeln!(std::io::stderr(), "heddlectl: {warning}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(install(args, &plan))
}

/// Asks for confirmation, unless `yes` is given.
pub(crate) fn is_agreed(yes: bool, question: &str) -> Result<bool> {
    if yes {
        return Ok(true);
    }
    print!("{question} (y/N) ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

async fn install(args: &Args, plan: &Plan) -> Result<ExitCode> {
    let server = args.api_server.server().await?;
    let version = server.get("/version").await.context("cannot reach the API server")?;
    let version = version.unwrap_or_default()["gitVersion"].as_str().unwrap_or("of an unknown version").to_owned();
    let foreign = foreign(&server, plan).await?;
    ensure!(
        foreign.is_empty() || args.take_over,
        "these objects belong to another installation:\n{}\nIf Helm installed them, run `helm upgrade` with Heddle's \
         charts. To replace them, use --take-over. For details, run `heddlectl check`.",
        foreign.join("\n")
    );
    if args.take_over && !args.ignore_unsupported {
        ensure_supported(&server, plan).await?;
    }
    let mut steps = Vec::new();
    for object in &plan.objects {
        steps.push(Step::plan(&server, object, args.take_over).await?);
    }
    if args.dry_run {
        for step in &steps {
            println!("{} would be {}", title(&step.object), step.change);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let text = summary(&steps);
    let is_same = steps.iter().all(|step| step.change == Change::Unchanged);
    if is_same {
        println!("{text}. Nothing was written.");
    } else {
        println!("{text}.");
        let place = format!("Kubernetes {version}, namespace {}", plan.namespace);
        if !is_agreed(args.yes, &format!("This writes to {place}. Continue?"))? {
            println!("Cancelled. Nothing was changed.");
            return Ok(ExitCode::from(1));
        }
        write(&server, &steps).await?;
    }
    if args.no_wait {
        println!("The command did not wait for the workloads.");
        return Ok(ExitCode::SUCCESS);
    }
    wait(&server, plan, Duration::from_secs(args.readiness_timeout)).await?;
    Ok(ExitCode::SUCCESS)
}

/// `2 objects are to be created, 1 changed, and 40 are unchanged`
fn summary(steps: &[Step]) -> String {
    let count = |change: Change| steps.iter().filter(|step| step.change == change).count();
    let unchanged = count(Change::Unchanged);
    let written: Vec<String> = [Change::Created, Change::Changed, Change::TakenOver]
        .into_iter()
        .map(|change| (count(change), change))
        .filter(|(count, _)| *count > 0)
        .map(|(count, change)| format!("{count} to be {change}"))
        .collect();
    match written.as_slice() {
        [] => format!("All {unchanged} objects are unchanged"),
        _ if unchanged == 0 => format!("Objects: {}", written.join(", ")),
        _ => format!("Objects: {}, {unchanged} unchanged", written.join(", ")),
    }
}

async fn write(server: &Server, steps: &[Step]) -> Result<()> {
    let is_definition = |step: &&Step| step.object["kind"] == "CustomResourceDefinition";
    let (definitions, others): (Vec<&Step>, Vec<&Step>) = steps.iter().partition(is_definition);
    write_all(server, &definitions).await?;
    let definitions: Vec<&Value> = definitions.iter().map(|step| &step.object).collect();
    object::wait_established(server, &definitions).await?;
    write_all(server, &others).await
}

async fn write_all(server: &Server, steps: &[&Step]) -> Result<()> {
    for step in steps.iter().filter(|step| step.change != Change::Unchanged) {
        step.write(server).await.with_context(|| format!("cannot write {}", title(&step.object)))?;
        println!("{} {}", title(&step.object), step.change);
    }
    Ok(())
}

/// Waits until the workloads are ready and the webhooks can be called.
async fn wait(server: &Server, plan: &Plan, limit: Duration) -> Result<()> {
    let is_workload = |object: &&Value| object["kind"] == "Deployment" || object["kind"] == "DaemonSet";
    let workloads: Vec<&Value> = plan.objects.iter().filter(is_workload).collect();
    workload::wait_ready(server, &workloads, limit).await?;
    let is_webhook = |kind: &Value| kind.as_str().is_some_and(|kind| kind.ends_with("WebhookConfiguration"));
    for webhook in plan.objects.iter().filter(|object| is_webhook(&object["kind"])) {
        if let Err(error) = object::wait_trusted(server, webhook).await {
            println!(
                "{error:#}: the API server does not call a webhook without a caBundle. \
                 For details, run `heddlectl check`."
            );
            break;
        }
    }
    Ok(())
}

/// Refuses to take over objects that would lose their effect.
async fn ensure_supported(server: &Server, plan: &Plan) -> Result<()> {
    let found = unsupported::find(server, &plan.namespace, &plan.revision).await;
    let found = found.context("cannot look for objects that Heddle does not support")?;
    let lines: Vec<String> = found.iter().map(|group| format!("  {}: {}", group.kind, group.line())).collect();
    ensure!(
        lines.is_empty(),
        "these objects would have no effect after the takeover:\n{}\nNothing was changed. To take over all the same, \
         use --ignore-unsupported.",
        lines.join("\n")
    );
    Ok(())
}

/// Objects on the cluster that another installation made. Definitions and the namespace are shared.
async fn foreign(server: &Server, plan: &Plan) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for object in &plan.objects {
        if object["kind"] == "CustomResourceDefinition" || object["kind"] == "Namespace" {
            continue;
        }
        let Some(live) = server.get(&path(object)?).await? else { continue };
        if let Some(owner) = owner(&live) {
            out.push(format!("  {} ({owner})", title(object)));
        }
    }
    Ok(out)
}

/// The owner of an object, if another installation made it.
fn owner(live: &Value) -> Option<String> {
    let meta = &live["metadata"];
    if let Some(release) = meta["annotations"]["meta.helm.sh/release-name"].as_str() {
        return Some(format!("owned by the Helm release {release}"));
    }
    (meta["labels"]["app.kubernetes.io/part-of"] != "heddle")
        .then(|| "without the label app.kubernetes.io/part-of=heddle".into())
}
