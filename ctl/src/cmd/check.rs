//! `heddlectl check`: checks a cluster before or after installing.

mod analysis;
mod definition;
mod injection;
mod plane;
mod rights;
mod root;
mod unsupported;
mod webhook;

use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::server::ApiServer;

/// Check a cluster before or after installing.
///
/// The command checks the API server, your permissions, the custom resource definitions and their owners, the control
/// planes and their revisions, the Go templates of the injector, the root certificate and the webhooks. It counts the
/// objects that have no effect with Heddle, and what heddlectl analyze finds. It writes nothing to the cluster. It
/// exits with code 1 if it finds an error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  heddlectl check
  heddlectl check --context staging
  heddlectl check --istioNamespace mesh-system --output json")]
pub(crate) struct Args {
    #[command(flatten)]
    api_server: ApiServer,
    /// Set the namespace of the control plane.
    #[arg(short = 'i', long = "istioNamespace", default_value = "istio-system", value_name = "NAME")]
    namespace: String,
    /// Set the output format.
    #[arg(long, short, default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// One line for each finding.
    Text,
    /// A JSON list of all findings.
    Json,
}

/// How severe a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// The state is as expected.
    Ok,
    /// It works, but perhaps not as the operator expects.
    Warning,
    /// Something does not work.
    Error,
}

/// The result of one check.
#[derive(Debug, Serialize)]
struct Finding {
    level: Level,
    /// The object, or the name of the check.
    place: String,
    /// The state that was found.
    message: String,
}

/// The findings so far.
struct Report {
    findings: Vec<Finding>,
}

impl Report {
    fn ok(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.add(Level::Ok, place, message);
    }

    fn warn(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.add(Level::Warning, place, message);
    }

    fn error(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.add(Level::Error, place, message);
    }

    fn add(&mut self, level: Level, place: impl Into<String>, message: impl Into<String>) {
        self.findings.push(Finding { level, place: place.into(), message: message.into() });
    }
}

/// Runs the command. An error among the findings gives exit code 1.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(check(args))?;
    match args.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&report.findings)?),
        Output::Text => print(&report),
    }
    let bad = report.findings.iter().any(|finding| finding.level == Level::Error);
    Ok(ExitCode::from(u8::from(bad)))
}

async fn check(args: &Args) -> Result<Report> {
    let server = args.api_server.server().await?;
    let mut report = Report { findings: Vec::new() };
    rights::version(&server, &mut report).await.context("cannot reach the API server")?;
    let namespace = args.namespace.as_str();
    let steps: [(&str, Result<()>); 8] = [
        ("permissions", rights::rights(&server, namespace, &mut report).await),
        ("definitions", definition::definitions(&server, &mut report).await),
        ("control planes", plane::planes(&server, &mut report).await),
        ("injection", injection::templates(&server, namespace, &mut report).await),
        ("root", root::root(&server, namespace, &mut report).await),
        ("webhooks", webhook::webhooks(&server, namespace, &mut report).await),
        ("unsupported objects", unsupported::unsupported(&server, namespace, &mut report).await),
        ("analysis", analysis::analysis(&server, namespace, &mut report).await),
    ];
    for (name, step) in steps {
        if let Err(error) = step {
            report.error(name, format!("this check could not run: {error:#}"));
        }
    }
    Ok(report)
}

fn print(report: &Report) {
    for finding in &report.findings {
        let level = match finding.level {
            Level::Ok => "ok     ",
            Level::Warning => "warning",
            Level::Error => "error  ",
        };
        println!("{level} {}: {}", finding.place, finding.message);
    }
    let count = |level| report.findings.iter().filter(|finding| finding.level == level).count();
    println!("{} errors, {} warnings", count(Level::Error), count(Level::Warning));
}
