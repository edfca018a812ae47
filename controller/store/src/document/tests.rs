//! What a file gives.
