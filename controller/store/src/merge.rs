//! Joins objects that speak about one thing: delegates, rules of one host, declarations of one service.

pub(crate) mod address;
pub(crate) mod delegate;
pub(crate) mod destination_rule;
pub(crate) mod limit;
pub(crate) mod service;
