//! The counters of the agent, shared by all its tasks.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

/// All counters of the agent.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Calls to the certificate authority.
    pub(crate) csr_calls: Counter,
    /// Calls to the certificate authority that failed.
    pub(crate) csr_failures: Counter,
    /// Unexpected exits of Envoy, after which it was restarted.
    pub(crate) envoy_restarts: Counter,
    /// xDS streams that Envoy opened.
    pub(crate) xds_streams: Counter,
    /// Failed attempts to connect to the control plane.
    pub(crate) xds_failures: Counter,
    /// xDS streams that the control plane ended.
    pub(crate) xds_losses: Counter,
    /// DNS queries that were read.
    pub(crate) dns_requests: Counter,
    /// DNS queries that were sent to a resolver.
    pub(crate) dns_upstream_requests: Counter,
    /// DNS queries without a response, and those that were dropped because too many were in progress.
    pub(crate) dns_failures: Counter,
    /// Ends of the stream with the name table.
    pub(crate) dns_table_losses: Counter,
    /// Parts of the merged metrics that could not be read.
    pub(crate) scrape_failures: Counter,
}

impl Counter {
    /// Adds one.
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The current count.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
