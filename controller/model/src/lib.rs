//! Part of Heddle.

pub mod identity;
pub mod token;
