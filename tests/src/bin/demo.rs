//! `make demo`, `make demo-up` and `make demo-down`: Bookinfo through real Envoys, with a tour.
#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Parser, Subcommand};
use heddle_tests::mesh::{Layout, Mesh};
use heddle_tests::process::eventually;
use heddle_tests::tour::{self, STEPS, table};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, setsid};
use tokio::signal::unix::{SignalKind, signal};

/// The files by which `up` and `down` find each other.
const PID: &str = "demo.pid";
const ADDRESS: &str = "address";

/// Run the Bookinfo sample with real Envoys that heddled configures.
#[derive(Parser)]
#[command(after_help = "\
Examples:
  demo tour
  demo tour --only 3,4
  demo up
  demo down")]
struct Args {
    /// Keep configuration, logs and keys of the run in this folder.
    #[arg(long, default_value = "target/demo", global = true)]
    folder: PathBuf,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Start the mesh, run the steps of the tour, and stop the mesh.
    #[command(after_help = "\
Examples:
  demo tour
  demo tour --only 3,4")]
    Tour {
        /// Run only these steps, by number. Separate them with commas.
        #[arg(long, value_delimiter = ',', value_name = "STEPS")]
        only: Vec<usize>,
    },
    /// Start the mesh and leave it running.
    #[command(after_help = "\
Examples:
  demo up")]
    Up,
    /// Stop the mesh that `up` started.
    #[command(after_help = "\
Examples:
  demo down")]
    Down,
    /// The background process of `up`.
    #[command(hide = true)]
    Stay,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let run = std::path::absolute(&args.folder)?;
    match args.what {
        What::Tour { only } => tour(&run, &only).await,
        What::Up => up(&run).await,
        What::Down => down(&run).await,
        What::Stay => stay(&run).await,
    }
}

async fn tour(run: &Path, only: &[usize]) -> Result<ExitCode> {
    tokio::select! {
        passed = take_all(run, only) => {
            let (passed, taken) = passed?;
            println!("{passed} of {taken} steps as expected; logs in {}", run.join("logs").display());
            println!("Next: `make demo-up` starts the demo again and leaves it running, so that you can edit it.");
            Ok(if passed == taken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        () = told_to_stop() => {
            println!("\nstopped; logs in {}", run.join("logs").display());
            Ok(ExitCode::from(130))
        }
    }
}

/// Takes the steps and prints its row as soon as it is known.
async fn take_all(run: &Path, only: &[usize]) -> Result<(usize, usize)> {
    let start = Instant::now();
    let mut mesh = start_mesh(run).await?;
    println!("ready after {:.1} s: http://{}/productpage\n", start.elapsed().as_secs_f32(), mesh.layout.gateway_http());
    print!("{}", table::head());
    let (mut passed, mut taken) = (0, 0);
    for (number, step) in (1..).zip(STEPS).filter(|(number, _)| only.is_empty() || only.contains(number)) {
        taken += 1;
        let outcome = tour::take(number, &mut mesh).await;
        passed += usize::from(outcome.is_ok());
        let (seen, verdict) = match outcome {
            Ok(seen) => (seen, "ok"),
            Err(error) => (format!("{error:#}"), "FAIL"),
        };
        print!("{}", table::row(&number.to_string(), step.title, step.expected, &seen, verdict));
    }
    println!("\ntook {:.1} s", start.elapsed().as_secs_f32());
    mesh.stop().await?;
    Ok((passed, taken))
}

async fn up(run: &Path) -> Result<ExitCode> {
    if running(run)?.is_some() {
        let address = fs::read_to_string(run.join(ADDRESS))?;
        println!("it runs already: http://{address}/productpage");
        return Ok(ExitCode::SUCCESS);
    }
    fs::create_dir_all(run)?;
    let _ = fs::remove_file(run.join(ADDRESS));
    let log = fs::File::create(run.join("demo.log"))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("stay").arg("--folder").arg(run);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let mut child = command.spawn().context("starting in the background")?;
    let address = run.join(ADDRESS);
    eventually("running demo", Duration::from_mins(1), async || {
        address.exists() || !matches!(child.try_wait(), Ok(None))
    })
    .await?;
    let Ok(address) = fs::read_to_string(address) else {
        bail!("it did not start: {}", fs::read_to_string(run.join("demo.log"))?);
    };
    print!("{}", next_steps(run, &address));
    Ok(ExitCode::SUCCESS)
}

/// What can be done with a running demo.
fn next_steps(run: &Path, address: &str) -> String {
    let (route, logs) = (run.join("config/virtual-service.yaml"), run.join("logs"));
    format!(
        "\
The demo runs: http://{address}/productpage

See a change arrive:
  sed -i s,/productpage,/books, {}
  curl -i http://{address}/productpage   # 404, because heddled sent the new route to Envoy

To change the product, edit controller/compile/src/route/, then run `make demo-down demo-up`.
The logs are in {}. Stop the demo with `make demo-down`.
",
        route.display(),
        logs.display()
    )
}

async fn stay(run: &Path) -> Result<ExitCode> {
    // Out of the terminal's reach, so that closing it leaves the demo running.
    setsid().context("leaving the terminal")?;
    let staying = async {
        let mesh = start_mesh(run).await?;
        fs::write(run.join(PID), std::process::id().to_string())?;
        fs::write(run.join(ADDRESS), mesh.layout.gateway_http().to_string())?;
        told_to_stop().await;
        mesh.stop().await
    };
    staying.await?;
    let _ = fs::remove_file(run.join(PID));
    Ok(ExitCode::SUCCESS)
}

async fn down(run: &Path) -> Result<ExitCode> {
    let Some(pid) = running(run)? else {
        println!("nothing to stop: no demo runs in {}", run.display());
        return Ok(ExitCode::SUCCESS);
    };
    kill(pid, Signal::SIGTERM)?;
    eventually("end of the demo", Duration::from_secs(20), async || running(run).is_ok_and(|pid| pid.is_none()))
        .await?;
    let _ = fs::remove_file(run.join(PID));
    println!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// The process that `up` left behind in this folder, if it is still there. The number in the file may be somebody
/// else's by now, so its command line must name the folder.
fn running(run: &Path) -> Result<Option<Pid>> {
    let Ok(pid) = fs::read_to_string(run.join(PID)) else { return Ok(None) };
    let pid: i32 = pid.trim().parse().context("pid file")?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let ours = String::from_utf8_lossy(&command).contains(&*run.to_string_lossy());
    Ok(ours.then(|| Pid::from_raw(pid)))
}

/// Starts a mesh on the sample's addresses in an empty folder.
async fn start_mesh(run: &Path) -> Result<Mesh> {
    let layout = Layout::sample();
    layout.reserve()?;
    println!("starting heddled, six workloads and a gateway; logs in {}", run.join("logs").display());
    for folder in ["config", "config.staging", "logs", "tokens", "proxies", "ca"] {
        let folder = run.join(folder);
        if folder.exists() {
            ensure!(folder.starts_with(run), "{} is not in the run's folder", folder.display());
            fs::remove_dir_all(&folder)?;
        }
    }
    fs::create_dir_all(run)?;
    Mesh::start(layout, run).await
}

/// Resolves at SIGTERM or SIGINT.
async fn told_to_stop() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
