//! Counts what `heddlectl analyze` finds.

use anyhow::Result;
use heddle_analyze::{Level, World, analyze, analyzers};

use super::Report;
use crate::cmd::analyze::{cluster, file};
use crate::server::Server;

/// Counts the findings of all namespaces.
pub(super) async fn analysis(server: &Server, namespace: &str, report: &mut Report) -> Result<()> {
    let cluster = cluster::read(server, namespace, "default").await?;
    let mut world = World::default().with(cluster.mesh.clone(), cluster.networks.clone(), file::now());
    cluster.add_to(&mut world);
    let is_hidden = |kind: &&str| cluster.hidden.contains_key(kind);
    let able: Vec<_> =
        analyzers().into_iter().filter(|one| one.is_default && !one.inputs.iter().any(is_hidden)).collect();
    let findings = analyze(&world, &able);
    let count = |level| findings.iter().filter(|finding| finding.message.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    if errors + warnings == 0 {
        report.ok("analysis", "no errors and no warnings");
    } else {
        let list = "list them with heddlectl analyze --use-kube --all-namespaces";
        report.warn("analysis", format!("{errors} errors and {warnings} warnings; {list}"));
    }
    Ok(())
}
