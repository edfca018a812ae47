//! The workloads of an installation: the wait until their pods are ready, with what happens meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;
use tokio::time::Instant;

use super::object::{self, PAUSE};
use super::problem::{self, Problem};
use crate::release::title;
use crate::server::Server;

/// How long a workload may be without ready pods until also Events and failed probes are reported. Many of them are
/// normal while pods start.
const STARTING: Duration = Duration::from_secs(10);

/// A workload that is not ready yet.
struct Workload<'a> {
    object: &'a Value,
    progress: Option<Progress>,
    problems: Vec<Problem>,
    /// The keys of the problems that were printed.
    printed: BTreeSet<String>,
    conditions: String,
}

/// How many of a workload's pods are ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Progress {
    ready: u64,
    wanted: u64,
    is_done: bool,
}

/// Waits until all pods of the newest generations are ready. It prints each change of the number of ready pods, and
/// each problem of a pod once.
pub(super) async fn wait_ready(server: &Server, objects: &[&Value], limit: Duration) -> Result<()> {
    let start = Instant::now();
    let mut waiting: Vec<Workload<'_>> = objects.iter().map(|object| Workload::new(object)).collect();
    loop {
        for workload in &mut waiting {
            workload.look(server, start.elapsed() > STARTING).await?;
        }
        waiting.retain(|workload| workload.progress.is_none_or(|progress| !progress.is_done));
        if waiting.is_empty() {
            return Ok(());
        }
        if start.elapsed() > limit {
            let lines: Vec<String> = waiting.iter().map(Workload::summary).collect();
            bail!("these workloads are not ready after {} s:\n{}", limit.as_secs(), lines.join("\n"));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

impl<'a> Workload<'a> {
    fn new(object: &'a Value) -> Self {
        Self { object, progress: None, problems: Vec::new(), printed: BTreeSet::new(), conditions: String::new() }
    }

    /// Reads the workload and its pods, and prints what is new.
    async fn look(&mut self, server: &Server, is_late: bool) -> Result<()> {
        let live = object::live(server, self.object).await?;
        let progress = Progress::of(&live);
        if self.progress.replace(progress) != Some(progress) {
            println!("{}{}", title(self.object), progress.text());
        }
        self.problems.clear();
        if progress.is_done {
            return Ok(());
        }
        self.conditions = object::conditions(&live);
        self.problems = problem::find(server, &live, is_late).await;
        for problem in &self.problems {
            if self.printed.insert(problem.key.clone()) {
                println!("  {}", problem.text);
            }
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let progress = self.progress.map(Progress::text).unwrap_or_default();
        let head = format!("  {}{progress}", title(self.object));
        if self.problems.is_empty() {
            return format!("{head}\n    {}", self.conditions);
        }
        let lines = self.problems.iter().map(|problem| format!("\n    {}", problem.text.replace('\n', "\n  ")));
        lines.fold(head, |text, line| text + &line)
    }
}

impl Progress {
    fn of(live: &Value) -> Self {
        let (status, number) = (&live["status"], |value: &Value| value.as_u64().unwrap_or_default());
        let (wanted, [updated, available]) = if live["kind"] == "Deployment" {
            (&live["spec"]["replicas"], ["updatedReplicas", "availableReplicas"])
        } else {
            (&status["desiredNumberScheduled"], ["updatedNumberScheduled", "numberAvailable"])
        };
        let is_seen = number(&status["observedGeneration"]) >= number(&live["metadata"]["generation"]);
        let wanted = number(wanted);
        let ready = if is_seen { number(&status[updated]).min(number(&status[available])).min(wanted) } else { 0 };
        Self { ready, wanted, is_done: is_seen && ready >= wanted }
    }

    fn text(self) -> String {
        let Self { ready, wanted, .. } = self;
        if self.is_done {
            format!(" is ready: {ready} of {wanted} pods")
        } else {
            format!(": {ready} of {wanted} pods are ready")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_workload_is_ready_when_all_pods_of_its_newest_generation_are() {
        let of = |updated: u64, available: u64, observed: u64| {
            let progress = Progress::of(&json!({"kind": "Deployment", "metadata": {"generation": 2},
                "spec": {"replicas": 2}, "status": {"observedGeneration": observed, "updatedReplicas": updated,
                "availableReplicas": available}}));
            (progress.ready, progress.is_done)
        };
        assert_eq!(of(2, 2, 2), (2, true));
        assert_eq!(of(1, 2, 2), (1, false));
        assert_eq!(of(2, 1, 2), (1, false));
        assert_eq!(of(2, 2, 1), (0, false));
        let empty = json!({"kind": "DaemonSet", "metadata": {"generation": 1}, "status": {"observedGeneration": 1}});
        assert!(Progress::of(&empty).is_done);
    }
}
