//! When streams are compiled for: at their start, and in one round after each commit.

pub(crate) mod admission;
pub(crate) mod audience;
pub(crate) mod pace;
