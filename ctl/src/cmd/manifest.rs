//! `heddlectl manifest`: generates and compares the manifests of an installation.

mod diff;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::release::Choices;

/// The subcommands.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Print the objects of an installation as YAML.
    ///
    /// The same values always give the same bytes, so the output can be stored in Git. The order of the objects is
    /// right for one pass of `kubectl apply -f -`.
    #[command(after_help = "\
Examples:
  heddlectl manifest generate --set profile=minimal
  heddlectl manifest generate --set profile=demo,global.hub=registry.example.com/mesh")]
    Generate(Choices),
    Diff(diff::Args),
}

/// Runs the command.
pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Generate(choices) => generate(choices),
        Command::Diff(args) => diff::run(args),
    }
}

fn generate(choices: &Choices) -> Result<ExitCode> {
    let plan = choices.plan()?;
    for warning in &plan.warnings {
        // A closed standard error leaves no way to report this warning.
        let _ = writeln!(std::io::stderr(), "heddlectl: {warning}");
    }
    let documents: Vec<String> = plan.objects.iter().map(heddle_yaml::write).collect();
    std::io::stdout().write_all(documents.join("---\n").as_bytes()).context("standard output cannot be written")?;
    Ok(ExitCode::SUCCESS)
}
