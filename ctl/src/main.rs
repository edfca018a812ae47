//! `heddlectl`: looks inside a mesh, and makes what its operator needs.
#![allow(clippy::print_stdout, reason = "printing is what a command line tool is for")]

mod cmd;

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
    /// Tokens of workloads, where there is no Kubernetes to issue them.
    #[command(subcommand)]
    Token(cmd::token::Command),
}

fn main() -> anyhow::Result<()> {
    match Args::parse().command {
        Command::Token(command) => cmd::token::run(&command),
    }
}
