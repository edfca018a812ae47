//! Serves Envoys: discovery (ADS) and certificates over gRPC. It knows neither Kubernetes nor how configuration is
//! compiled; the daemon joins it to both by the traits here.

pub mod ads;
mod aside;
pub mod auth;
pub mod csr;
mod error;
pub mod generate;
pub mod inspect;
pub mod metrics;
pub mod node;
pub mod push;
pub mod registry;
mod rights;
pub mod room;
mod round;
mod stream;
mod transport;

pub use generate::Generate;
