//! Secrets with certificates for gateways. Only the keys that TLS needs are kept, and they never print.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{Text, object::Origin};

/// Certificates of one Secret or ConfigMap.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// The object.
    pub origin: Origin,
    /// Chain, PEM; empty: none.
    pub certificate: Arc<[u8]>,
    /// Key, PEM; empty: none.
    pub key: Arc<[u8]>,
    /// Roots, PEM; empty: none.
    pub roots: Arc<[u8]>,
    /// Revocation list, PEM; empty: none.
    pub revocations: Arc<[u8]>,
    /// OCSP staple; empty: none.
    pub staple: Arc<[u8]>,
}

/// All secrets, by namespace and name. A ConfigMap's name is written `configmap://<name>`.
pub type Secrets = BTreeMap<(Text, Text), Arc<Secret>>;

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("origin", &self.origin).finish_non_exhaustive()
    }
}
