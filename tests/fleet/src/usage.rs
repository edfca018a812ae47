//! What a process has used, as Linux counts it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Processor time and memory of a process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Of all threads, to a hundredth of a second.
    pub(crate) processor: Duration,
    /// Resident now, in bytes.
    pub(crate) resident: u64,
    /// The most that was ever resident, in bytes.
    pub(crate) peak: u64,
}

impl Usage {
    /// Of a process that runs.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).with_context(|| format!("process {pid}"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| name.to_owned())?;
            let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
            Ok::<_, anyhow::Error>(kilobytes * 1024)
        };
        Ok(Self { processor: processor(pid)?, resident: field("VmRSS:")?, peak: field("VmHWM:")? })
    }
}

/// User and system time of all threads, also of those that have ended, in the kernel's hundredths of a second.
fn processor(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // After the name, which may hold anything, come the state and ten more fields.
    let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
    let times = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks = times.sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_time_and_memory() {
        let before = Usage::of(std::process::id()).unwrap();
        let spent = (0..80_000_000_u64).fold(0, |sum: u64, one| std::hint::black_box(sum ^ one));
        let after = Usage::of(std::process::id()).unwrap();
        assert!(spent != 1 && after.processor > before.processor);
        assert!(after.peak >= after.resident && after.resident > 100_000);
    }
}
