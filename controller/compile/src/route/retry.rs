//! Retries.

use heddle_model::route::Retries;
use heddle_xds_api::envoy::{
    config::route::v3::{
        RetryPolicy,
        retry_policy::{RetryBackOff, RetryHostPredicate, RetryPriority, retry_host_predicate, retry_priority},
    },
    extensions::retry::{
        host::previous_hosts::v3::PreviousHostsPredicate, priority::previous_priorities::v3::PreviousPrioritiesConfig,
    },
};

use crate::envoy::{any::any, duration::duration};

/// What is retried by default: only what the server cannot have acted on.
const DEFAULT_ON: &str = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";
/// How often by default.
const DEFAULT_ATTEMPTS: u32 = 2;
/// How often another endpoint is looked for that has not failed yet.
const HOST_SELECTION: i64 = 5;

/// The policy of a route; none where retries are switched off. A route that is `sticky` chooses the endpoint by a hash:
/// a retry must not leave it, unless the policy says so.
pub(super) fn policy(retries: Option<&Retries>, sticky: bool) -> Option<RetryPolicy> {
    let Some(retries) = retries else {
        return Some(base(DEFAULT_ON.into(), DEFAULT_ATTEMPTS, !sticky));
    };
    if retries.attempts == 0 {
        return None;
    }
    let (on, codes) = conditions(&retries.on);
    let mut policy = base(on, retries.attempts, retries.ignore_previous_hosts.unwrap_or(!sticky));
    policy.retriable_status_codes = codes;
    policy.per_try_timeout = retries.per_try_timeout.map(duration);
    if retries.remote_localities == Some(true) {
        policy.retry_priority = Some(other_localities());
    }
    policy.retry_back_off = retries
        .backoff
        .map(|backoff| RetryBackOff { base_interval: Some(duration(backoff)), ..RetryBackOff::default() });
    Some(policy)
}

/// The policy of inbound routes: only connections that were reset before a request was sent on them.
pub(crate) fn inbound_retry() -> RetryPolicy {
    RetryPolicy {
        retry_on: "reset-before-request".into(),
        num_retries: Some(DEFAULT_ATTEMPTS),
        ..RetryPolicy::default()
    }
}

fn base(retry_on: String, attempts: u32, other_hosts: bool) -> RetryPolicy {
    let mut policy = RetryPolicy { retry_on, num_retries: Some(attempts), ..RetryPolicy::default() };
    if other_hosts {
        policy.retry_host_predicate = vec![RetryHostPredicate {
            name: "envoy.retry_host_predicates.previous_hosts".into(),
            config_type: Some(retry_host_predicate::ConfigType::TypedConfig(any(&PreviousHostsPredicate::default()))),
        }];
        policy.host_selection_retry_max_attempts = HOST_SELECTION;
    }
    policy
}

fn other_localities() -> RetryPriority {
    RetryPriority {
        name: "envoy.retry_priorities.previous_priorities".into(),
        config_type: Some(retry_priority::ConfigType::TypedConfig(any(&PreviousPrioritiesConfig {
            update_frequency: 2,
        }))),
    }
}

/// Splits Envoy's conditions from status codes, which Envoy takes elsewhere.
fn conditions(on: &str) -> (String, Vec<u32>) {
    if on.is_empty() {
        return (DEFAULT_ON.into(), Vec::new());
    }
    let (mut words, mut codes) = (Vec::new(), Vec::new());
    for word in on.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word.parse::<u32>() {
            Ok(code) => codes.push(code),
            Err(_) => words.push(word),
        }
    }
    if !codes.is_empty() && !words.contains(&"retriable-status-codes") {
        words.push("retriable-status-codes");
    }
    (words.join(","), codes)
}

#[cfg(test)]
mod tests {
    use super::conditions;

    #[test]
    fn status_codes_are_split_off() {
        assert_eq!(conditions("5xx, 418"), ("5xx,retriable-status-codes".into(), vec![418]));
        assert_eq!(conditions("503"), ("retriable-status-codes".into(), vec![503]));
        assert_eq!(conditions("").1, Vec::<u32>::new());
    }
}
