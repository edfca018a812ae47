//! When failing endpoints are left out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Duration;

/// When failing endpoints are left out, and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct OutlierDetection {
    /// Errors in a row. Deprecated: use `consecutiveGatewayErrors` or `consecutive5xxErrors`.
    pub consecutive_errors: i32,
    /// Whether errors of the connection are counted apart from answers.
    pub split_external_local_origin_errors: bool,
    /// Failed connections in a row. Default: 5.
    pub consecutive_local_origin_failures: Option<u32>,
    /// Answers 502, 503 or 504 in a row. 0 turns it off, as does the default.
    pub consecutive_gateway_errors: Option<u32>,
    /// Answers 5xx in a row. 0 turns it off. Default: 5.
    #[serde(rename = "consecutive5xxErrors")]
    pub consecutive_5xx_errors: Option<u32>,
    /// Time between sweeps, at least 1 ms. Default: 10s.
    pub interval: Option<Duration>,
    /// Time for which an endpoint is left out the first time; it grows with each further one. Default: 30s.
    pub base_ejection_time: Option<Duration>,
    /// Most endpoints left out, in per cent. Default: 10.
    pub max_ejection_percent: i32,
    /// Least per cent of healthy endpoints with which endpoints are left out at all. Default: 0.
    pub min_health_percent: i32,
    /// Statuses that count as errors, from 100 to 599. Default: 5xx.
    pub outlier_detection_http_error_codes: Vec<u32>,
}
