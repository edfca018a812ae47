//! Delays and errors on purpose.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::Percent;
use crate::Duration;

/// Delays and errors on purpose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Fault {
    /// Holds requests back before they are sent on.
    pub delay: Option<FaultDelay>,
    /// Answers requests with an error in place of sending them on.
    pub abort: Option<FaultAbort>,
}

/// Holds requests back before they are sent on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FaultDelay {
    /// How long, at least 1 ms.
    pub fixed_delay: Option<Duration>,
    /// Mean of an exponential distribution. Deprecated: it has no effect.
    pub exponential_delay: Option<Duration>,
    /// Per cent of requests that are held back. Default: all.
    pub percentage: Option<Percent>,
    /// Whole per cent of requests that are held back. Deprecated: use `percentage`.
    pub percent: i32,
}

/// Answers requests with an error in place of sending them on. Set one of the statuses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FaultAbort {
    /// HTTP status, from 200 to 599.
    pub http_status: Option<i32>,
    /// gRPC status by name, such as `UNAVAILABLE`.
    pub grpc_status: Option<String>,
    /// HTTP/2 error by name. It has no effect.
    pub http2_error: Option<String>,
    /// Per cent of requests that are answered so. Default: all.
    pub percentage: Option<Percent>,
}

/// The status with which a request is aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortStatus<'a> {
    /// An HTTP status.
    Http(i32),
    /// A gRPC status by name.
    Grpc(&'a str),
    /// An HTTP/2 error by name.
    Http2(&'a str),
}

impl FaultAbort {
    /// The one status that is set.
    #[must_use]
    pub fn status(&self) -> Option<AbortStatus<'_>> {
        self.http_status
            .map(AbortStatus::Http)
            .or_else(|| self.grpc_status.as_deref().map(AbortStatus::Grpc))
            .or_else(|| self.http2_error.as_deref().map(AbortStatus::Http2))
    }
}
