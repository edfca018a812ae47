//! `heddlectl proxy-status`: shows for each proxy what `heddled` sent and what the proxy acknowledged.

mod table;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::heddled::{Instance, Target};

/// The port of the debug pages, `--httpAddr` of heddled.
const PORT: u16 = 8080;

/// Show what each proxy was sent and has acknowledged.
///
/// The command reads the page /debug/syncz of each pod of heddled, through the API server. It exits with code 1 if a
/// proxy has rejected a response.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  heddlectl proxy-status
  heddlectl proxy-status --namespace shop --kubeconfig staging.conf
  heddlectl proxy-status productpage-v1.default --output json --address 127.0.0.1:15014")]
pub(crate) struct Args {
    /// Show only this proxy, by `<pod>` or `<pod>.<namespace>`.
    proxy: Option<String>,
    /// Show only proxies of this namespace.
    #[arg(long = "namespace", short = 'n', value_name = "NAME")]
    of_namespace: Option<String>,
    #[command(flatten)]
    target: Target,
    /// Set the output format.
    #[arg(long, short, default_value = "table")]
    output: Output,
}

/// The output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// A table with one line for each proxy, and the rejections below it.
    Table,
    /// The JSON of heddled's pages, in one list.
    Json,
}

/// Runs the command. A rejection by a proxy gives exit code 1.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let all = runtime.block_on(read(&args.target))?;
    let proxies: Vec<&Value> = all.iter().filter(|proxy| is_asked_for(proxy, args)).collect();
    if let Some(name) = args.proxy.as_ref().filter(|_| proxies.is_empty()) {
        bail!("proxy {name} is not connected");
    }
    match args.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&proxies)?),
        Output::Table => print!("{}", table::table(&proxies)),
    }
    let rejected = proxies.iter().any(|proxy| table::rejections(proxy).next().is_some());
    Ok(ExitCode::from(u8::from(rejected)))
}

fn is_asked_for(proxy: &Value, args: &Args) -> bool {
    let full = proxy["proxy"].as_str().unwrap_or_default();
    let (name, namespace) = full.rsplit_once('.').unwrap_or((full, ""));
    args.proxy.as_deref().is_none_or(|asked| asked == full || asked == name)
        && args.of_namespace.as_deref().is_none_or(|asked| asked == namespace)
}

/// The proxies of all pods of the control plane, by name. Each proxy is connected to one of them, which it names under
/// `heddled`. A pod that cannot be read, for example because it stops, must not hide the proxies of the others.
async fn read(target: &Target) -> Result<Vec<Value>> {
    let instances = target.instances(None).await?;
    let (mut all, mut failed) = (Vec::new(), Vec::new());
    for instance in &instances {
        match page(instance).await {
            Ok(proxies) => all.extend(proxies),
            Err(error) => failed.push(format!("{error:#}")),
        }
    }
    ensure!(failed.len() < instances.len(), "{}", failed.join("\n"));
    for line in &failed {
        // A closed standard error leaves no way to report this.
        let _ = writeln!(std::io::stderr(), "heddlectl: {line}");
    }
    all.sort_by_key(|proxy| proxy["proxy"].as_str().unwrap_or_default().to_owned());
    Ok(all)
}

async fn page(instance: &Instance) -> Result<Vec<Value>> {
    let page = instance.json(PORT, "/debug/syncz").await?;
    let mut proxies = page.as_array().cloned().context("the response of heddled is not a JSON list")?;
    for proxy in &mut proxies {
        proxy["heddled"] = instance.name.as_str().into();
    }
    Ok(proxies)
}
