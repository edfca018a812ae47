//! `heddlectl`: looks inside a mesh, and makes what its operator needs.
#![allow(clippy::print_stdout, reason = "printing is what a command line tool is for")]

mod chart;
mod cmd;
mod release;
mod server;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Looks inside a mesh, and makes what its operator needs.
#[derive(Debug, Parser)]
#[command(name = "heddlectl", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says what stands in the way of an installation, or is wrong with one.
    Check(cmd::check::Args),
    /// Prints what a proxy would get.
    Compile(cmd::compile::Args),
    /// Says what each proxy was sent and has acknowledged.
    ProxyStatus(cmd::proxy_status::Args),
    /// Says what a kind or a field means, and what may stand in it.
    Explain(cmd::explain::Args),
    /// Puts a control plane onto a cluster, or changes the one that is there.
    Install(cmd::install::Args),
    /// Prints the objects of a file with the proxy in their pods.
    KubeInject(cmd::kube_inject::Args),
    /// What an installation consists of, as YAML.
    #[command(subcommand)]
    Manifest(cmd::manifest::Command),
    /// Tokens of workloads, where there is no Kubernetes to issue them.
    #[command(subcommand)]
    Token(cmd::token::Command),
    /// Removes what `install` made, and says what it leaves.
    Uninstall(cmd::uninstall::Args),
    /// Says whether objects would be accepted, and why not.
    Validate(cmd::validate::Args),
}

/// Ends with 0 if all is well, 1 if what was looked at is not, 2 if it could not be looked at.
fn main() -> ExitCode {
    let result = match Args::parse().command {
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
        // Nothing is left to be done if standard error is closed.
        let _ = writeln!(std::io::stderr(), "heddlectl: {error:#}");
        ExitCode::from(2)
    })
}
