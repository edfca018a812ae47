//! What the API server asks before it takes an object: whether it is valid, and what a pod needs to be part of the
//! mesh.

mod ca_bundle;
mod counts;
mod inject;
mod review;
mod server;
mod validate;

pub(crate) use ca_bundle::Bundles;
pub(crate) use counts::Counts;
pub(crate) use inject::follow;
pub(crate) use server::{Webhooks, serve};
