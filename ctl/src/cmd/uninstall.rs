//! `heddlectl uninstall`: removes what `heddlectl install` created, and lists what stays.

mod helm;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::install::is_agreed;
use crate::chart::{BASE, Release, SERVICE};
use crate::release::{API_RESOURCES, path, title};
use crate::server::{ApiServer, Server};

/// The prefixes of the control plane's Lease names. A revision may follow.
const LEASES: [&str; 2] = ["heddle-leader", "heddle-status-leader"];

/// Remove the control plane, and list what stays.
///
/// The command removes the objects of `install` and `manifest generate`, by their labels. The custom resource
/// definitions, the objects of users, the root certificate with its key, the Leases and the namespace stay. Objects
/// that Helm installed stay too; the command prints the `helm uninstall` that removes them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  heddlectl uninstall --dry-run
  heddlectl uninstall -y --revision canary
  heddlectl uninstall -y --purge")]
pub(crate) struct Args {
    #[command(flatten)]
    api_server: ApiServer,
    /// Remove only the control plane of this revision. The revision without a name is `default`.
    #[arg(long, value_name = "NAME")]
    revision: Option<String>,
    /// Also remove the custom resource definitions with all their objects, the root certificate with its key, and the
    /// Leases.
    #[arg(long, conflicts_with = "revision")]
    purge: bool,
    /// Print what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation.
    #[arg(short = 'y', long = "yes", alias = "skip-confirmation")]
    yes: bool,
    /// Set the namespace of the control plane.
    #[arg(short = 'i', long = "istioNamespace", default_value = "istio-system", value_name = "NAME")]
    namespace: String,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(uninstall(args))
}

async fn uninstall(args: &Args) -> Result<ExitCode> {
    let server = args.api_server.server().await?;
    let (mut going, of_helm) = ours(&server, args.revision.as_deref()).await?;
    let helm = helm::commands(&of_helm);
    let staying = kept(&server, &args.namespace).await?;
    if args.purge {
        let beside = server.list("/apis/apps/v1/deployments?labelSelector=app%3Distiod").await?;
        let others = beside.iter().filter(|plane| !going.iter().any(|ours| path(ours).ok() == path(plane).ok()));
        let others: Vec<String> = others.map(title).collect();
        ensure!(
            others.is_empty(),
            "{} still needs the definitions and the root certificate; remove this control plane first{}",
            others.join(", "),
            if helm.is_empty() { String::new() } else { format!(": {}", helm.join("; ")) }
        );
        going.extend(staying.iter().map(|kept| kept.object.clone()));
    }
    for object in going.iter().filter(|_| args.dry_run) {
        println!("{} would be removed", title(object));
    }
    if going.is_empty() {
        println!("No object was found that heddlectl or a manifest installed.");
    } else if !args.dry_run {
        if !is_agreed(args.yes, &format!("This removes {} objects. Continue?", going.len()))? {
            println!("Cancelled. Nothing was changed.");
            return Ok(ExitCode::from(1));
        }
        for object in &going {
            let done = server.delete(&place(object)?).await?;
            println!("{} {}", title(object), if done { "removed" } else { "was deleted already" });
        }
    }
    for kept in staying.iter().filter(|_| !args.purge) {
        println!("{} stays: {}", title(&kept.object), kept.why);
    }
    println!("Namespace {} stays. Injected pods keep their proxy until they are recreated.", args.namespace);
    if helm.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("Helm installed {} objects of Heddle, which stay. To remove them, run:", of_helm.len());
    for command in &helm {
        println!("  {command}");
    }
    // Nothing was removed, although something is installed.
    Ok(ExitCode::from(u8::from(going.is_empty())))
}

/// The objects that our charts created: those without Helm, and those with it. Webhooks come first, because no server
/// answers them any more. The others follow in reverse order of installation.
async fn ours(server: &Server, revision: Option<&str>) -> Result<(Vec<Value>, Vec<Value>)> {
    let revision = revision.map(|revision| format!(",istio.io/rev={revision}")).unwrap_or_default();
    let labels = format!("app.kubernetes.io/part-of=heddle,app.kubernetes.io/managed-by in (Helm,{SERVICE}){revision}");
    let labels = labels.replace('=', "%3D").replace(',', "%2C").replace(' ', "%20");
    let mut out = Vec::new();
    for kind in API_RESOURCES.iter().rev() {
        out.extend(server.list(&format!("{}?labelSelector={labels}", kind.all())).await?);
    }
    let is_called = |object: &Value| object["kind"].as_str().is_some_and(|kind| kind.ends_with("WebhookConfiguration"));
    out.sort_by_key(|object| !is_called(object));
    Ok(out.into_iter().partition(|object| object["metadata"]["labels"]["app.kubernetes.io/managed-by"] == SERVICE))
}

/// An object that stays after the removal.
struct RemainingObject {
    object: Value,
    why: String,
}

async fn kept(server: &Server, namespace: &str) -> Result<Vec<RemainingObject>> {
    let mut out = Vec::new();
    let release = Release { name: "istio-base", namespace };
    for object in BASE.render(release, &Value::Object(serde_json::Map::new()))?.objects {
        if object["kind"] != "CustomResourceDefinition" {
            continue;
        }
        let Some(live) = server.get(&path(&object)?).await? else { continue };
        let spec = &live["spec"];
        let [group, plural] = [&spec["group"], &spec["names"]["plural"]].map(|text| text.as_str().unwrap_or_default());
        let count = server.list(&format!("/apis/{group}/v1/{plural}")).await?.len();
        out.push(RemainingObject { object: live, why: format!("it has {count} objects of users") });
    }
    let secret = format!("/api/v1/namespaces/{namespace}/secrets/istio-ca-secret");
    if let Some(object) = server.get(&secret).await? {
        out.push(RemainingObject { object, why: "workloads trust its root certificate".to_owned() });
    }
    let roots = "/api/v1/configmaps?fieldSelector=metadata.name%3Distio-ca-root-cert";
    for object in server.list(roots).await? {
        out.push(RemainingObject { object, why: "workloads read the root certificate from it".to_owned() });
    }
    for object in server.list(&format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases")).await? {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if LEASES.iter().any(|lease| name.starts_with(lease)) {
            out.push(RemainingObject { object, why: "it expires by itself".to_owned() });
        }
    }
    Ok(out)
}

/// The path of an object, also of kinds that no chart creates.
fn place(object: &Value) -> Result<String> {
    let [namespace, name] = ["namespace", "name"].map(|key| object["metadata"][key].as_str().unwrap_or_default());
    match object["kind"].as_str() {
        Some("Secret") => Ok(format!("/api/v1/namespaces/{namespace}/secrets/{name}")),
        Some("Lease") => Ok(format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}")),
        _ => path(object),
    }
}
