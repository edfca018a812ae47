//! The commands, one file each.

pub(crate) mod admin;
pub(crate) mod analyze;
pub(crate) mod check;
pub(crate) mod compile;
pub(crate) mod explain;
pub(crate) mod install;
pub(crate) mod kube_inject;
pub(crate) mod manifest;
pub(crate) mod proxy_status;
pub(crate) mod token;
pub(crate) mod uninstall;
pub(crate) mod validate;
