//! `heddlectl proxy-status`: shows for each proxy what `heddled` sent and what the proxy acknowledged.

mod table;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// The largest response that is read, in bytes.
const MAX_ANSWER: usize = 256 << 20;
/// The longest wait for the response.
const PATIENCE: Duration = Duration::from_secs(10);

/// Show what each proxy was sent and has acknowledged.
///
/// The command reads the page /debug/syncz of heddled. heddled answers only on loopback: run the command in its pod, or
/// use `kubectl port-forward`. It exits with code 1 if a proxy has rejected a response.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  heddlectl proxy-status
  heddlectl proxy-status --namespace shop
  heddlectl proxy-status productpage-v1.default --output json --address 127.0.0.1:15014")]
pub(crate) struct Args {
    /// Show only this proxy, by `<pod>` or `<pod>.<namespace>`.
    proxy: Option<String>,
    /// Show only proxies of this namespace.
    #[arg(long, short)]
    namespace: Option<String>,
    /// Connect to heddled at this address, which its flag `--httpAddr` or `--monitoringAddr` sets.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "HOST:PORT")]
    address: String,
    /// Set the output format.
    #[arg(long, short, default_value = "table")]
    output: Output,
}

/// The output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// A table with one line for each proxy, and the rejections below it.
    Table,
    /// The JSON of heddled's page.
    Json,
}

/// Runs the command. A rejection by a proxy gives exit code 1.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let page = fetch(&format!("http://{}/debug/syncz", args.address))?;
    let proxies: Vec<&Value> = page
        .as_array()
        .context("the response of heddled is not a JSON list")?
        .iter()
        .filter(|proxy| is_asked_for(proxy, args))
        .collect();
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
        && args.namespace.as_deref().is_none_or(|asked| asked == namespace)
}

fn fetch(url: &str) -> Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, get(url)).await });
    let body = answer.with_context(|| format!("{url} did not answer within {} s", PATIENCE.as_secs()))??;
    serde_json::from_slice(&body).with_context(|| format!("the response of {url} is not valid JSON"))
}

async fn get(url: &str) -> Result<Bytes> {
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.get(url.parse()?).await.with_context(|| format!("cannot reach {url}"))?;
    ensure!(answer.status().is_success(), "{url} answered {}", answer.status());
    let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
    Ok(body.map_err(|error| anyhow::anyhow!("{url}: {error}"))?.to_bytes())
}
