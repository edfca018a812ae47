//! What a DestinationRule may say.

mod load_balancer;
pub(super) mod pool;

use std::collections::BTreeSet;

use super::export::{export_to, own_namespace_only, somebody};
use super::label::{is_dns_label, labels, selector};
use super::report::{Report, quote};
use super::{NOT_SUPPORTED, host, port, time, tls};
use crate::decode::Path;
use crate::metadata::ObjectMeta;
use crate::networking::destination_rule::{
    OutlierDetection, PortTrafficPolicy, RetryBudget, Spec, TrafficPolicy, Tunnel,
};

/// Most settings for single ports.
const MOST_PORTS: usize = 4096;

/// Checks the spec at `at`.
pub fn check(spec: &Spec, meta: &ObjectMeta, at: &Path<'_>, out: &mut Report) {
    out.need(&at.field("host"), host::wildcard(&spec.host));
    if let Some(policy) = &spec.traffic_policy {
        traffic_policy(policy, &at.field("trafficPolicy"), out);
    }
    let mut names = BTreeSet::new();
    for (index, subset) in spec.subsets.iter().enumerate() {
        let at = at.field("subsets");
        let at = at.index(index);
        if subset.name.is_empty() {
            out.refuse(&at.field("name"), "is required");
        } else if !is_dns_label(&subset.name) {
            out.refuse(&at.field("name"), format_args!("{} is not a subset's name", quote(&subset.name)));
        }
        if !names.insert(&subset.name) {
            out.refuse(&at.field("name"), format_args!("two subsets are named {}", quote(&subset.name)));
        }
        labels(&subset.labels, &at.field("labels"), out);
        if let Some(policy) = &subset.traffic_policy {
            traffic_policy(policy, &at.field("trafficPolicy"), out);
        }
    }
    export_to(&spec.export_to, &meta.namespace, &at.field("exportTo"), out);
    somebody(&spec.export_to, &at.field("exportTo"), out);
    if let Some(workloads) = &spec.workload_selector {
        own_namespace_only(&spec.export_to, &meta.namespace, &at.field("exportTo"), out);
        selector(&workloads.match_labels, &at.field("workloadSelector").field("matchLabels"), out);
    }
}

fn traffic_policy(policy: &TrafficPolicy, at: &Path<'_>, out: &mut Report) {
    if *policy == TrafficPolicy::default() {
        out.refuse(at, "at least one field is required");
    }
    if let Some(detection) = &policy.outlier_detection {
        outlier_detection(detection, &at.field("outlierDetection"), out);
    }
    pool::connection_pool(policy.connection_pool.as_ref(), &at.field("connectionPool"), out);
    if let Some(balancer) = &policy.load_balancer {
        let detects = policy.outlier_detection.is_some();
        load_balancer::check(balancer, detects, &at.field("loadBalancer"), out);
    }
    tls::client(policy.tls.as_ref(), &at.field("tls"), out);
    if policy.port_level_settings.len() > MOST_PORTS {
        out.refuse(&at.field("portLevelSettings"), format_args!("more than {MOST_PORTS} entries"));
    }
    let mut ports = BTreeSet::new();
    for (index, settings) in policy.port_level_settings.iter().enumerate() {
        let at = at.field("portLevelSettings");
        let at = at.index(index);
        port_policy(settings, &at, out);
        if settings.port.as_ref().is_some_and(|port| !ports.insert(port.number)) {
            out.warn(&at.field("port"), "the port has settings already, which are the ones that hold");
        }
    }
    if let Some(settings) = &policy.tunnel {
        tunnel(settings, &at.field("tunnel"), out);
    }
    if let Some(budget) = &policy.retry_budget {
        retry_budget(budget, &at.field("retryBudget"), out);
    }
}

fn port_policy(policy: &PortTrafficPolicy, at: &Path<'_>, out: &mut Report) {
    match &policy.port {
        None => out.refuse(&at.field("port"), "is required"),
        Some(port) => out.need(&at.field("port").field("number"), port::number(port.number)),
    }
    if (PortTrafficPolicy { port: policy.port.clone(), ..PortTrafficPolicy::default() }) == *policy {
        out.refuse(at, "at least one field besides the port is required");
    }
    if let Some(detection) = &policy.outlier_detection {
        outlier_detection(detection, &at.field("outlierDetection"), out);
    }
    pool::connection_pool(policy.connection_pool.as_ref(), &at.field("connectionPool"), out);
    if let Some(balancer) = &policy.load_balancer {
        load_balancer::check(balancer, policy.outlier_detection.is_some(), &at.field("loadBalancer"), out);
    }
    tls::client(policy.tls.as_ref(), &at.field("tls"), out);
}

fn outlier_detection(detection: &OutlierDetection, at: &Path<'_>, out: &mut Report) {
    out.need(&at.field("interval"), time::positive(detection.interval));
    out.need(&at.field("baseEjectionTime"), time::positive(detection.base_ejection_time));
    let shares =
        [("maxEjectionPercent", detection.max_ejection_percent), ("minHealthPercent", detection.min_health_percent)];
    for (name, share) in shares {
        if !(0..=100).contains(&share) {
            out.refuse(&at.field(name), format_args!("{share} is not from 0 to 100 per cent"));
        }
    }
    if detection.consecutive_errors != 0 {
        let reason = "is deprecated; use consecutiveGatewayErrors or consecutive5xxErrors";
        out.warn(&at.field("consecutiveErrors"), reason);
    }
    let counts_local = detection.consecutive_local_origin_failures.is_some_and(|count| count > 0);
    if counts_local && !detection.split_external_local_origin_errors {
        let reason = "needs splitExternalLocalOriginErrors";
        out.refuse(&at.field("consecutiveLocalOriginFailures"), reason);
    }
    if !detection.outlier_detection_http_error_codes.is_empty() {
        out.warn(&at.field("outlierDetectionHttpErrorCodes"), NOT_SUPPORTED);
    }
    for (index, status) in detection.outlier_detection_http_error_codes.iter().enumerate() {
        if !(100..=599).contains(status) {
            let at = at.field("outlierDetectionHttpErrorCodes");
            out.refuse(&at.index(index), format_args!("{status} is not a status from 100 to 599"));
        }
    }
}

fn tunnel(tunnel: &Tunnel, at: &Path<'_>, out: &mut Report) {
    if !["", "CONNECT", "POST"].contains(&tunnel.protocol.as_str()) {
        out.refuse(&at.field("protocol"), format_args!("{} is neither CONNECT nor POST", quote(&tunnel.protocol)));
    }
    if super::address::ip(&tunnel.target_host).is_err() {
        out.need(&at.field("targetHost"), host::fqdn(&tunnel.target_host));
    }
    out.need(&at.field("targetPort"), port::number(tunnel.target_port));
}

fn retry_budget(budget: &RetryBudget, at: &Path<'_>, out: &mut Report) {
    if let Some(percent) = budget.percent.filter(|percent| !(0.0..=100.0).contains(percent)) {
        out.refuse(&at.field("percent"), format_args!("{percent} is not from 0 to 100 per cent"));
    }
    out.need(&at.field("budgetInterval"), time::not_negative(budget.budget_interval));
}
