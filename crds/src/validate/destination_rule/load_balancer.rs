//! How an endpoint is chosen.

use std::collections::BTreeSet;

use crate::decode::Path;
use crate::networking::destination_rule::{
    ConsistentHash, Distribute, Failover, LoadBalancer, LocalityLb, SimpleLb, Warmup,
};
use crate::validate::report::{Report, quote};
use crate::validate::{NOT_SUPPORTED, header, time};

/// Envoy's largest table for Maglev.
const LARGEST_TABLE: u64 = 5_000_011;

/// Labels that say where an endpoint stands.
const TOPOLOGY: [&str; 3] =
    ["topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"];

/// Checks how an endpoint is chosen; `detects` says whether failing endpoints are left out.
pub(super) fn check(balancer: &LoadBalancer, detects: bool, at: &Path<'_>, out: &mut Report) {
    if balancer.simple == Some(SimpleLb::LeastConn) {
        out.warn(&at.field("simple"), "LEAST_CONN is deprecated; use LEAST_REQUEST");
    }
    if let Some(hash) = &balancer.consistent_hash {
        consistent_hash(hash, &at.field("consistentHash"), out);
    }
    if balancer.backend_utilization.is_some() {
        out.warn(&at.field("backendUtilization"), NOT_SUPPORTED);
    }
    if let Some(setting) = &balancer.locality_lb_setting {
        locality(setting, detects, &at.field("localityLbSetting"), out);
    }
    if let Some(setting) = &balancer.zone_aware_lb_setting {
        let at = at.field("zoneAwareLbSetting");
        out.warn(&at, NOT_SUPPORTED);
        if setting.min_cluster_size == Some(0) {
            out.refuse(&at.field("minClusterSize"), "must be more than 0");
        }
        failovers(&setting.failover, &setting.failover_priority, detects, &at, out);
        if balancer.locality_lb_setting.is_some() {
            out.refuse(&at, "excludes localityLbSetting");
        }
    }
    if balancer.warmup_duration_secs.is_some() {
        out.warn(&at.field("warmupDurationSecs"), "is deprecated; use warmup");
        out.need(&at.field("warmupDurationSecs"), time::positive(balancer.warmup_duration_secs));
    }
    if let Some(settings) = &balancer.warmup {
        warmup(settings, &at.field("warmup"), out);
    }
}

fn consistent_hash(hash: &ConsistentHash, at: &Path<'_>, out: &mut Report) {
    if let Some(cookie) = &hash.http_cookie {
        let at = at.field("httpCookie");
        out.need(&at.field("name"), header::cookie_name(&cookie.name));
        out.need(&at.field("path"), header::cookie_text(&cookie.path));
        out.need(&at.field("ttl"), time::not_negative(cookie.ttl));
        let mut names = BTreeSet::new();
        for (index, attribute) in cookie.attributes.iter().enumerate() {
            let at = at.field("attributes");
            let at = at.index(index);
            out.need(&at.field("name"), header::cookie_name(&attribute.name));
            if !names.insert(&attribute.name) {
                out.refuse(&at.field("name"), format_args!("{} is named twice", quote(&attribute.name)));
            }
            out.need(&at.field("value"), header::cookie_text(&attribute.value));
        }
    }
    if let Some(cookie) = &hash.http_cookie {
        let (at, mut names) = (at.field("httpCookie"), BTreeSet::new());
        for (index, attribute) in cookie.attributes.iter().enumerate() {
            if !names.insert(&attribute.name) {
                let reason = format_args!("{} is named twice", quote(&attribute.name));
                out.refuse(&at.field("attributes").index(index).field("name"), reason);
            }
        }
    }
    if let Some(name) = &hash.http_header_name {
        out.need(&at.field("httpHeaderName"), header::name_sent(name));
    }
    if hash.http_query_parameter_name.as_ref().is_some_and(String::is_empty) {
        out.refuse(&at.field("httpQueryParameterName"), "must not be empty");
    }
    let Some(maglev) = &hash.maglev else { return };
    let at = at.field("maglev");
    let at = at.field("tableSize");
    let size = maglev.table_size;
    if size > LARGEST_TABLE {
        out.refuse(&at, format_args!("{size} is more than {LARGEST_TABLE}"));
    } else if size != 0 && !is_prime(size) {
        out.refuse(&at, format_args!("{size} is not a prime number"));
    }
}

fn locality(setting: &LocalityLb, detects: bool, at: &Path<'_>, out: &mut Report) {
    if !setting.distribute.is_empty() && !setting.failover.is_empty() {
        out.refuse(at, "only one of distribute and failover can be set");
    }
    if !setting.distribute.is_empty() && !setting.failover_priority.is_empty() {
        out.refuse(at, "only one of distribute and failoverPriority can be set");
    }
    distributes(&setting.distribute, &at.field("distribute"), out);
    failovers(&setting.failover, &setting.failover_priority, detects, at, out);
}

fn distributes(entries: &[Distribute], at: &Path<'_>, out: &mut Report) {
    for (index, entry) in entries.iter().enumerate() {
        let at = at.index(index);
        let mut total: u64 = 0;
        for (locality, weight) in &entry.to {
            total += u64::from(*weight);
            if !(1..=100).contains(weight) {
                out.refuse(&at.field("to").field(locality), format_args!("{weight} is not from 1 to 100 per cent"));
            }
        }
        if total != 100 {
            out.refuse(&at.field("to"), format_args!("the shares add up to {total}, not to 100"));
        }
        localities(entry.to.keys().map(String::as_str), &at.field("to"), out);
    }
    localities(entries.iter().map(|entry| entry.from.as_str()), at, out);
}

fn failovers(failover: &[Failover], priority: &[String], detects: bool, at: &Path<'_>, out: &mut Report) {
    for (index, label) in priority.iter().enumerate() {
        let name = label.split_once('=').map_or(label.as_str(), |(name, _)| name);
        if name.is_empty() {
            out.refuse(&at.field("failoverPriority").index(index), "a label's name must not be empty");
        }
        if !failover.is_empty() && TOPOLOGY.contains(&name) {
            let reason = format_args!("the label {} excludes failover", quote(name));
            out.refuse(&at.field("failoverPriority").index(index), reason);
        }
    }
    if (!failover.is_empty() || !priority.is_empty()) && !detects {
        out.warn(at, "without outlierDetection no endpoint is found unhealthy, so nothing fails over");
    }
    for (index, entry) in failover.iter().enumerate() {
        let at = at.field("failover");
        let at = at.index(index);
        if entry.from == entry.to {
            out.refuse(&at, "a region cannot take over from itself");
        }
        for (name, region) in [("from", &entry.from), ("to", &entry.to)] {
            if region.contains(['/', '*']) {
                out.refuse(&at.field(name), format_args!("{} is not a region", quote(region)));
            }
        }
    }
}

/// Checks that localities are well formed and that none lies in another.
fn localities<'a>(localities: impl Iterator<Item = &'a str>, at: &Path<'_>, out: &mut Report) {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut all: Vec<&str> = localities.collect();
    all.sort_unstable();
    for locality in all {
        if locality.find('*').is_some_and(|star| star + 1 != locality.len()) {
            out.refuse(at, format_args!("in {} the wildcard must be the end", quote(locality)));
        }
        if locality.splitn(3, '/').any(str::is_empty) {
            out.refuse(at, format_args!("{} has an empty region, zone or subzone", quote(locality)));
        }
        let trimmed = trim(locality);
        let parts = trimmed.match_indices('/').map(|(end, _)| &trimmed[..end]);
        if let Some(other) = parts.chain([trimmed, ""]).find(|outer| seen.contains(outer)) {
            let outer = if other.is_empty() { "*" } else { other };
            out.refuse(at, format_args!("{} overlaps {}", quote(locality), quote(outer)));
        }
        seen.insert(trimmed);
    }
}

/// A locality without a final wildcard, which stands for all that begins alike.
fn trim(locality: &str) -> &str {
    let locality = locality.strip_suffix('*').unwrap_or(locality);
    locality.strip_suffix('/').unwrap_or(locality)
}

fn warmup(warmup: &Warmup, at: &Path<'_>, out: &mut Report) {
    match warmup.duration {
        None => out.refuse(&at.field("duration"), "is required"),
        Some(_) => out.need(&at.field("duration"), time::positive(warmup.duration)),
    }
    if let Some(percent) = warmup.minimum_percent.filter(|percent| !(0.0..=100.0).contains(percent)) {
        out.refuse(&at.field("minimumPercent"), format_args!("{percent} is not from 0 to 100 per cent"));
    }
    if let Some(aggression) = warmup.aggression.filter(|aggression| *aggression <= 0.0) {
        out.refuse(&at.field("aggression"), format_args!("{aggression} is not more than 0"));
    }
}

/// Whether a number below [`LARGEST_TABLE`] is prime; at most 2237 divisions.
fn is_prime(number: u64) -> bool {
    number >= 2 && (2..=number.isqrt()).all(|divisor| !number.is_multiple_of(divisor))
}
