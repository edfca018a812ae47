//! Peer authentication: whether a workload takes plain text, mutual TLS or both.

use std::{collections::BTreeMap, sync::Arc};

use crate::{Text, labels::Labels, object::Origin};

/// All PeerAuthentications by namespace, the oldest first. A namespace without a change keeps its list.
pub type PeerAuthentications = BTreeMap<Text, Arc<Vec<Arc<PeerAuthentication>>>>;

/// One PeerAuthentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAuthentication {
    /// The object.
    pub origin: Origin,
    /// Workloads; none or empty: the namespace, or the mesh in the root namespace.
    pub selector: Option<Labels>,
    /// Mode; none: inherited.
    pub mode: Option<MtlsMode>,
    /// Modes by workload port; a none is inherited.
    pub ports: BTreeMap<u16, Option<MtlsMode>>,
}

/// What a port takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MtlsMode {
    /// Plain text only.
    Disable,
    /// Both.
    #[default]
    Permissive,
    /// Mutual TLS only.
    Strict,
}

/// The modes that bind one workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectiveMtls {
    /// Mode of every port without one of its own.
    pub default: MtlsMode,
    /// Modes by workload port.
    pub ports: BTreeMap<u16, MtlsMode>,
}

impl EffectiveMtls {
    /// The mode of a port.
    #[must_use]
    pub fn of(&self, port: u16) -> MtlsMode {
        self.ports.get(&port).copied().unwrap_or(self.default)
    }
}
