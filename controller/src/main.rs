//! `heddled`: Heddle's control plane as one process.

mod admin;
mod app;
mod auth;
mod authority;
mod bindings;
mod cluster;
mod config;
mod generate;
mod issues;
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

/// Tasks between two looks at the sockets, while there are tasks.
const BETWEEN_SOCKETS: u32 = 1021;

fn main() -> anyhow::Result<()> {
    // Pages of 2 MiB would keep a third more memory for what is spread over them, and save little time (ADR 015). Where
    // the system does not know the wish it stays as it is.
    let _ = nix::sys::prctl::set_thp_disable(true);
    let config = config::read();
    let log = telemetry::start(&config);
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Everyone is told of a change before anybody's answer to it is heard.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.event_interval(BETWEEN_SOCKETS).enable_all().build()?;
    let ended = runtime.block_on(app::run(config, log));
    // Threads of blocking work are not waited for: they end with the process.
    runtime.shutdown_background();
    ended
}
