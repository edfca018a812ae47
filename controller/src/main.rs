//! `heddled`: Heddle's control plane as one process.

mod admin;
mod app;
mod auth;
mod authority;
mod cluster;
mod config;
mod generate;
mod pem;
mod reflection;
mod router;
mod server;
mod source;
mod status;
mod telemetry;
mod tls;
mod webhook;
mod writer;

/// By measuring: docs/adr/015-allocator.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let config = config::read();
    telemetry::start(&config);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(app::run(config));
    // Threads of blocking work are not waited for: they end with the process.
    runtime.shutdown_background();
    ended
}
