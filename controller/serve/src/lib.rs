//! Serves Envoys: discovery (ADS) and certificates over gRPC. It knows neither Kubernetes nor how configuration is
//! compiled; the daemon joins it to both by the traits here.

pub mod auth;
pub mod csr;
pub mod generate;
pub mod metrics;
pub mod node;
pub mod push;
pub mod registry;

pub use generate::Generate;
