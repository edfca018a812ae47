//! Analyzers of traffic: gateways, routes, destinations and sidecars.

pub(super) mod ca_certificate;
pub(super) mod certificate;
pub(super) mod claim_route;
pub(super) mod destination_host;
pub(super) mod destination_subset;
pub(super) mod entry_address;
pub(super) mod entry_protocol;
pub(super) mod envoy_filter;
pub(super) mod gateway_conflict;
pub(super) mod gateway_host;
pub(super) mod gateway_port;
pub(super) mod gateway_secret;
pub(super) mod mesh_host;
pub(super) mod mesh_networks;
pub(super) mod remote_service;
pub(super) mod sidecar;
pub(super) mod subset;

mod destination;
mod gateway_pod;
