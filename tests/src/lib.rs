//! The harness of the tests: real processes, a real Envoy, an HTTP client with time limits and a service to call.
//!
//! Everything listens on loopback, and a process started here ends with its value. Failures are `anyhow` errors
//! that carry the end of the log of the process concerned, because that is what one looks at first.

pub mod breaking_relay;
pub mod cluster;
pub mod control;
pub mod echo;
pub mod envoy;
pub mod folder;
pub mod http;
pub mod image;
pub mod latency;
pub mod load;
pub mod mesh;
pub mod pods;
pub mod process;
pub mod product;
pub mod tour;
pub mod xds_client;
