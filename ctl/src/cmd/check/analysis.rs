//! Shows what `heddlectl analyze` finds, a line for each code.

use std::collections::BTreeMap;

use anyhow::Result;
use heddle_analyze::{Finding, Level, World, analyze, analyzers};
use heddle_store::{Settings, Store};

use super::Report;
use crate::cmd::analyze::{cluster, file};
use crate::issues::issues;
use crate::server::Server;
use crate::unsupported::NOT_SUPPORTED;

/// The most objects of a code that are named.
const MAX_NAMED: usize = 5;

/// Reports the errors and warnings of all namespaces. Objects without effect have lines of their own.
pub(super) async fn analysis(server: &Server, namespace: &str, report: &mut Report) -> Result<()> {
    let cluster = cluster::read(server, namespace, "default").await?;
    let assume_secrets = cluster.hidden.contains_key("Secret");
    let settings = Settings { namespace: namespace.into(), assume_secrets, ..Settings::default() };
    let (mut world, mut store) = (World::default(), Store::new(settings));
    cluster.add_to(&mut world, &mut store);
    let world = world.with(cluster.mesh, cluster.networks, file::now()).with_issues(issues(&mut store));
    let is_hidden = |kind: &&str| cluster.hidden.contains_key(kind);
    let able: Vec<_> =
        analyzers().into_iter().filter(|one| one.is_default && !one.inputs.iter().any(is_hidden)).collect();
    let findings = analyze(&world, &able);
    let mut by_code: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    let is_shown = |one: &&Finding| one.message.level > Level::Info && one.message.code != NOT_SUPPORTED;
    for finding in findings.iter().filter(is_shown) {
        by_code.entry(finding.message.code).or_default().push(finding);
    }
    if by_code.is_empty() {
        report.ok("analysis", "no errors and no warnings");
    }
    for (code, findings) in by_code {
        report.warn("analysis", line(code, &findings));
    }
    Ok(())
}

/// The code, the number of findings, the first objects, and how to see all.
fn line(code: &str, findings: &[&Finding]) -> String {
    let named = findings.iter().take(MAX_NAMED).map(|one| one.object.to_string()).collect::<Vec<_>>().join(", ");
    let (count, first) = (findings.len(), findings.first());
    let more = if count > MAX_NAMED { format!(" and {} more", count - MAX_NAMED) } else { String::new() };
    let name = first.map(|one| one.message.name).filter(|name| *name != code).unwrap_or_default();
    let text = match first {
        Some(one) if one.path.is_empty() => one.text.clone(),
        Some(one) => format!("{}: {}", one.path, one.text),
        None => String::new(),
    };
    let code = format!("{code} {name}");
    let all = "heddlectl analyze --use-kube --all-namespaces shows all";
    format!("{}: {named}{more}: {text}; {all}", code.trim())
}
