//! What a client is sent instead of a resource that it rejects while it holds none of that name.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use crate::{Resource, TypeUrl};

/// Accepted resources that are kept for clients that start. More rejected names at once lose the oldest.
const MEMORY: usize = 1024;

/// What stands in for a resource of which no client has accepted any version. It must let nothing pass that the
/// resource would not. None where the client does without.
pub type StandIn = fn(&Resource) -> Option<Resource>;

/// What is sent instead of rejected resources, for all clients.
#[derive(Debug)]
pub struct Fallbacks {
    // A mutex, because streams on all threads keep and find resources here, though rarely: only after a NACK.
    accepted: Mutex<VecDeque<Accepted>>,
    /// How often that has changed.
    changes: AtomicU64,
    stand_in: StandIn,
}

/// What a client held when it rejected a resource.
#[derive(Debug)]
struct Accepted {
    scope: Arc<str>,
    /// The version of the rejected resource.
    rejected: u64,
    resource: Arc<Resource>,
}

impl Default for Fallbacks {
    fn default() -> Self {
        Self::new(|_| None)
    }
}

impl Fallbacks {
    /// No client has accepted anything yet.
    #[must_use]
    pub fn new(stand_in: StandIn) -> Self {
        Self { accepted: Mutex::default(), changes: AtomicU64::new(0), stand_in }
    }

    /// Keeps what a client holds that rejects a resource.
    pub(crate) fn keep(&self, scope: &Arc<str>, rejected: &Resource, held: &Arc<Resource>) {
        let scope = scope_of(scope, rejected);
        let mut accepted = self.accepted.lock();
        if let Some(known) = accepted.iter().find(|one| one.is_for(&scope, rejected))
            && known.resource.version() == held.version()
        {
            return;
        }
        accepted.retain(|one| !one.is_for(&scope, rejected));
        if accepted.len() == MEMORY {
            accepted.pop_front();
        }
        accepted.push_back(Accepted { scope, rejected: rejected.version(), resource: held.clone() });
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Changes when there is something new that a client has accepted.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// The newest version that a client holds which rejects this very resource. The bytes are the same, so they were
    /// compiled for the same purpose.
    pub(crate) fn accepted(&self, scope: &Arc<str>, rejected: &Resource) -> Option<Arc<Resource>> {
        let scope = scope_of(scope, rejected);
        let accepted = self.accepted.lock();
        accepted.iter().rev().find(|one| one.is_for(&scope, rejected)).map(|one| one.resource.clone())
    }

    pub(crate) fn stand_in(&self, rejected: &Resource) -> Option<Arc<Resource>> {
        (self.stand_in)(rejected).map(Arc::new)
    }

    pub(crate) fn is_stand_in(&self, resource: &Resource, rejected: &Resource) -> bool {
        (self.stand_in)(rejected).is_some_and(|stand_in| stand_in.version() == resource.version())
    }
}

impl Accepted {
    fn is_for(&self, scope: &Arc<str>, rejected: &Resource) -> bool {
        let held = &self.resource;
        // First what nearly always differs.
        self.rejected == rejected.version()
            && (held.type_url(), held.name()) == (rejected.type_url(), rejected.name())
            && self.scope == *scope
    }
}

/// Secrets stay within the scope of the client. Nothing else that a client is sent is a secret.
fn scope_of(scope: &Arc<str>, rejected: &Resource) -> Arc<str> {
    if rejected.type_url() == TypeUrl::Secret { scope.clone() } else { Arc::default() }
}
