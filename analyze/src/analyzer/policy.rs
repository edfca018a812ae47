//! Analyzers of security and telemetry.

pub(super) mod authorization;
pub(super) mod blocked_cidrs;
pub(super) mod gateway_selector;
pub(super) mod lightstep;
pub(super) mod provider;
pub(super) mod telemetry_default;
pub(super) mod telemetry_selector;
