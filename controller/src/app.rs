//! Joins the parts. Every task of the process is started here, in the order in which it is needed.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use heddle_ca::Limits;
use heddle_model::mesh::Mesh;
use heddle_serve::ads::Ads;
use heddle_serve::csr::Certificates;
use heddle_serve::metrics::Metrics;
use heddle_serve::push::Published;
use heddle_serve::registry::Registry;
use heddle_store::{Kind, Settings, Store};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admin::{self, Pages};
use crate::auth::{Authenticator, Issuer};
use crate::config::Config;
use crate::generate::Compiler;
use crate::router::Router;
use crate::server::{self, Manners};
use crate::signer::Signer;
use crate::source::file::{Files, Roots};
use crate::writer::{self, Board, Readers};
use crate::{ca_secret, renewal, tls};

/// Batches of events that may wait for the writer; a source that is ahead waits.
const MAX_WAITING: usize = 1024;

/// Runs until the process is told to end.
///
/// # Errors
/// When something is missing without which it cannot begin: a folder, a certificate, a port.
pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    let started = Instant::now();
    let end = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let ports = Ports::bind(&config).await?;
    let (revisions, looked) = sources(&config)?;

    // Pages, first of all so that probes are answered while the rest is not ready.
    let metrics = Arc::new(Metrics::default());
    let registry = Arc::new(Registry::new(metrics.clone()));
    let compiler = Arc::new(Compiler::default());
    let (authority, authorities) = watch::channel(None);
    let pages = Pages {
        registry: registry.clone(),
        board: looked,
        published: revisions.clone(),
        authority: authorities.clone(),
        compiled: compiler.clone(),
        cluster: config.cluster_id.clone(),
        pod: config.pod_name.clone(),
        started,
    };
    for listener in [ports.http, ports.monitoring].into_iter().flatten() {
        tasks.spawn(admin::serve(listener, pages.clone(), end.clone()));
    }

    // Certificates, of which the mesh says for which trust domain.
    let mesh = tokio::select! {
        mesh = first_mesh(revisions.clone()) => mesh?,
        told = told_to_end() => return told,
    };
    let now = OffsetDateTime::now_utc();
    let loaded = ca_secret::authority(&config.ca_dir, &mesh.trust_domain, config.root_cert_ttl, now)?;
    let issuer = ca_secret::issuer(&config.ca_dir, &config.token_audiences)?;
    let (encryption, encryptions) = watch::channel(tls::server(&config, &loaded, now)?);
    authority.send_replace(Some(Arc::new(loaded)));
    tasks.spawn(renewal::run(config.clone(), authority, encryption, end.clone()));
    let authenticator = authenticator(issuer, revisions.clone());
    let signer = Arc::new(Signer::new(authorities, limits(&config)));

    // Discovery, and certificates on the encrypted port.
    let by_host = config.discovers_virtual_hosts();
    let discovery = Ads::new(compiler, authenticator.clone(), revisions, registry, metrics.clone(), by_host);
    tasks.spawn(until(end.clone(), discovery.spread()));
    let certificates = Certificates::service(authenticator, signer, metrics);
    let manners = Manners::from(&config);
    let plain = (ports.plain, None, None);
    for (listener, encryption, certificates) in [plain, (ports.secure, Some(encryptions), Some(certificates))] {
        if let Some(listener) = listener {
            let router = Router { discovery: discovery.clone(), certificates };
            tasks.spawn(server::serve(listener, encryption, router, manners.clone(), end.clone()));
        }
    }

    told_to_end().await?;
    tracing::info!("ending");
    end.cancel();
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// The sockets; all are bound at once, so that one that is taken is told of before anything is served.
struct Ports {
    http: Option<TcpListener>,
    monitoring: Option<TcpListener>,
    plain: Option<TcpListener>,
    secure: Option<TcpListener>,
}

impl Ports {
    async fn bind(config: &Config) -> std::io::Result<Self> {
        Ok(Self {
            http: server::bind("http", config.http_addr).await?,
            monitoring: server::bind("monitoring", config.monitoring_addr).await?,
            plain: server::bind("grpc", config.grpc_addr).await?,
            secure: server::bind("secure-grpc", config.secure_grpc_addr).await?,
        })
    }
}

/// Starts the sources and the one writer. Both block, and end when the process does.
fn sources(config: &Config) -> anyhow::Result<(watch::Receiver<Option<Published>>, watch::Receiver<Board>)> {
    let (events, arrived) = mpsc::channel(MAX_WAITING);
    let (published, revisions) = watch::channel(None);
    let (board, looked) = watch::channel(Board::default());
    let files = Files::open(Roots { folders: config.folders.clone(), mesh: config.mesh.clone() })?;
    thread("files", move || files.run(&events))?;
    let store = Store::new(settings(config));
    thread("writer", move || writer::run(store, arrived, &Readers { published, board }))?;
    Ok((revisions, looked))
}

/// Runs until it ends, or the process is told to.
async fn until(end: CancellationToken, work: impl Future<Output = ()> + Send) {
    end.run_until_cancelled(work).await;
}

fn authenticator(issuer: Issuer, current: watch::Receiver<Option<Published>>) -> Arc<Authenticator> {
    Arc::new(Authenticator::new(issuer, move || mesh_of(&current)))
}

fn limits(config: &Config) -> Limits {
    Limits { default: config.workload_cert_ttl, most: config.max_workload_cert_ttl }
}

fn settings(config: &Config) -> Settings {
    let revision = if config.revision.is_empty() { "default" } else { &config.revision };
    Settings {
        revision: revision.into(),
        domain: config.domain.as_str().into(),
        namespace: config.namespace.as_str().into(),
        expected: Kind::ALL.into_iter().collect(),
        assume_secrets: false,
    }
}

/// Blocking work of the process's whole life. The thread is not waited for.
fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    std::thread::Builder::new().name(name.into()).spawn(work).context("cannot start a thread")?;
    Ok(())
}

/// The settings of the first revision.
async fn first_mesh(mut revisions: watch::Receiver<Option<Published>>) -> anyhow::Result<Arc<Mesh>> {
    revisions.wait_for(Option::is_some).await.context("the sources ended before they had synced")?;
    Ok(mesh_of(&revisions))
}

fn mesh_of(revisions: &watch::Receiver<Option<Published>>) -> Arc<Mesh> {
    revisions.borrow().as_ref().map(|published| published.snapshot.mesh.clone()).unwrap_or_default()
}

async fn told_to_end() -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
