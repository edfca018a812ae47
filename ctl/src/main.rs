//! `heddlectl`: the command line tool of the mesh operator.
#![allow(clippy::print_stdout, reason = "printing is what a command line tool is for")]

mod chart;
mod cmd;
mod heddled;
mod issues;
mod release;
mod server;
mod unsupported;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Install, check and inspect a Heddle service mesh.
#[derive(Debug, Parser)]
#[command(
    name = "heddlectl",
    version,
    after_help = "\
Exit codes:
  0  Success.
  1  The command ran, and the result is negative. For example, an object is refused.
  2  The command could not run.

Examples:
  heddlectl check
  heddlectl analyze deploy/samples/bookinfo
  heddlectl install --dry-run --set profile=demo
  heddlectl validate -f deploy/samples/bookinfo
  heddlectl explain virtualservice.http.retries"
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Manage a running control plane.
    #[command(
        subcommand,
        after_help = "\
Examples:
  heddlectl admin log
  heddlectl admin log --level ads:debug"
    )]
    Admin(cmd::admin::Command),
    Analyze(cmd::analyze::Args),
    Check(cmd::check::Args),
    Compile(cmd::compile::Args),
    ProxyStatus(cmd::proxy_status::Args),
    Explain(cmd::explain::Args),
    Install(cmd::install::Args),
    /// Inject the sidecar proxy into the pods of a file.
    #[command(after_help = "\
Examples:
  heddlectl kube-inject -f deploy/samples/injection/pod.yaml
  heddlectl kube-inject -f deploy/samples/injection/pod.yaml --values deploy/samples/injection/values.yaml")]
    KubeInject(cmd::kube_inject::Args),
    /// Generate and compare the manifests of an installation.
    #[command(
        subcommand,
        after_help = "\
Examples:
  heddlectl manifest generate --set profile=minimal
  heddlectl manifest diff deploy/manifests/default.yaml deploy/manifests/demo.yaml"
    )]
    Manifest(cmd::manifest::Command),
    /// Create workload tokens where no Kubernetes API server issues them.
    #[command(
        subcommand,
        after_help = "\
Examples:
  heddlectl token create --ca-dir target/ca --namespace default --service-account bookinfo-productpage"
    )]
    Token(cmd::token::Command),
    Uninstall(cmd::uninstall::Args),
    Validate(cmd::validate::Args),
}

/// Exit codes: 0 for success, 1 for a negative result, 2 for a command that could not run.
fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Admin(command) => cmd::admin::run(&command).map(|()| ExitCode::SUCCESS),
        Command::Analyze(args) => cmd::analyze::run(&args),
        Command::Check(args) => cmd::check::run(&args),
        Command::Compile(args) => cmd::compile::run(&args).map(|()| ExitCode::SUCCESS),
        Command::ProxyStatus(args) => cmd::proxy_status::run(&args),
        Command::Explain(args) => cmd::explain::run(&args),
        Command::Install(args) => cmd::install::run(&args),
        Command::KubeInject(args) => cmd::kube_inject::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Manifest(command) => cmd::manifest::run(&command),
        Command::Token(command) => cmd::token::run(&command).map(|()| ExitCode::SUCCESS),
        Command::Uninstall(args) => cmd::uninstall::run(&args),
        Command::Validate(args) => cmd::validate::run(&args),
    };
    result.unwrap_or_else(|error| {
        // A closed standard error leaves no way to report this error.
        let _ = writeln!(std::io::stderr(), "heddlectl: {error:#}");
        ExitCode::from(2)
    })
}
