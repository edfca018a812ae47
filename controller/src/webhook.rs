//! The webhooks of the API server: validation of objects, and injection of proxies into pods.

mod analysis;
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
