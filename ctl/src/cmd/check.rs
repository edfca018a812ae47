//! `heddlectl check`: what stands in the way of an installation, or is wrong with one.

mod definition;
mod injection;
mod plane;
mod rights;
mod root;
mod webhook;

use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::server::ApiServer;

/// Looks at a cluster before or after an installation: the API server, what may be written, definitions and who owns them,
/// control planes and their revisions, webhooks, Go templates of the injector, the authority's root. Writes nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    api_server: ApiServer,
    /// Namespace of the control plane.
    #[arg(short = 'i', long = "istioNamespace", default_value = "istio-system", value_name = "NAME")]
    namespace: String,
    /// How to print it.
    #[arg(long, short, default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    Text,
    Json,
}

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// As it should be.
    Ok,
    /// It works, though perhaps not as somebody expects.
    Warning,
    /// Something does not work.
    Error,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    level: Level,
    /// The object, or what was asked.
    place: String,
    /// What is so.
    message: String,
}

/// What was found so far.
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

/// Does it; not all is well where there is an error.
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
    rights::version(&server, &mut report).await.context("the API server cannot be asked")?;
    let namespace = args.namespace.as_str();
    let steps: [(&str, Result<()>); 6] = [
        ("rights", rights::rights(&server, namespace, &mut report).await),
        ("definitions", definition::definitions(&server, &mut report).await),
        ("control planes", plane::planes(&server, &mut report).await),
        ("injection", injection::templates(&server, namespace, &mut report).await),
        ("root", root::root(&server, namespace, &mut report).await),
        ("webhooks", webhook::webhooks(&server, namespace, &mut report).await),
    ];
    for (name, step) in steps {
        if let Err(error) = step {
            report.error(name, format!("cannot be looked at: {error:#}"));
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
