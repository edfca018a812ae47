//! Nothing that a test or the demo starts outlives it, not even when it is killed with SIGKILL.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use heddle_tests::process::{Process, eventually};

/// Names the folder in which the starter, which is this test once more, is to start something.
const STARTER: &str = "HEDDLE_TEST_STARTER";

#[tokio::test]
async fn what_a_killed_starter_has_started_ends() -> Result<()> {
    if let Some(folder) = std::env::var_os(STARTER) {
        return starter(Path::new(&folder)).await;
    }
    let folder = tempfile::tempdir()?;
    let mut starter = Command::new(std::env::current_exe()?);
    starter.args(["--exact", "what_a_killed_starter_has_started_ends", "--nocapture"]).env(STARTER, folder.path());
    let mut starter = starter.stdout(Stdio::null()).spawn()?;
    let (leader, child) = (folder.path().join("leader"), folder.path().join("child"));
    eventually("started processes", Duration::from_secs(20), async || leader.exists() && child.exists()).await?;
    let ids = [read(&leader)?, read(&child)?];
    assert!(ids.iter().all(|id| runs(*id)), "{ids:?} should run");
    starter.kill()?;
    starter.wait()?;
    eventually("end of what was started", Duration::from_secs(10), async || !ids.iter().any(|id| runs(*id))).await
}

/// Starts a shell that deafly waits for a child of its own, and waits to be killed.
async fn starter(folder: &Path) -> Result<()> {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "trap '' TERM; sleep 1000 & echo $! > child.new; mv child.new child; wait"])
        .current_dir(folder);
    let process = Process::start("leader", &mut command, folder)?;
    std::fs::write(folder.join("leader.new"), process.id().to_string())?;
    std::fs::rename(folder.join("leader.new"), folder.join("leader"))?;
    std::future::pending().await
}

fn read(file: &Path) -> Result<u32> {
    std::fs::read_to_string(file)?.trim().parse().context("process id")
}

/// Whether a process runs; one that has ended and that nobody has asked after does not.
fn runs(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}
