//! What the store is told once, at start.

use std::collections::BTreeSet;

use heddle_model::{Text, object::Kind};

use crate::object::SourceId;

/// Arguments of a [`Store`](crate::Store).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Our revision: objects labelled `istio.io/rev` with another one are not ours to read. `default` by default.
    pub revision: Text,
    /// DNS domain of the cluster's services.
    pub domain: Text,
    /// Namespace of the control plane, where the ConfigMap `istio` (or `istio-<revision>`) is read.
    pub namespace: Text,
    /// Of which kinds each source will say [`Event::Synced`](crate::Event::Synced); the snapshot is synced after the
    /// last.
    pub expected: BTreeSet<(SourceId, Kind)>,
    /// Secrets that gateways name are taken to exist: offline, where nobody keeps them with the rest.
    pub assume_secrets: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            revision: "default".into(),
            domain: "cluster.local".into(),
            namespace: "istio-system".into(),
            expected: BTreeSet::new(),
            assume_secrets: false,
        }
    }
}
