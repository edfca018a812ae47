//! Gateway proxies: the Gateways that select one are merged by port, then listened on and routed.

pub(crate) mod listener;
pub(crate) mod merge;
pub(crate) mod route;
