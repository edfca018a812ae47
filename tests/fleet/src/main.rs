//! `heddle-fleet`: what a change costs a control plane that has a thousand sidecars, and how fast it reaches them.
//!
//! The sidecars are simulated in this process, one TCP connection each. They speak the delta protocol as Envoy speaks
//! it and look for a marker in what they get; see `docs/performance.md` for what comes of it.
#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

mod args;
mod client;
mod fleet;
mod limit;
mod marker;
mod mesh;
mod names;
mod node;
mod plot;
mod proxy;
mod report;
mod scenario;
mod server;
mod session;
mod stats;
mod transport;
mod usage;
mod wire;
mod worker;

fn main() -> Result<ExitCode> {
    let args = args::Args::parse();
    limit::raise(args.sidecars)?;
    let report = scenario::run(&args)?;
    if let Some(path) = &args.json {
        report.append_json(path)?;
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
