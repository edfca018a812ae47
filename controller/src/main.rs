//! Part of Heddle.

fn main() {}
