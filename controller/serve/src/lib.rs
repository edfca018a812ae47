//! Serves Envoys: discovery (ADS) and certificates over gRPC. It knows neither Kubernetes nor how configuration is
//! compiled; the daemon joins it to both by the traits here.

mod admission;
pub mod ads;
mod answer;
mod audience;
pub mod auth;
pub mod csr;
mod delta;
mod error;
pub mod generate;
pub mod inspect;
mod mailbox;
mod message;
pub mod metrics;
pub mod node;
mod pace;
pub mod push;
pub mod registry;
mod requests;
mod rights;
mod sotw;
mod stream;

pub use generate::Generate;
