//! What fuzzers run: each target takes bytes and must come back, whatever they are.
//!
//! A target is an ordinary function, so that libFuzzer's programs (`engine/`, built by `make fuzz` only) and the tests
//! that replay committed inputs run the very same code. What it asserts is its oracle: a panic is a finding.
#![allow(clippy::missing_panics_doc, reason = "a panic is how a target reports")]

pub mod csr;
pub mod delta;
mod der;
pub mod hostile;
pub mod inject;
mod mesh;
pub mod objects;
pub mod seed;
mod sound;
mod typed;
pub mod yaml;

/// A target: bytes in, a panic if they break something.
pub type FuzzTarget = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, FuzzTarget); 5] =
    [("csr", csr::run), ("delta", delta::run), ("inject", inject::run), ("objects", objects::run), ("yaml", yaml::run)];
