//! Bookinfo: a bookshop's page in four services, to show a mesh at work.
//!
//! One binary plays every service; `--role` says which. An instance knows nothing of the mesh: it
//! listens on one address and makes its calls through the HTTP proxy that it is given, which in the
//! demo is the egress listener of the sidecar beside it.

mod control;
mod fault;
mod instance;
mod outbound;
mod page;
mod peer;
mod role;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::instance::Instance;
use crate::outbound::Outbound;
use crate::role::Role;

/// How long calls that are being answered may still take once the instance was told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Run one instance of one of the four Bookinfo services.
#[derive(Parser)]
#[command(
    name = "bookinfo",
    version,
    after_help = "\
Examples:
  bookinfo --role details
  bookinfo --role reviews --as v2 --listen 127.0.0.1:9084 --proxy 127.0.1.5:3128"
)]
struct Args {
    /// Set the service of this instance.
    #[arg(long, env = "BOOKINFO_ROLE", value_enum)]
    role: Role,
    /// Set the version. It matters only for reviews: v1 shows no stars, v2 black stars, v3 red stars.
    #[arg(id = "as", long = "as", env = "BOOKINFO_VERSION", default_value = "v1")]
    version: String,
    /// Listen on this address.
    #[arg(long, env = "BOOKINFO_LISTEN", default_value = "127.0.0.1:9080")]
    listen: SocketAddr,
    /// Call other services through this HTTP proxy. The default is to call them directly.
    #[arg(long, env = "BOOKINFO_PROXY")]
    proxy: Option<SocketAddr>,
    /// Set the name of this instance, which pages show. The default is the service and the version.
    #[arg(long, env = "BOOKINFO_NAME")]
    name: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let name = args.name.unwrap_or_else(|| format!("{}-{}", args.role.service(), args.version));
    let instance = Arc::new(Instance::new(name, args.role, args.version, Outbound::new(args.proxy)));
    let listener = TcpListener::bind(args.listen).await.with_context(|| format!("listening on {}", args.listen))?;
    let app = role::router(&instance);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        told_to_stop().await;
        stop.send_replace(true);
    });
    tokio::select! {
        ended = async { server.await } => ended.context("serving"),
        () = out_of_patience(stopped) => Ok(()),
    }
}

/// Resolves at SIGTERM or SIGINT.
async fn told_to_stop() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}

/// Resolves [`GRACE`] after the stop: a client that keeps its connection must not hold the instance.
async fn out_of_patience(mut stopped: tokio::sync::watch::Receiver<bool>) {
    if stopped.wait_for(|stopped| *stopped).await.is_err() {
        return std::future::pending().await;
    }
    tokio::time::sleep(GRACE).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        <Args as clap::CommandFactory>::command().debug_assert();
    }
}
