//! The service accounts that exist. A token or a certificate of a deleted account must not lead to another certificate.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use parking_lot::RwLock;

use super::call_limit::CallLimit;
use crate::cluster::reason;
use crate::source::kube::steady;

/// The page size of the list.
const PAGE: u32 = 500;
/// How long the API server may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Questions about accounts that the watch does not know: so many at once, and so many a second.
const QUESTIONS: (u32, u32) = (20, 10);

/// The metadata of an account; nothing else is read.
pub(super) type Account = PartialObjectMeta<ServiceAccount>;
/// UIDs by namespace and name.
pub(super) type Uids = BTreeMap<(String, String), String>;

/// Follows the accounts of the cluster.
pub(crate) struct Accounts {
    client: Client,
    /// `None` until they were listed. A lock, because a revision would lag behind the watch: a token ends with its
    /// account. It is held for one read or one change.
    uids: RwLock<Option<Uids>>,
    questions: CallLimit,
}

/// What the watch knows of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// The accounts were not listed yet, or heddled may not list them.
    Unknown,
    /// There is none of this name. A new one may not have arrived yet.
    Missing,
    /// It exists, with this UID.
    Exists(String),
}

impl Accounts {
    /// Nothing is known yet.
    pub(crate) fn new(client: Client) -> Arc<Self> {
        Arc::new(Self { client, uids: RwLock::default(), questions: CallLimit::new(QUESTIONS.0, QUESTIONS.1) })
    }

    /// Keeps them up to date.
    pub(crate) async fn follow(self: Arc<Self>) {
        let api: Api<Account> = Api::all(self.client.clone());
        let events = watcher(api, watcher::Config::default().page_size(PAGE));
        let mut events = pin!(steady(events, "ServiceAccount"));
        let mut listed = Uids::new();
        while let Some(event) = events.next().await {
            self.note(event, &mut listed);
        }
    }

    /// Applies an event of the watch. `listed` has those of a list that has not ended; until then the old ones hold.
    pub(super) fn note(&self, event: Event<Account>, listed: &mut Uids) {
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(account) => _ = listed.insert(key(&account), uid(account)),
            Event::InitDone => *self.uids.write() = Some(std::mem::take(listed)),
            Event::Apply(account) => {
                self.uids.write().as_mut().map(|uids| uids.insert(key(&account), uid(account)));
            }
            Event::Delete(account) => {
                self.uids.write().as_mut().map(|uids| uids.remove(&key(&account)));
            }
        }
    }

    pub(super) fn presence(&self, namespace: &str, name: &str) -> Presence {
        match &*self.uids.read() {
            None => Presence::Unknown,
            Some(uids) => uids
                .get(&(namespace.to_owned(), name.to_owned()))
                .map_or(Presence::Missing, |uid| Presence::Exists(uid.clone())),
        }
    }

    /// Whether an account exists, and has this UID unless it is empty. The API server is asked about what the watch
    /// does not know. Its answer to a TokenReview is not enough: it keeps such answers for 10 seconds.
    pub(super) async fn confirm(&self, namespace: &str, name: &str, uid: &str) -> bool {
        match self.presence(namespace, name) {
            Presence::Unknown => true,
            Presence::Exists(found) if uid.is_empty() || found == uid => true,
            Presence::Exists(_) | Presence::Missing => self.questions.take() && self.ask(namespace, name, uid).await,
        }
    }

    async fn ask(&self, namespace: &str, name: &str, uid: &str) -> bool {
        let api: Api<Account> = Api::namespaced(self.client.clone(), namespace);
        match tokio::time::timeout(PATIENCE, api.get_opt(name)).await {
            Ok(Ok(found)) => found.is_some_and(|found| uid.is_empty() || self::uid(found) == uid),
            failed => {
                let error =
                    failed.map_or("timeout".into(), |answer| answer.err().map_or_else(String::new, |e| reason(&e)));
                tracing::error!(namespace, name, error, "cannot check whether a service account exists");
                false
            }
        }
    }
}

fn key(account: &Account) -> (String, String) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    (text(&account.metadata.namespace), text(&account.metadata.name))
}

fn uid(account: Account) -> String {
    account.metadata.uid.unwrap_or_default()
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}
