//! Counts the objects of kinds and with fields that have no effect.

use anyhow::Result;

use super::Report;
use crate::server::Server;
use crate::unsupported::find;

/// Reports one error for each kind and consequence.
pub(super) async fn unsupported(server: &Server, namespace: &str, report: &mut Report) -> Result<()> {
    let found = find(server, namespace, "default").await?;
    if found.is_empty() {
        report.ok("unsupported objects", "there are none");
    }
    for group in found {
        report.error(group.kind.clone(), group.line());
    }
    Ok(())
}
