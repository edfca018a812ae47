//! The client of a view, as far as the answers of a snapshot depend on it.

use heddle_model::{Text, labels::Labels, proxy::ProxyKind};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// Sidecar or gateway.
    pub(crate) kind: ProxyKind,
    /// Its namespace.
    pub(crate) namespace: Text,
    /// Those of its labels that some object reads.
    pub(crate) labels: Labels,
}
