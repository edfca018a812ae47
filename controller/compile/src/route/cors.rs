//! CORS policies of routes.

use heddle_model::route::{Cors, Percent};
use heddle_xds_api::envoy::extensions::filters::http::cors::v3::CorsPolicy;

use super::matcher::string_matcher;
use crate::envoy::duration::runtime_fraction;

/// The route's own configuration of the CORS filter.
pub(super) fn policy(cors: &Cors) -> CorsPolicy {
    CorsPolicy {
        allow_origin_string_match: cors.allow_origins.iter().map(string_matcher).collect(),
        allow_methods: cors.allow_methods.join(","),
        allow_headers: cors.allow_headers.join(","),
        expose_headers: cors.expose_headers.join(","),
        max_age: cors.max_age.map(|age| age.as_secs().to_string()).unwrap_or_default(),
        allow_credentials: cors.allow_credentials,
        filter_enabled: Some(runtime_fraction(Percent(1_000_000))),
        forward_not_matching_preflights: cors.forward_unmatched_preflights,
        ..CorsPolicy::default()
    }
}
