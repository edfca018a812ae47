//! From objects to snapshots, a file a kind.

mod binding;
mod build;
mod destination_rule;
mod endpoint_slice;
mod gateway;
mod ingress;
mod mesh;
mod peer_authentication;
mod pod;
mod secret;
mod service;
mod service_entry;
mod sharing;
mod shuffle;
mod sidecar;
mod source;
mod text;
mod virtual_service;
mod workload_entry;
