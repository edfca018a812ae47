//! Starts Envoy, restarts it after a crash, and stops it when the agent stops.

mod drain;
mod tether;

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::admin::Local;
use crate::args::NodeType;
use crate::backoff::Backoff;
use crate::bootstrap::reachable;
use crate::config::Config;
use crate::status::Counters;
use drain::{drain, wait};

pub(crate) use drain::Phase;
pub(crate) use tether::tether;

/// An Envoy that ran this long was healthy. After a crash it is restarted without delay.
const WELL: Duration = Duration::from_mins(1);
/// The longest wait for Envoy to stop after SIGTERM.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Runs Envoy until `phase` tells it to stop. It must run on the first thread of the process, because Envoy stops with
/// the thread that started it.
///
/// # Errors
/// When Envoy cannot be started at all.
pub(crate) async fn supervise(
    config: &Config,
    kind: NodeType,
    counters: &Counters,
    mut phase: watch::Receiver<Phase>,
) -> Result<()> {
    let local = Local::new();
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
    let given = overrides(config)?;
    while *phase.borrow() < Phase::Terminating {
        let started = Instant::now();
        let mut child = start(config, &given)?;
        tracing::info!(pid = child.id(), "Envoy started");
        let Some(status) = until_end(config, kind, &local, &mut child, &mut phase).await? else { return Ok(()) };
        if *phase.borrow() >= Phase::Terminating {
            return Ok(());
        }
        counters.envoy_restarts.add();
        if started.elapsed() >= WELL {
            backoff.reset();
        }
        let delay = backoff.step();
        tracing::error!(%status, restart_in_ms = delay.as_millis(), "Envoy exited unexpectedly; the agent restarts it");
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = terminating(&mut phase) => {}
        }
    }
    Ok(())
}

/// Waits for the end of Envoy. Returns its status if it exited by itself.
async fn until_end(
    config: &Config,
    kind: NodeType,
    local: &Local,
    child: &mut Child,
    phase: &mut watch::Receiver<Phase>,
) -> Result<Option<ExitStatus>> {
    let admin = reachable(config.addresses.admin);
    let mut drained = false;
    loop {
        tokio::select! {
            status = child.wait() => return Ok(Some(status?)),
            changed = phase.changed() => changed?,
        }
        let now = *phase.borrow_and_update();
        if now < Phase::Quitting && !drained {
            drain(local, admin, kind).await;
            drained = true;
        }
        if now == Phase::Terminating {
            tokio::select! {
                () = wait(local, &config.addresses, &config.envoy) => {}
                () = quitting(phase) => {}
                status = child.wait() => return Ok(Some(status?)),
            }
        }
        if now >= Phase::Terminating {
            end(child).await?;
            return Ok(None);
        }
    }
}

async fn terminating(phase: &mut watch::Receiver<Phase>) {
    // An error means that the sender no longer exists.
    let _ = phase.wait_for(|phase| *phase >= Phase::Terminating).await;
}

async fn quitting(phase: &mut watch::Receiver<Phase>) {
    let _ = phase.wait_for(|phase| *phase == Phase::Quitting).await;
}

/// Sends SIGTERM, and SIGKILL if Envoy does not stop.
async fn end(child: &mut Child) -> Result<()> {
    if let Some(id) = child.id() {
        kill(Pid::from_raw(i32::try_from(id)?), Signal::SIGTERM).context("cannot stop Envoy")?;
    }
    if tokio::time::timeout(LAST_WORDS, child.wait()).await.is_err() {
        tracing::warn!("Envoy does not stop; the agent kills it");
        child.kill().await?;
    }
    tracing::info!("Envoy stopped");
    Ok(())
}

/// Starts Envoy in a process group of its own, so that Ctrl-C reaches only the agent, which drains first.
fn start(config: &Config, given: &[String]) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe().unwrap_or_else(|_| Path::new("/proc/self/exe").into()));
    command.arg("tether").arg(std::process::id().to_string()).arg("--").arg(&config.envoy.binary);
    command.args(arguments(config)).args(given).stdin(Stdio::null()).process_group(0).kill_on_drop(true);
    command.spawn().with_context(|| format!("cannot start {}", config.envoy.binary.display()))
}

/// The bootstrap settings of the pod, which Envoy merges over the bootstrap file.
fn overrides(config: &Config) -> Result<Vec<String>> {
    let Some(file) = &config.envoy.override_file else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(vec!["--config-yaml".to_owned(), text])
}

fn arguments(config: &Config) -> Vec<String> {
    let envoy = &config.envoy;
    let mut arguments = vec![
        "--config-path".to_owned(),
        envoy.bootstrap.display().to_string(),
        "--disable-hot-restart".to_owned(),
        "--drain-time-s".to_owned(),
        envoy.drain.as_secs().to_string(),
        "--drain-strategy".to_owned(),
        "immediate".to_owned(),
        "--file-flush-interval-msec".to_owned(),
        "1000".to_owned(),
        "--log-level".to_owned(),
        envoy.log_level.clone(),
    ];
    if !envoy.component_log_level.is_empty() {
        arguments.extend(["--component-log-level".to_owned(), envoy.component_log_level.clone()]);
    }
    if let Some(count) = envoy.concurrency {
        arguments.extend(["--concurrency".to_owned(), count.to_string()]);
    }
    arguments
}
