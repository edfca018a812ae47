//! The kinds of `security.istio.io`.

pub mod peer_authentication;
