//! `heddlectl manifest`: what an installation consists of.

mod diff;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::release::Choices;

/// What to do with manifests.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Prints the objects of an installation, for Git or `kubectl apply -f -`. The same choices give the same bytes.
    Generate(Choices),
    /// Says in which objects, and where in them, two files or folders of manifests differ; ends with 1 when they do.
    Diff(diff::Args),
}

/// Does it.
pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Generate(choices) => generate(choices),
        Command::Diff(args) => diff::run(args),
    }
}

fn generate(choices: &Choices) -> Result<ExitCode> {
    let plan = choices.plan()?;
    for warning in &plan.warnings {
        // Nothing is left to be done if standard error is closed.
        let _ = writeln!(std::io::stderr(), "heddlectl: {warning}");
    }
    let documents: Vec<String> = plan.objects.iter().map(heddle_yaml::write).collect();
    std::io::stdout().write_all(documents.join("---\n").as_bytes()).context("standard output cannot be written")?;
    Ok(ExitCode::SUCCESS)
}
