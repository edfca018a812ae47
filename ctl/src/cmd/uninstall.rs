//! `heddlectl uninstall`: removes what `heddlectl install` made, and says what it leaves.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::install::is_agreed;
use crate::chart::{BASE, Release, SERVICE};
use crate::release::{API_RESOURCES, path, title};
use crate::server::{Place, Server};

/// How the names of the control plane's leases begin; a revision may follow.
const LEASES: [&str; 2] = ["heddle-leader", "heddle-status-leader"];

/// Removes what `install` and `manifest generate` made, by their labels. Definitions with the objects of users, the
/// authority's key and the namespace stay, and are named.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// Only this revision's control plane; `default` is that without a name.
    #[arg(long, value_name = "NAME")]
    revision: Option<String>,
    /// Removes also the definitions, and with them every object of theirs, and the authority's key, and the roots.
    #[arg(long, conflicts_with = "revision")]
    purge: bool,
    /// Says what would be removed, and does not remove it.
    #[arg(long)]
    dry_run: bool,
    /// Does it without asking.
    #[arg(short = 'y', long = "yes", alias = "skip-confirmation")]
    yes: bool,
    /// Namespace of the control plane.
    #[arg(short = 'i', long = "istioNamespace", default_value = "istio-system", value_name = "NAME")]
    namespace: String,
}

/// Does it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(uninstall(args))
}

async fn uninstall(args: &Args) -> Result<ExitCode> {
    let server = args.place.server().await?;
    let mut going = ours(&server, args.revision.as_deref()).await?;
    let staying = kept(&server, &args.namespace).await?;
    if args.purge {
        let beside = server.list("/apis/apps/v1/deployments?labelSelector=app%3Distiod").await?;
        let others = beside.iter().filter(|plane| !going.iter().any(|ours| path(ours).ok() == path(plane).ok()));
        let others: Vec<String> = others.map(title).collect();
        ensure!(others.is_empty(), "{} would lose its definitions and its root; remove it first", others.join(", "));
        going.extend(staying.iter().map(|kept| kept.object.clone()));
    }
    for object in going.iter().filter(|_| args.dry_run) {
        println!("{} would be removed", title(object));
    }
    if going.is_empty() {
        println!("Nothing of Heddle's was found.");
    } else if !args.dry_run {
        if !is_agreed(args.yes, &format!("{} objects are removed.", going.len()))? {
            println!("Nothing was done.");
            return Ok(ExitCode::from(1));
        }
        for object in &going {
            let done = server.delete(&place(object)?).await?;
            println!("{} {}", title(object), if done { "removed" } else { "was gone" });
        }
    }
    for kept in staying.iter().filter(|_| !args.purge) {
        println!("{} stays: {}", title(&kept.object), kept.why);
    }
    println!(
        "Namespace {} stays, and pods that were injected keep their proxy until they are made anew.",
        args.namespace
    );
    Ok(ExitCode::SUCCESS)
}

/// What our charts made without Helm; webhooks first, as nobody would answer them, and the rest in the reverse order.
async fn ours(server: &Server, revision: Option<&str>) -> Result<Vec<Value>> {
    let revision = revision.map(|revision| format!(",istio.io/rev={revision}")).unwrap_or_default();
    let labels = format!("app.kubernetes.io/part-of=heddle,app.kubernetes.io/managed-by={SERVICE}{revision}");
    let labels = labels.replace('=', "%3D").replace(',', "%2C");
    let mut out = Vec::new();
    for kind in API_RESOURCES.iter().rev() {
        out.extend(server.list(&format!("{}?labelSelector={labels}", kind.all())).await?);
    }
    let is_called = |object: &Value| object["kind"].as_str().is_some_and(|kind| kind.ends_with("WebhookConfiguration"));
    out.sort_by_key(|object| !is_called(object));
    Ok(out)
}

/// Something that an installation leaves behind.
struct Kept {
    object: Value,
    why: String,
}

async fn kept(server: &Server, namespace: &str) -> Result<Vec<Kept>> {
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
        out.push(Kept { object: live, why: format!("with {count} objects of users") });
    }
    let secret = format!("/api/v1/namespaces/{namespace}/secrets/istio-ca-secret");
    if let Some(object) = server.get(&secret).await? {
        out.push(Kept { object, why: "workloads trust its root".to_owned() });
    }
    let roots = "/api/v1/configmaps?fieldSelector=metadata.name%3Distio-ca-root-cert";
    for object in server.list(roots).await? {
        out.push(Kept { object, why: "workloads read the root from it".to_owned() });
    }
    for object in server.list(&format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases")).await? {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if LEASES.iter().any(|lease| name.starts_with(lease)) {
            out.push(Kept { object, why: "it names who led, and expires".to_owned() });
        }
    }
    Ok(out)
}

/// The path of an object that need not be of an installation's kinds.
fn place(object: &Value) -> Result<String> {
    let [namespace, name] = ["namespace", "name"].map(|key| object["metadata"][key].as_str().unwrap_or_default());
    match object["kind"].as_str() {
        Some("Secret") => Ok(format!("/api/v1/namespaces/{namespace}/secrets/{name}")),
        Some("Lease") => Ok(format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}")),
        _ => path(object),
    }
}
