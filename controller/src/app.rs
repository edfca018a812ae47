//! Joins the parts. Every task of the process is started here, in the order in which it is needed.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use heddle_ca::{Authority, Limits};
use heddle_model::mesh::Mesh;
use heddle_serve::ads::Ads;
use heddle_serve::csr::Certificates;
use heddle_serve::metrics::Metrics;
use heddle_serve::push::Published;
use heddle_serve::registry::ConnectionRegistry;
use kube::Client;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admin::{self, Pages};
use crate::auth::{self, Accounts, Authenticator, ClusterChecks, Issuers, KeyRing, SecretRights, Tokens};
use crate::authority::{self, Keeper, Signer};
use crate::bindings;
use crate::cluster;
use crate::config::Config;
use crate::generate::CountedCompiler;
use crate::router::Router;
use crate::server::{self, KeepaliveConfig};
use crate::source::pod_index::PodIndex;
use crate::telemetry::Log;
use crate::tls;

mod duties;
mod sources;

use duties::attend;
use sources::{Sources, sources};

/// Runs until the process is told to end.
///
/// # Errors
/// When something is missing without which it cannot begin: a folder, a certificate, a port.
pub(crate) async fn run(config: Config, log: Log) -> anyhow::Result<()> {
    let end = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let ports = Ports::bind(&config).await?;
    serve_levels(&config, log, &mut tasks, &end).await;
    let cluster = cluster::connect(&config).await?;
    let Sources { revisions, state, pod_index } = sources(&config, cluster.clone(), &mut tasks, &end)?;

    // Pages, first of all so that probes are answered while the rest is not ready.
    let metrics = Arc::new(Metrics::default());
    let registry = Arc::new(ConnectionRegistry::new(metrics.clone()));
    let compiler = Arc::new(CountedCompiler::default());
    let (known, authorities) = watch::channel(None);
    let (bound, bindings) = watch::channel(Arc::default());
    tasks.spawn(until(end.clone(), bindings::follow(state.clone(), bound)));
    let pages = Pages {
        registry: registry.clone(),
        state,
        bindings,
        published: revisions.clone(),
        authority: authorities.clone(),
        compiled: compiler.clone(),
        webhooks: Arc::default(),
        tokens: Arc::default(),
        cluster: config.cluster_id.clone(),
        pod: config.pod_name.clone(),
        started: Instant::now(),
    };
    show([ports.http, ports.monitoring], &pages, &mut tasks, &end);

    let (keeper, loaded) = tokio::select! {
        opened = opened(&config, cluster.clone(), revisions.clone()) => opened?,
        told = told_to_end() => return told,
    };
    let (encryption, encryptions) = watch::channel(tls::server(&config, &loaded, OffsetDateTime::now_utc())?);
    known.send_replace(Some(Arc::new(loaded)));
    tasks.spawn(authority::renew(config.clone(), keeper, known, encryption, end.clone()));
    let (asked, inspect) = (ports.https.zip(Some(encryptions.clone())), Arc::new(pages.clone()));
    let counts = pages.tokens.clone();
    attend(&config, cluster.clone(), (asked, pod_index.clone()), pages, &mut tasks, &end);
    let authenticator = authenticator(&config, cluster, (pod_index, counts), revisions.clone(), &mut tasks, &end)?;
    let signer = Arc::new(Signer::new(authorities, limits(&config)));

    // Discovery, and certificates on the encrypted port.
    let by_host = config.discovers_virtual_hosts();
    let discovery = Ads::new(compiler, authenticator.clone(), revisions, registry, metrics.clone(), by_host);
    let discovery = discovery.inspected(inspect);
    tasks.spawn(until(end.clone(), discovery.rounds()));
    let certificates = Certificates::service(authenticator, signer, metrics);
    let plain = ports.plain.map(|listener| (listener, None, None));
    let secure = ports.secure.map(|listener| (listener, Some(encryptions), Some(certificates)));
    for (listener, encryption, certificates) in plain.into_iter().chain(secure) {
        let router = Router { discovery: discovery.clone(), certificates };
        tasks.spawn(server::serve(listener, encryption, router, KeepaliveConfig::from(&config), end.clone()));
    }

    told_to_end().await?;
    finish(tasks, &end).await;
    Ok(())
}

/// Tells all tasks to end, and waits for them.
async fn finish(mut tasks: JoinSet<()>, end: &CancellationToken) {
    tracing::info!("stopping");
    end.cancel();
    while tasks.join_next().await.is_some() {}
}

/// The pages' ports.
fn show(listeners: [Option<TcpListener>; 2], pages: &Pages, tasks: &mut JoinSet<()>, end: &CancellationToken) {
    for listener in listeners.into_iter().flatten() {
        tasks.spawn(admin::serve(listener, pages.clone(), end.clone()));
    }
}

/// The sockets; all are bound at once, so that one that is taken is told of before anything is served.
struct Ports {
    http: Option<TcpListener>,
    monitoring: Option<TcpListener>,
    plain: Option<TcpListener>,
    secure: Option<TcpListener>,
    https: Option<TcpListener>,
}

impl Ports {
    async fn bind(config: &Config) -> std::io::Result<Self> {
        Ok(Self {
            http: server::bind("http", config.http_addr).await?,
            monitoring: server::bind("monitoring", config.monitoring_addr).await?,
            plain: server::bind("grpc", config.grpc_addr).await?,
            secure: server::bind("secure-grpc", config.secure_grpc_addr).await?,
            https: if config.is_in_cluster() { server::bind("https", config.https_addr).await? } else { None },
        })
    }
}

/// The port of the log levels. Not to have it is no reason not to start: another heddled of this machine may have it.
async fn serve_levels(config: &Config, log: Log, tasks: &mut JoinSet<()>, end: &CancellationToken) {
    match server::bind("levels", config.control_addr()).await {
        Ok(listener) => _ = listener.map(|listener| tasks.spawn(admin::serve_levels(listener, log, end.clone()))),
        Err(error) => tracing::warn!(%error, "the log levels cannot be changed while heddled runs"),
    }
}

/// Decides who a caller is: by the cluster, if there is one.
fn authenticator(
    config: &Config,
    cluster: Option<Client>,
    tokens_of: (PodIndex, Arc<auth::Counts>),
    revisions: watch::Receiver<Option<Published>>,
    tasks: &mut JoinSet<()>,
    end: &CancellationToken,
) -> anyhow::Result<Arc<Authenticator>> {
    let (issuers, checks) = match cluster {
        Some(client) => {
            let (tokens, checks) = tokens(config, client, tokens_of, tasks, end);
            (Issuers::Cluster(Box::new(tokens)), Some(checks))
        }
        None => (Issuers::Local(Box::new(authority::issuer(&config.ca_dir, &config.token_audiences)?)), None),
    };
    Ok(Arc::new(Authenticator::new(issuers, checks, move || mesh_of(&revisions))))
}

/// What judges the tokens of a cluster and checks their accounts.
fn tokens(
    config: &Config,
    client: Client,
    (pod_index, counts): (PodIndex, Arc<auth::Counts>),
    tasks: &mut JoinSet<()>,
    end: &CancellationToken,
) -> (Tokens, ClusterChecks) {
    let (keys, accounts) = (KeyRing::new(counts.clone()), Accounts::new(client.clone()));
    tasks.spawn(until(end.clone(), keys.clone().follow(client.clone())));
    tasks.spawn(until(end.clone(), accounts.clone().follow()));
    let checks = ClusterChecks { rights: SecretRights::new(client.clone()), accounts: accounts.clone() };
    (Tokens::new(client, (keys, counts), (pod_index, accounts), config.token_audiences.clone()), checks)
}

/// Runs until it ends, or the process is told to.
async fn until(end: CancellationToken, work: impl Future<Output = ()> + Send) {
    end.run_until_cancelled(work).await;
}

fn limits(config: &Config) -> Limits {
    Limits { default: config.workload_cert_ttl, most: config.max_workload_cert_ttl }
}

/// The authority and where it is kept. The mesh says for which trust domain it is.
async fn opened(
    config: &Config,
    cluster: Option<Client>,
    revisions: watch::Receiver<Option<Published>>,
) -> anyhow::Result<(Keeper, Authority)> {
    let mesh = first_mesh(revisions).await?;
    let keeper = Keeper::of(config, cluster)?;
    let loaded = keeper.load(config, &mesh.trust_domain, OffsetDateTime::now_utc()).await?;
    Ok((keeper, loaded))
}

/// The settings of the first revision.
async fn first_mesh(mut revisions: watch::Receiver<Option<Published>>) -> anyhow::Result<Arc<Mesh>> {
    revisions.wait_for(Option::is_some).await.context("the sources stopped before they had read all objects")?;
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
