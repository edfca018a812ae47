//! `heddlectl admin`: manages a running control plane.

mod log;

use anyhow::Result;
use clap::Subcommand;

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Log(log::Args),
}

/// Runs a subcommand.
pub(crate) fn run(command: &Command) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match command {
        Command::Log(args) => runtime.block_on(log::run(args)),
    }
}
