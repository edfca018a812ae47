//! `heddlectl admin log`: shows and changes the log levels of `heddled` while it runs.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::heddled::{Instance, Target};

/// The port of the log levels, `--ctrlz_port` of heddled.
const PORT: u16 = 9876;

/// Show or change the log levels of heddled.
///
/// The command shows the level of each log scope, or changes levels first. A change is in force at once in every pod of
/// the control plane, until the pod restarts.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  heddlectl admin log
  heddlectl admin log --level ads:debug,ca:warn
  heddlectl admin log --level all:warn --address 127.0.0.1:9876
  heddlectl admin log --reset --output json")]
pub(crate) struct Args {
    /// Show or change only this pod.
    pod: Option<String>,
    #[command(flatten)]
    target: Target,
    /// Change levels. Each entry is `<scope>:<level>`. The scope `all` is all scopes. The levels are `none`, `error`,
    /// `warn`, `info` and `debug`.
    #[arg(long, value_delimiter = ',', value_name = "SCOPE:LEVEL", value_parser = parse_change)]
    level: Vec<(String, String)>,
    /// Set all levels to `info`.
    #[arg(long, conflicts_with = "level")]
    reset: bool,
    /// Set the port of the log levels in the pods, as `--ctrlz_port` of heddled has it.
    #[arg(long = "ctrlz_port", default_value_t = PORT, value_name = "PORT")]
    port: u16,
    /// Set the output format.
    #[arg(long, short, default_value = "short")]
    output: Output,
}

/// The output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// A table.
    Short,
    /// A JSON list.
    Json,
    /// The same list as YAML.
    Yaml,
}

/// A scope on the page of heddled.
#[derive(Debug, Deserialize)]
struct Scope {
    name: String,
    description: String,
    output_level: String,
}

/// A scope in the output.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    pod: &'a str,
    scope_name: &'a str,
    log_level: &'a str,
    description: &'a str,
}

fn parse_change(text: &str) -> Result<(String, String), String> {
    let (scope, level) = text.split_once(':').ok_or("an entry must be `<scope>:<level>`")?;
    Ok((scope.trim().to_owned(), level.trim().to_owned()))
}

/// Runs the command.
pub(super) async fn run(args: &Args) -> Result<()> {
    let instances = args.target.instances(args.pod.as_deref()).await?;
    let reset = [("all".to_owned(), "info".to_owned())];
    let changes = if args.reset { &reset[..] } else { &args.level };
    let mut all = Vec::new();
    for instance in &instances {
        for (scope, level) in changes {
            change(instance, args.port, scope, level).await?;
        }
        let mut scopes: Vec<Scope> = serde_json::from_value(instance.json(args.port, "/scopej").await?)
            .with_context(|| format!("the log levels of {} cannot be read", instance.name))?;
        scopes.sort_by(|one, other| one.name.cmp(&other.name));
        all.push((instance.name.as_str(), scopes));
    }
    print(&all, args.output)
}

async fn change(instance: &Instance, port: u16, scope: &str, level: &str) -> Result<()> {
    ensure!(!scope.is_empty() && !scope.contains('/'), "`{scope}` is not a log scope");
    let body = serde_json::to_vec(&serde_json::json!({"name": scope, "output_level": level}))?;
    let answer = instance.call(port, http::Method::PUT, &format!("/scopej/{scope}"), body).await?;
    let reason = serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap_or_default();
    let reason = reason["error"].as_str().map_or_else(|| answer.status.to_string(), str::to_owned);
    ensure!(answer.status.is_success(), "{} refuses {scope}:{level}: {reason}", instance.name);
    Ok(())
}

fn print(all: &[(&str, Vec<Scope>)], output: Output) -> Result<()> {
    let shown: Vec<Shown<'_>> = all
        .iter()
        .flat_map(|(pod, scopes)| {
            scopes.iter().map(|scope| Shown {
                pod,
                scope_name: &scope.name,
                log_level: &scope.output_level,
                description: &scope.description,
            })
        })
        .collect();
    match output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&shown)?),
        Output::Yaml => print!("{}", heddle_yaml::write(&serde_json::to_value(&shown)?)),
        Output::Short => {
            for (pod, scopes) in all {
                if all.len() > 1 {
                    println!("{pod}");
                }
                println!("{:<10} {:<6} DESCRIPTION", "SCOPE", "LEVEL");
                for scope in scopes {
                    println!("{:<10} {:<6} {}", scope.name, scope.output_level, scope.description);
                }
            }
        }
    }
    Ok(())
}
