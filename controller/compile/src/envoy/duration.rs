//! Durations and shares in protobuf's shapes.

use std::time::Duration;

use heddle_model::route::Percent;
use heddle_xds_api::{
    envoy::{
        config::core::v3::RuntimeFractionalPercent,
        r#type::v3::{FractionalPercent, fractional_percent::DenominatorType},
    },
    google::protobuf,
};

/// About 292 years: more does not fit into Envoy's 64 bits of nanoseconds, and is refused.
const MOST_SECONDS: i64 = 9_223_372_035;

/// A duration, capped at what Envoy holds.
pub(crate) fn duration(value: Duration) -> protobuf::Duration {
    let seconds = i64::try_from(value.as_secs()).unwrap_or(i64::MAX).min(MOST_SECONDS);
    protobuf::Duration { seconds, nanos: i32::try_from(value.subsec_nanos()).unwrap_or(0) }
}

/// Never, said as the longest duration.
pub(crate) fn never() -> protobuf::Duration {
    protobuf::Duration { seconds: MOST_SECONDS, nanos: 0 }
}

/// A share in millionths.
pub(crate) fn fraction(share: Percent) -> FractionalPercent {
    FractionalPercent { numerator: share.0, denominator: DenominatorType::Million.into() }
}

/// A share without a runtime key.
pub(crate) fn runtime_fraction(share: Percent) -> RuntimeFractionalPercent {
    RuntimeFractionalPercent { default_value: Some(fraction(share)), ..RuntimeFractionalPercent::default() }
}
