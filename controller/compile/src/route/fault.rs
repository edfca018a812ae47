//! Faults: delays and aborts for a share of requests.

use heddle_model::route::{Abort, Fault};
use heddle_xds_api::envoy::extensions::filters::{
    common::fault::v3::{FaultDelay, fault_delay::FaultDelaySecifier},
    http::fault::v3::{FaultAbort, HttpFault, fault_abort::ErrorType},
};

use crate::envoy::duration::{duration, fraction};

/// The route's own configuration of the fault filter.
pub(super) fn fault(faults: &Fault) -> HttpFault {
    let delay = faults.delay.map(|(time, share)| FaultDelay {
        percentage: Some(fraction(share)),
        fault_delay_secifier: Some(FaultDelaySecifier::FixedDelay(duration(time))),
    });
    let abort = faults.abort.as_ref().map(|(how, share)| FaultAbort {
        percentage: Some(fraction(*share)),
        error_type: Some(match how {
            Abort::Http(status) => ErrorType::HttpStatus((*status).into()),
            Abort::Grpc(status) => ErrorType::GrpcStatus(*status),
        }),
        ..FaultAbort::default()
    });
    HttpFault { delay, abort, ..HttpFault::default() }
}
