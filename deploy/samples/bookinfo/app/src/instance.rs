//! What one instance knows of itself.

use crate::control::Seen;
use crate::fault::Fault;
use crate::outbound::Outbound;
use crate::role::Role;
use std::sync::Mutex;

/// One instance of one service, shared by its requests.
pub(crate) struct Instance {
    /// Its name, such as `reviews-v2`.
    pub(crate) name: String,
    /// The service it plays.
    pub(crate) role: Role,
    /// Its version, such as `v2`.
    pub(crate) version: String,
    /// The way to other services.
    pub(crate) outbound: Outbound,
    /// What it was told to do wrong. A lock, since each request counts itself against the pattern.
    pub(crate) fault: Mutex<Fault>,
    /// What it saw since the last reset. A lock, since every request adds to it.
    pub(crate) seen: Mutex<Seen>,
}

impl Instance {
    /// A healthy instance that has seen nothing.
    pub(crate) fn new(name: String, role: Role, version: String, outbound: Outbound) -> Self {
        Self { name, role, version, outbound, fault: Mutex::new(Fault::default()), seen: Mutex::new(Seen::default()) }
    }
}
