//! What a proxy rejects, and the objects behind it.

use std::sync::Arc;

use heddle_model::object::ObjectRef;
use heddle_xds_api::{TypeUrl, subscription::Nonce};

use super::{ConnectionRegistry, Entry};

/// The reason of a NACK whose `error_detail` has no message.
pub(super) const NO_REASON: &str = "it gave no reason";
/// The most bytes that are kept of the message of a NACK. Envoy names each resource that it rejects.
pub(super) const MAX_REASON: usize = 8 * 1024;

/// Names in a message of resources that a proxy is without.
const MAX_NAMES: usize = 8;

/// What one proxy rejects of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// `<pod>.<namespace>`.
    pub proxy: String,
    /// The type.
    pub type_url: TypeUrl,
    /// The message of the NACK.
    pub reason: String,
    /// The objects that the rejected resources were compiled from.
    pub objects: Vec<Arc<ObjectRef>>,
}

/// A NACK whose objects are not known yet. Until they are, the type keeps the objects of the NACK before.
#[derive(Debug)]
#[must_use = "a rejection without its objects is in no status"]
pub struct PendingRejection {
    pub(super) registry: Arc<ConnectionRegistry>,
    pub(super) entry: Arc<Entry>,
    pub(super) url: TypeUrl,
    pub(super) nonce: Nonce,
    pub(super) reason: String,
    pub(super) lookup: usize,
}

impl PendingRejection {
    /// The rejected resources are being searched for. A NACK that follows is about them alone.
    pub fn search(self) {
        let (connection, short) = (&self.entry.connection, self.url.short());
        tracing::debug!(connection, r#type = short, nonce = %self.nonce, reason = self.reason, "rejected, of several");
        self.registry.note_rejection_change();
    }

    /// Adds the objects that the rejected resources were compiled from, unless a newer ACK or NACK has arrived.
    pub fn complete(self, objects: Vec<Arc<ObjectRef>>) {
        let Self { registry, entry, url, nonce, reason, lookup } = self;
        let (connection, short) = (&entry.connection, url.short());
        let names: Vec<String> = objects.iter().map(ToString::to_string).collect();
        tracing::warn!(connection, r#type = short, nonce = %nonce, reason, objects = ?names, "rejected");
        let mut discovery = entry.discovery.lock();
        if let Some(state) =
            discovery.types.get_mut(&url).filter(|state| (state.nacked, state.lookups) == (Some(nonce), lookup))
        {
            state.objects = objects;
        }
        registry.note_rejection_change();
    }
}

/// The message of a NACK, of a proxy that is `without` any accepted version of these resources.
pub(super) fn message(reason: &str, without: &[Arc<str>]) -> String {
    let reason = shortened(if reason.is_empty() { NO_REASON } else { reason });
    if without.is_empty() {
        return reason;
    }
    let names: Vec<&str> = without.iter().take(MAX_NAMES).map(|name| &**name).collect();
    let more = if without.len() > MAX_NAMES { ", …" } else { "" };
    format!("{reason} (it has no accepted version of {}{more})", names.join(", "))
}

fn shortened(reason: &str) -> String {
    let end = reason.floor_char_boundary(MAX_REASON);
    if end == reason.len() { reason.to_owned() } else { format!("{} … ({} bytes)", &reason[..end], reason.len()) }
}
