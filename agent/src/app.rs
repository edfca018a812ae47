//! All tasks of the agent, in their order.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::admin::Local;
use crate::args::NodeType;
use crate::bootstrap::{bootstrap, reachable};
use crate::config::Config;
use crate::envoy::Phase;
use crate::status::Counters;
use crate::status::{Sources, Status};
use crate::xds_proxy::Relay;
use crate::{dns, envoy, sds, status, svid, xds_proxy};

/// Runs everything until Envoy has stopped. Sockets are bound before Envoy starts, so that its first connections
/// succeed.
///
/// # Errors
/// When an address is in use, a file cannot be written, or Envoy is missing.
pub(crate) async fn run(config: Config, kind: NodeType) -> Result<()> {
    ensure!(config.envoy.binary.is_file(), "the Envoy program {} does not exist", config.envoy.binary.display());
    let config = Arc::new(config);
    let counters = Arc::new(Counters::default());
    let (certificate, current) = watch::channel(None);
    let (phase, phases) = watch::channel(Phase::Running);

    let page = TcpListener::bind(config.addresses.status).await;
    let page = page.with_context(|| format!("cannot listen on {}", config.addresses.status))?;
    let sds_socket = socket(&config.addresses.sds_socket)?;
    let xds_socket = socket(&config.addresses.xds_socket)?;
    let questions = match &config.dns {
        Some(settings) => {
            let bound = dns::bind(settings).await;
            Some((bound.with_context(|| format!("cannot listen on {:?}", settings.addresses))?, settings.clone()))
        }
        None => None,
    };
    write_bootstrap(&config)?;

    tokio::spawn(signals(phase.clone()));
    tokio::spawn(sds::serve(sds_socket, current.clone()));
    if let Some((sockets, settings)) = questions {
        let counted = Arc::clone(&counters);
        tokio::spawn(dns::serve(sockets, settings, Arc::clone(&config), current.clone(), counted));
    }
    let relay = Relay { config: Arc::clone(&config), current: current.clone(), counters: Arc::clone(&counters) };
    tokio::spawn(xds_proxy::serve(xds_socket, Arc::new(relay)));
    let sources = Sources { admin: reachable(config.addresses.admin), application: config.scrapes.clone() };
    let probes = config.probes.clone();
    let status = Status { local: Local::new(), sources, probes, counters: Arc::clone(&counters), current, phase };
    tokio::spawn(status::serve(page, Arc::new(status)));
    let (for_renewal, counted) = (Arc::clone(&config), Arc::clone(&counters));
    tokio::spawn(async move { svid::renew(&for_renewal, &certificate, &counted).await });

    envoy::supervise(&config, kind, &counters, phases).await
}

/// The first signal stops the agent gracefully, and the second stops it at once.
async fn signals(phase: watch::Sender<Phase>) -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        phase.send_modify(|phase| {
            *phase = if *phase < Phase::Terminating { Phase::Terminating } else { Phase::Quitting };
        });
    }
}

/// Creates a Unix socket in a folder that only this user can enter. A client of this socket gets the private key of the
/// workload.
fn socket(path: &Path) -> Result<UnixListener> {
    let folder = path.parent().context("the path of a socket needs a folder")?;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", path.display()));
        }
        _ => {}
    }
    let socket = UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(socket)
}

fn write_bootstrap(config: &Config) -> Result<()> {
    let path = &config.envoy.bootstrap;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let text = serde_json::to_vec_pretty(&bootstrap(config))?;
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
