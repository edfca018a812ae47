//! What a running process has used, as Linux counts it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Process;

impl Process {
    /// The processor time of all its threads so far; that of threads which have ended is lost.
    pub fn cpu(&self) -> Result<Duration> {
        let mut nanoseconds = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.id()))? {
            // A thread may end between the two reads.
            let Ok(schedule) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            nanoseconds += schedule.split(' ').next().and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The memory that it holds, in bytes.
    pub fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().context("VmRSS")?;
        Ok(kilobytes * 1024)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[tokio::test]
    async fn a_busy_process_uses_time_and_memory() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("/bin/sh");
        let process = Process::start("busy", command.args(["-c", "while :; do :; done"]), folder.path()).unwrap();
        let worked = async || process.cpu().unwrap() > Duration::from_millis(50);
        crate::process::eventually("busy process", Duration::from_secs(20), worked).await.unwrap();
        assert!(process.memory().unwrap() > 100_000);
    }
}
