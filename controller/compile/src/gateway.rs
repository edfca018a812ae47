//! Gateway proxies: the Gateways that select one are merged by port, then listened on and routed.

pub mod listener;
pub mod merge;
pub mod route;
