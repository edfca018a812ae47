//! The kinds of `networking.istio.io`.

pub mod connection_pool;
pub mod destination;
pub mod destination_rule;
pub mod envoy_filter;
pub mod gateway;
pub mod port;
pub mod proxy_config;
pub mod service_entry;
pub mod sidecar;
pub mod tls;
pub mod virtual_service;
pub mod workload_entry;
pub mod workload_group;
