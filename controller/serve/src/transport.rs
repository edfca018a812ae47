//! gRPC streams of discovery: requests as they arrive, responses as bytes, and the two variants of the transport
//! protocol.

pub(crate) mod body;
pub(crate) mod delta;
pub(crate) mod mailbox;
pub(crate) mod message;
pub(crate) mod requests;
pub(crate) mod sotw;
pub(crate) mod wire;
