//! `heddle-agent` runs beside each Envoy. It writes Envoy's bootstrap, starts Envoy and keeps it running. It creates
//! the key of the workload, gets a certificate for it, and serves both to Envoy. It relays Envoy's xDS streams to the
//! control plane.
//!
//! It has one thread. Its work is small, it runs once in each pod, and Envoy's lifetime is tied to the thread that
//! starts it.
#![allow(clippy::print_stdout, reason = "the hook `request` prints the answer")]

mod admin;
mod app;
mod args;
mod backoff;
mod bootstrap;
mod capture;
mod config;
mod csr;
mod dial;
mod dns;
mod envoy;
mod hook;
mod probes;
mod sds;
mod status;
mod svid;
mod telemetry;
#[cfg(test)]
mod testing;
mod xds_proxy;

use std::time::Duration;

use anyhow::Result;

use args::{Command, ProxyArgs};
use capture::CaptureArgs;

fn main() -> Result<()> {
    let (args, unknown) = args::parse(std::env::args_os()).unwrap_or_else(|error| error.exit());
    match args.command {
        Command::Tether { parent, command } => Err(envoy::tether(parent, &command).into()),
        Command::Proxy(args) => proxy(&args, &unknown),
        Command::Capture(args) => capture(&args, &unknown),
        Command::Request { method, path, port } => runtime()?.block_on(hook::request(method, &path, port)),
        Command::Wait { at, seconds, period, patience } => {
            let all = [Duration::from_secs(seconds), Duration::from_millis(period), Duration::from_millis(patience)];
            runtime()?.block_on(hook::wait(at, all))
        }
    }
}

fn capture(args: &CaptureArgs, unknown: &[String]) -> Result<()> {
    start_log(&args.log_output_level, args.log_as_json, unknown);
    let asked = config::environment().get("ISTIO_META_DNS_CAPTURE").is_some_and(|value| value == "true");
    Ok(capture::run(&CaptureArgs { redirect_dns: args.redirect_dns || asked, ..args.clone() })?)
}

fn start_log(level: &str, as_json: bool, unknown: &[String]) {
    telemetry::start(level, as_json);
    if !unknown.is_empty() {
        tracing::warn!(flags = unknown.join(" "), "unknown flags are ignored");
    }
}

fn proxy(args: &ProxyArgs, unknown: &[String]) -> Result<()> {
    start_log(&args.log_output_level, args.log_as_json, unknown);
    let config = config::config(args, &config::environment())?;
    tracing::info!(identity = %config.identity, node = config.node.id, discovery = config.discovery.address,
        "starting");
    runtime()?.block_on(app::run(config, args.kind))
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
