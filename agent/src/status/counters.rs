//! What the agent counts, shared by all of its tasks.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

/// All of the agent's counters.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Calls to the certificate authority.
    pub(crate) csr_calls: Counter,
    /// Those of them that gave no certificate.
    pub(crate) csr_failures: Counter,
    /// Times that Envoy ended by itself and was started again.
    pub(crate) envoy_restarts: Counter,
    /// Discovery streams that Envoy opened.
    pub(crate) xds_streams: Counter,
    /// Tries to reach the control plane that failed.
    pub(crate) xds_failures: Counter,
    /// Discovery streams that the control plane's side ended.
    pub(crate) xds_losses: Counter,
    /// Questions for names that were read.
    pub(crate) dns_requests: Counter,
    /// Those of them that a resolver was asked.
    pub(crate) dns_upstream_requests: Counter,
    /// Those that nobody answered, or that were dropped because too many were under way.
    pub(crate) dns_failures: Counter,
    /// Ends of the stream that brings the name table.
    pub(crate) dns_table_losses: Counter,
    /// Parts of the merged metrics that could not be had.
    pub(crate) scrape_failures: Counter,
}

impl Counter {
    /// One more.
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many so far.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
