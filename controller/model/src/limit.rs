//! Limits of what small objects multiply to.

/// HTTP routes of all hosts of one VirtualService on one proxy. Each host has all of them, so an object of a hundred
/// kilobytes could become gigabytes.
pub const MAX_ROUTES: usize = 100_000;
