//! `proxy-status`: what each proxy was sent and has acknowledged, as `heddled` tells it.

mod table;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// The most that is read of the answer, in bytes.
const MAX_ANSWER: usize = 256 << 20;
/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What to look at, and how to print it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this proxy, `<pod>` or `<pod>.<namespace>`.
    proxy: Option<String>,
    /// Only proxies of this namespace.
    #[arg(long, short)]
    namespace: Option<String>,
    /// Where `heddled` listens with `--httpAddr` or `--monitoringAddr`.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "HOST:PORT")]
    address: String,
    /// A table, or what `heddled` said.
    #[arg(long, short, default_value = "table")]
    output: Output,
}

/// How to print it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    Table,
    Json,
}

/// Does it. Not all is well where a proxy has rejected something.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let page = fetch(&format!("http://{}/debug/syncz", args.address))?;
    let proxies: Vec<&Value> =
        page.as_array().context("the answer is no list")?.iter().filter(|proxy| is_asked_for(proxy, args)).collect();
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
    serde_json::from_slice(&body).with_context(|| format!("{url} is no JSON"))
}

async fn get(url: &str) -> Result<Bytes> {
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.get(url.parse()?).await.with_context(|| format!("cannot reach {url}"))?;
    ensure!(answer.status().is_success(), "{url} answered {}", answer.status());
    let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
    Ok(body.map_err(|error| anyhow::anyhow!("{url}: {error}"))?.to_bytes())
}
