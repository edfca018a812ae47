//! Starts what events come from, and the one writer.

use std::collections::BTreeSet;

use anyhow::Context;
use heddle_model::Text;
use heddle_model::object::Kind;
use heddle_serve::push::Published;
use heddle_store::{Settings, SourceId, Store};
use kube::Client;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::source::file::{Files, Roots};
use crate::source::kinds;
use crate::source::kube::Cluster;
use crate::source::pod_index::PodIndex;
use crate::writer::{self, ControllerState, Readers};

/// Batches of events that may wait for the writer; a source that is ahead waits.
const MAX_WAITING: usize = 1024;

/// What comes of the sources.
pub(super) struct Sources {
    /// Revisions that streams are answered from.
    pub revisions: watch::Receiver<Option<Published>>,
    /// The newest revision, for people.
    pub state: watch::Receiver<ControllerState>,
    /// The pods that exist.
    pub pod_index: PodIndex,
}

/// Starts the sources and the one writer. Where there is a cluster, files give the mesh's settings at most.
pub(super) fn sources(
    config: &Config,
    cluster: Option<Client>,
    tasks: &mut JoinSet<()>,
    end: &CancellationToken,
) -> anyhow::Result<Sources> {
    let (events, arrived) = mpsc::channel(MAX_WAITING);
    let (published, revisions) = watch::channel(None);
    let (shown, state) = watch::channel(ControllerState::default());
    let watched = cluster.as_ref().map(|_| kinds::watched(&config.namespace));
    let from_files = watched.as_ref().map_or_else(|| Kind::all().collect(), |_| vec![Kind::MeshConfig]);
    let own = Text::default();
    let from_cluster = watched.iter().flatten().map(|of| (SourceId::ApiServer(own.clone()), of.kind));
    let expected = from_files.iter().map(|kind| (SourceId::Files, *kind)).chain(from_cluster);
    let store = Store::new(settings(config, expected.collect()));
    let roots = Roots { folders: config.folders.clone(), mesh: config.mesh.clone(), kinds: from_files };
    let (files, out) = (Files::open(roots)?, events.clone());
    thread("files", move || files.run(&out))?;
    thread("writer", move || writer::run(store, arrived, &Readers { published, state: shown }))?;
    let pod_index = PodIndex::default();
    if let (Some(client), Some(kinds)) = (cluster, watched) {
        let namespace = config.namespace.clone();
        let (pod_index, statuses) = (pod_index.clone(), config.status);
        let cluster = Cluster { id: own, client, out: events, pod_index, statuses, namespace };
        let source = cluster.run(kinds);
        let end = end.clone();
        tasks.spawn(async move { _ = end.run_until_cancelled_owned(source).await });
    }
    Ok(Sources { revisions, state, pod_index })
}

fn settings(config: &Config, expected: BTreeSet<(SourceId, Kind)>) -> Settings {
    Settings {
        revision: config.revision().into(),
        domain: config.domain.as_str().into(),
        namespace: config.namespace.as_str().into(),
        expected,
        assume_secrets: false,
    }
}

/// Blocking work of the process's whole life. The thread is not waited for.
fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    std::thread::Builder::new().name(name.into()).spawn(work).context("cannot start a thread")?;
    Ok(())
}
