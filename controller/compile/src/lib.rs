//! Part of Heddle.
