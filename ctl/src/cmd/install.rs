//! `heddlectl install`: puts a control plane onto a cluster, or changes the one that is there.

mod step;

use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::release::{Choices, Plan, path, title};
use crate::server::{ApiServer, Server};

/// Puts a control plane onto a cluster, or changes the one that is there: server-side, in the order in which one object
/// wants another, again and again with the same end. Nothing is removed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    choices: Choices,
    #[command(flatten)]
    api_server: ApiServer,
    /// Says what would be done, and does not do it.
    #[arg(long)]
    dry_run: bool,
    /// Does it without asking.
    #[arg(short = 'y', long = "yes", alias = "skip-confirmation")]
    yes: bool,
    /// Takes over objects that another installation made, istiod's for one. What they say beyond ours is dropped.
    #[arg(long)]
    take_over: bool,
    /// Ends once all is written, whether or not it runs.
    #[arg(long)]
    no_wait: bool,
    /// How long it may take until it runs, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    readiness_timeout: u64,
}

/// Does it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let plan = args.choices.plan()?;
    for warning in &plan.warnings {
        // Nothing is left to be done if standard error is closed.
        let _ = writeln!(std::io::stderr(), "heddlectl: {warning}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(install(args, &plan))
}

/// Asks, unless the answer was given already.
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
    let version = server.get("/version").await.context("the API server cannot be asked")?;
    let version = version.unwrap_or_default()["gitVersion"].as_str().unwrap_or("of no version").to_owned();
    let foreign = foreign(&server, plan).await?;
    ensure!(
        foreign.is_empty() || args.take_over,
        "these objects belong to another installation:\n{}\nWhere Helm made them, `helm upgrade` with Heddle's charts keeps \
         Helm's record; --take-over takes them from it. heddlectl check says more.",
        foreign.join("\n")
    );
    if args.dry_run {
        for object in &plan.objects {
            println!("{} would be {}", title(object), step::foresee(&server, object).await?);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let count = plan.objects.len();
    if !is_agreed(
        args.yes,
        &format!("{count} objects are written to a Kubernetes {version}, namespace {}.", plan.namespace),
    )? {
        println!("Nothing was done.");
        return Ok(ExitCode::from(1));
    }
    write(&server, plan, args.take_over).await?;
    if args.no_wait {
        println!("Written. Whether it runs was not waited for.");
        return Ok(ExitCode::SUCCESS);
    }
    for object in plan.objects.iter().filter(|object| object["kind"] == "Deployment" || object["kind"] == "DaemonSet") {
        step::wait_ready(&server, object, Duration::from_secs(args.readiness_timeout)).await?;
        println!("{} is ready", title(object));
    }
    let is_webhook = |kind: &Value| kind.as_str().is_some_and(|kind| kind.ends_with("WebhookConfiguration"));
    for object in plan.objects.iter().filter(|object| is_webhook(&object["kind"])) {
        if let Err(error) = step::wait_trusted(&server, object).await {
            println!("{error:#}: without a caBundle it is not called; heddlectl check says more");
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn write(server: &Server, plan: &Plan, take_over: bool) -> Result<()> {
    let mut definitions = Vec::new();
    let mut waited = false;
    for object in &plan.objects {
        let is_definition = object["kind"] == "CustomResourceDefinition";
        if !is_definition && !std::mem::replace(&mut waited, true) {
            step::wait_established(server, &definitions).await?;
        }
        println!("{} {}", title(object), step::write(server, object, take_over).await?);
        if is_definition {
            definitions.push(object);
        }
    }
    Ok(())
}

/// Objects that are there and that neither we nor our charts made. Definitions and the namespace are everybody's.
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

/// Who made an object, if it was not us.
fn owner(live: &Value) -> Option<String> {
    let meta = &live["metadata"];
    if let Some(release) = meta["annotations"]["meta.helm.sh/release-name"].as_str() {
        return Some(format!("of the Helm release {release}"));
    }
    (meta["labels"]["app.kubernetes.io/part-of"] != "heddle")
        .then(|| "not labelled app.kubernetes.io/part-of=heddle".into())
}
