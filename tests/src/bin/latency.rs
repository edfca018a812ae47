//! `make bench`: how fast edits reach Envoy with the demo's traffic on. The figures of docs/performance.md come from
//! here.
#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use heddle_tests::cluster::node::{self, Node};
use heddle_tests::latency::{answered_edits, lone_edits, storm};
use heddle_tests::load::Load;
use heddle_tests::mesh::{Layout, Mesh};
use heddle_tests::pods::{self, Pods};
use heddle_tests::tour::stage::Stage as _;

/// How many lone edits are made.
const LONE: usize = 200;
/// How many are made through an API server.
const ANSWERED: usize = 100;
/// How many edits a storm makes, and in what time.
const STORM: (u32, Duration) = (1000, Duration::from_secs(5));

/// Measure how fast edits reach Envoy.
///
/// The exit code is 1 if a measured value is above its bound.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  latency
  latency --storms 5
  latency --pods")]
struct Args {
    /// Set the number of storms, one after the other. Memory must not grow after the first storm.
    #[arg(long, default_value_t = 2)]
    storms: usize,
    /// Measure on a real Kubernetes node, with edits through its API server. It needs root.
    #[arg(long)]
    pods: bool,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    if args.pods {
        return node::run(async |node| in_pods(node).await);
    }
    tokio::runtime::Runtime::new()?.block_on(in_processes(&args))
}

/// Edits through the API server, with Bookinfo in pods.
async fn in_pods(node: &Node) -> Result<ExitCode> {
    pods::install(node, |what| println!("{what}")).await?;
    let mesh = Pods::find(node).await?;
    let load = Load::start(&mesh.get("/productpage")?, 2, Duration::from_millis(20));
    load.pass(50).await;
    answered_edits(&mesh, 5).await?;
    let edits = answered_edits(&mesh, ANSWERED).await?;
    println!("{ANSWERED} edits, from the API server's answer to the last sidecar's ACK:");
    let mut good = line("p50", edits.percentile(50), Duration::from_millis(30));
    good &= line("p99", edits.percentile(99), Duration::from_millis(80));
    println!("  max           {:8.2} ms", edits.max().as_secs_f64() * 1e3);
    let report = load.stop().await;
    println!("requests meanwhile: {}, failed {} {}", report.sent, report.failed, report.words.join("; "));
    good &= report.all_answered().is_ok();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn in_processes(args: &Args) -> Result<ExitCode> {
    let run = tempfile::tempdir()?;
    let mesh = Mesh::start(Layout::free()?, run.path()).await?;
    let load = Load::start(&mesh.get("/productpage")?, 2, Duration::from_millis(20));
    load.pass(50).await;
    // The first edits find cold caches; a person's edit rarely does.
    lone_edits(&mesh, 5).await?;
    let mut good = true;
    let lone = lone_edits(&mesh, LONE).await?;
    println!("{LONE} lone edits, from the file's rename to the last sidecar's ACK:");
    good &= line("p50", lone.percentile(50), Duration::from_millis(10));
    good &= line("p99", lone.percentile(99), Duration::from_millis(25));
    println!("  max           {:8.2} ms", lone.max().as_secs_f64() * 1e3);
    let mut memory = Vec::new();
    for _ in 0..args.storms.max(1) {
        let storm = storm(&mesh, STORM.0, STORM.1).await?;
        println!("storm of {} edits in {:.2} s:", STORM.0, storm.lasted.as_secs_f64());
        good &= line("settled after", storm.settled, Duration::from_millis(100));
        good &= line("heddled's CPU", storm.cpu, Duration::from_secs(2));
        let [before, after] = storm.memory.map(|bytes| bytes / 1024);
        println!("  memory        {before:8} KiB before, {after} KiB after");
        memory.push(after);
    }
    // The first storm may fill caches to their bound; those after it must not add to them.
    let (first, last) = (memory[0], memory[memory.len() - 1]);
    good &= last <= first + first / 20;
    let report = load.stop().await;
    println!("requests meanwhile: {}, failed {} {}", report.sent, report.failed, report.words.join("; "));
    good &= report.all_answered().is_ok();
    mesh.stop().await?;
    let verdict = if good { "all within bounds" } else { "NOT within bounds" };
    println!("{verdict}; {} storms, heddled {first} KiB after the first and {last} KiB after the last", memory.len());
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn line(what: &str, took: Duration, bound: Duration) -> bool {
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    println!("  {what:<13} {:8.2} ms (bound {} ms)", ms(took), ms(bound));
    took <= bound
}
