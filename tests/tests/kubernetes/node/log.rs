//! The log of an installed `heddled`, as an operator reads it and changes its levels.

use std::path::Path;

use anyhow::{Result, ensure};
use heddle_tests::cluster::node::Node;
use heddle_tests::pods::{SOON, kubectl};
use heddle_tests::process::eventually;
use heddle_tests::product;

/// Reads `kubectl logs`, and changes a level of the pods through the API server.
pub(super) async fn is_read_and_changed(node: &Node) -> Result<String> {
    let said = log(node)?;
    for part in ["listening port=\"secure-grpc\"", "the root certificate is that of Secret", "listed kind=\"Pod\""] {
        ensure!(said.contains(part), "{part:?} is not in the log:\n{said}");
    }
    ensure!(!said.contains("DEBUG"), "debug events are in the log:\n{said}");
    let table = admin(node, &["--level", "ads:debug"])?;
    ensure!(table.contains("ads        debug"), "{table}");
    // Each push is an event now, and a Service that appears is pushed to all.
    kubectl(node, &["create", "service", "clusterip", "loud", "--tcp=80", "-n", "default"], "")?;
    eventually("a push in the log", SOON, async || log(node).is_ok_and(|log| log.contains(": pushed"))).await?;
    kubectl(node, &["delete", "service", "loud", "-n", "default"], "")?;
    let table = admin(node, &["--reset"])?;
    ensure!(!table.contains("debug"), "{table}");
    follow(node)?;
    Ok("kubectl logs shows the start, and pushes after `heddlectl admin log --level ads:debug`".to_owned())
}

/// Runs the commands of docs/day-two.md that need an installed `heddled`.
fn follow(node: &Node) -> Result<()> {
    let page = std::fs::read_to_string(product::root()?.join("docs/day-two.md"))?;
    let fences = page.split("```sh node\n").skip(1).filter_map(|part| part.split("```").next());
    let commands: Vec<&str> = fences.flat_map(str::lines).collect();
    ensure!(commands.len() > 4, "only {commands:?}");
    let folder = product::binary("heddlectl")?;
    let folder = folder.parent().unwrap_or(Path::new(".")).display();
    for command in commands {
        let script = format!("PATH={folder}:$PATH; {command}");
        let out = node.cluster.command("bash").args(["-euo", "pipefail", "-c", &script]).output()?;
        ensure!(out.status.success() && !out.stdout.is_empty(), "{command}: {}", String::from_utf8_lossy(&out.stderr));
    }
    Ok(())
}

fn log(node: &Node) -> Result<String> {
    kubectl(node, &["logs", "-n", "istio-system", "-l", "app=istiod", "--tail=-1"], "")
}

fn admin(node: &Node, arguments: &[&str]) -> Result<String> {
    let mut command = node.cluster.command(product::binary("heddlectl")?);
    let out = command.args(["admin", "log"]).args(arguments).output()?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Ok(String::from_utf8(out.stdout)?)
}
