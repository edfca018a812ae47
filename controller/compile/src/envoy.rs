//! Constructors of Envoy's messages with our defaults: the only place where a message is filled up by `Default`.

pub(crate) mod any;
pub(crate) mod cluster;
pub(crate) mod duration;
pub(crate) mod endpoint;
pub(crate) mod http1;
pub(crate) mod metadata;
pub(crate) mod source;
pub(crate) mod tls;
