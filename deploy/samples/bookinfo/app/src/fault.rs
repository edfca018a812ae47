//! Doing wrong on request: how the tour makes an instance fail or dawdle.

use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};

/// A pattern of failures and delays; the default is none.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Fault {
    /// The status of a failing answer.
    pub(crate) status: Option<u16>,
    /// Of each `of` requests the first `failing` fail; 0 of 0 means every one.
    pub(crate) failing: u32,
    /// The length of the pattern, in requests.
    pub(crate) of: u32,
    /// How long each answer waits, failing or not, in milliseconds.
    pub(crate) delay_ms: u64,
    /// Requests counted since the pattern was set.
    #[serde(skip)]
    count: u32,
}

/// What the pattern says of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// How long to wait first.
    pub(crate) delay: Duration,
    /// The status to fail with, if the request is to fail.
    pub(crate) status: Option<StatusCode>,
}

impl Fault {
    /// Counts one request against the pattern.
    pub(crate) fn next(&mut self) -> Verdict {
        let place = self.count;
        self.count = match self.of {
            0 => 0,
            of => (self.count + 1) % of,
        };
        let failing = self.of == 0 || place < self.failing;
        let status = self.status.and_then(|status| StatusCode::from_u16(status).ok());
        Verdict { delay: Duration::from_millis(self.delay_ms), status: status.filter(|_| failing) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(mut fault: Fault, requests: usize) -> Vec<Option<u16>> {
        (0..requests).map(|_| fault.next().status.map(|status| status.as_u16())).collect()
    }

    #[test]
    fn without_a_status_nothing_fails() {
        assert_eq!(statuses(Fault::default(), 2), [None, None]);
    }

    #[test]
    fn a_bare_status_fails_always() {
        let fault = Fault { status: Some(500), ..Fault::default() };
        assert_eq!(statuses(fault, 3), [Some(500); 3]);
    }

    #[test]
    fn two_of_three_fail_in_turn() {
        let fault = Fault { status: Some(503), failing: 2, of: 3, ..Fault::default() };
        let want = [Some(503), Some(503), None, Some(503), Some(503), None];
        assert_eq!(statuses(fault, 6), want);
    }
}
