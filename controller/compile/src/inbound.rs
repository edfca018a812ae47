//! The inbound side of a sidecar: one key for all replicas of a workload, and what is compiled of it.

mod cluster;
mod key;
mod listener;
mod port;
mod route;

pub(crate) use key::{Inbound, InboundKey};
pub(crate) use port::{has_own_listener, ingress_bind};
