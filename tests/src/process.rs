//! A child process with a log file, ended with its value, so that no failing test leaves one behind.
//!
//! Each is the leader of a process group of its own, which is killed whole. Should the test or the demo itself be
//! killed, the guard ends what it started.

mod guard;
mod sockets;
mod usage;

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// How often a condition is looked at again while one waits for it.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// What a debug build of heddled logs when its compiler is at fault (`controller/src/generate.rs`).
const VIOLATION: &str = "the compiled resources break a rule";

/// A running program. Dropping it kills it, by its id and never by its name. A heddled that logged a violation of its
/// compiler's lint fails the test then.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    /// Once the group is gone its number may become somebody else's, so it is signalled no more.
    ended: bool,
}

impl Process {
    /// Starts `command` with both outputs in `<folder>/<name>.log` and nothing to read; a log of that name is
    /// continued.
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let out =
            File::options().create(true).append(true).open(&log).with_context(|| format!("open {}", log.display()))?;
        let child = command.process_group(0).stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).spawn();
        let child = child.with_context(|| format!("start {name}: {}", command.get_program().display()))?;
        guard::watch(child.id());
        Ok(Self { name: name.to_owned(), child, log, ended: false })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its outputs go.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// What it has written so far; empty when the file cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Whether it still runs.
    pub fn running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal, `Signal::SIGTERM` for instance.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill(self.pid()?, signal).with_context(|| format!("signal {}", self.name))
    }

    /// Asks it to end and waits; past `limit` it is killed and that is an error.
    pub async fn stop(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                self.kill();
                return Ok(status);
            }
            if Instant::now() > end {
                self.kill();
                bail!("{} did not end within {limit:?} of SIGTERM\n{}", self.name, self.tail());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Kills it and what it started at once, and waits for its end.
    pub fn kill(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        // All may have ended by themselves, which is as good.
        if let Ok(group) = self.pid() {
            let _ = killpg(group, Signal::SIGKILL);
        }
        let _ = self.child.wait();
        guard::forget(self.child.id());
    }

    /// Waits until `ready` answers true; an error when the process ends before, or `limit` passes.
    pub async fn wait_until(
        &mut self,
        what: &str,
        limit: Duration,
        mut ready: impl AsyncFnMut() -> bool,
    ) -> Result<()> {
        let end = Instant::now() + limit;
        while !ready().await {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended ({status}) before {what}\n{}", self.name, self.tail());
            }
            if Instant::now() > end {
                bail!("{}: no {what} within {limit:?}\n{}", self.name, self.tail());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// The last forty lines of its log, with the file's name.
    #[must_use]
    pub fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        let from = lines.len().saturating_sub(40);
        format!("--- end of {}\n{}", self.log.display(), lines[from..].join("\n"))
    }

    fn pid(&self) -> Result<Pid> {
        Ok(Pid::from_raw(i32::try_from(self.child.id())?))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if self.name == "heddled" && !std::thread::panicking() {
            let log = self.log();
            let violations: Vec<&str> = log.lines().filter(|line| line.contains(VIOLATION)).collect();
            assert!(violations.is_empty(), "heddled compiled what no proxy can use:\n{}", violations.join("\n"));
        }
    }
}

/// Waits until `ready` answers true, and says `what` was missing when `limit` passes.
pub async fn eventually(what: &str, limit: Duration, mut ready: impl AsyncFnMut() -> bool) -> Result<()> {
    let end = Instant::now() + limit;
    while !ready().await {
        if Instant::now() > end {
            bail!("no {what} within {limit:?}");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}
