//! What there is to do besides serving where there is a cluster: answering its webhooks, and what one replica writes to
//! it.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::Client;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::until;
use crate::admin::Pages;
use crate::authority::RootCerts;
use crate::cluster::Candidate;
use crate::config::Config;
use crate::source::pod_index::PodIndex;
use crate::status::{Events, Writer};
use crate::webhook::{self, Bundles, Webhooks};

/// The Lease of the replica that writes for its revision; a revision's has the revision behind it.
const LEADER: &str = "heddle-leader";
/// The Lease of the replica that writes to objects that all revisions read.
const SPEAKER: &str = "heddle-status-leader";

/// The port of webhooks, with its certificates.
type Asked = (TcpListener, watch::Receiver<Arc<ServerConfig>>);

/// Starts what a cluster asks for, if there is one.
pub(super) fn attend(
    config: &Config,
    cluster: Option<Client>,
    (asked, pod_index): (Option<Asked>, PodIndex),
    pages: Pages,
    tasks: &mut JoinSet<()>,
    end: &CancellationToken,
) {
    let Some(client) = cluster else { return };
    let (namespace, revision) = (config.namespace.clone(), config.revision().to_owned());
    let suffix = if revision == "default" { String::new() } else { format!("-{revision}") };
    let leads = elect(config, &client, format!("{LEADER}{suffix}"), tasks, end);
    let (template, settings) = watch::channel(None);
    tasks.spawn(until(end.clone(), webhook::follow(client.clone(), namespace.clone(), revision.clone(), template)));
    if let Some((listener, encryption)) = asked {
        let webhooks = Webhooks::new(pages.webhooks.clone(), settings, pod_index, pages.state.clone());
        tasks.spawn(webhook::serve(listener, encryption, webhooks, end.clone()));
    }
    if config.status {
        let speaks = elect(config, &client, SPEAKER.into(), tasks, end);
        let writer = Writer {
            client: client.clone(),
            state: pages.state.clone(),
            bindings: pages.bindings.clone(),
            started: pages.started,
            compiled: pages.compiled.clone(),
            registry: pages.registry.clone(),
            revision: revision.as_str().into(),
            namespace: namespace.as_str().into(),
            leads: leads.clone(),
            speaks,
            tried: BTreeMap::new(),
            events: Events::default(),
        };
        tasks.spawn(until(end.clone(), writer.run()));
    }
    let (authority, counts) = (pages.authority.clone(), pages.webhooks);
    let bundles = Bundles { client: client.clone(), revision, namespace, authority, counts };
    tasks.spawn(until(end.clone(), bundles.run()));
    let roots = RootCerts { client, state: pages.state, authority: pages.authority, leads };
    tasks.spawn(until(end.clone(), roots.run()));
}

/// Takes part in an election; says whether this replica holds the Lease.
fn elect(
    config: &Config,
    client: &Client,
    lease: String,
    tasks: &mut JoinSet<()>,
    end: &CancellationToken,
) -> watch::Receiver<bool> {
    let (elected, leads) = watch::channel(false);
    let candidate = Candidate::new(client.clone(), &config.namespace, lease, &config.pod_name);
    tasks.spawn(candidate.run(elected, end.clone()));
    leads
}
