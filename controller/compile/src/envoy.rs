//! Constructors of Envoy's messages with our defaults: the only place where a message is filled up by `Default`.

pub mod any;
pub mod cluster;
pub mod duration;
pub mod endpoint;
pub mod http1;
pub mod metadata;
pub mod source;
pub mod tls;
