//! How an endpoint is chosen.

use heddle_crds::{networking::destination_rule as written, validate::header};
use heddle_model::{
    Text,
    traffic::{Balance, Distribute, HashAlgorithm, HashKey, LoadBalancer, LocalityLb, Warmup},
};

use crate::ingest::{
    Report,
    scalar::{self, Refused},
    tls::texts,
};

/// Least nodes of a ring that does not say.
const RING_NODES: u64 = 1024;

/// What is done where nothing can be hashed.
const DEFAULT_TAKEN: &str = "the default balancer is taken";

/// A load balancer.
pub(crate) fn load_balancer(lb: &written::LoadBalancer, field: &str, report: &mut Report) -> LoadBalancer {
    if lb.backend_utilization.is_some() {
        report.not_supported(format!("{field}.backendUtilization"));
    }
    if lb.zone_aware_lb_setting.is_some() {
        report.not_supported(format!("{field}.zoneAwareLbSetting"));
    }
    LoadBalancer {
        choice: choice(lb, field, report),
        locality: lb.locality_lb_setting.as_ref().map(|l| locality(l, &format!("{field}.localityLbSetting"), report)),
        warmup: warmup(lb, field, report),
    }
}

/// Locality settings.
pub(crate) fn locality(lb: &written::LocalityLb, field: &str, report: &mut Report) -> LocalityLb {
    let mut distribute = Vec::with_capacity(lb.distribute.len());
    for (index, share) in lb.distribute.iter().enumerate() {
        let sum: u64 = share.to.values().map(|v| u64::from(*v)).sum();
        if sum == 100 {
            let to = share.to.iter().map(|(k, v)| (k.as_str().into(), *v)).collect();
            distribute.push(Distribute { from: share.from.as_str().into(), to });
        } else {
            let message = format!("the shares add up to {sum} and not to 100; the entry is ignored");
            report.error(format!("{field}.distribute[{index}].to"), "BadWeights", message);
        }
    }
    if !distribute.is_empty() && !lb.failover.is_empty() {
        report.error(format!("{field}.failover"), "Exclusive", "failover has no effect beside distribute");
    }
    LocalityLb {
        enabled: lb.enabled,
        distribute,
        failover: lb.failover.iter().map(|f| (f.from.as_str().into(), f.to.as_str().into())).collect(),
        failover_priority: texts(&lb.failover_priority),
    }
}

fn choice(lb: &written::LoadBalancer, field: &str, report: &mut Report) -> Balance {
    if let Some(hash) = &lb.consistent_hash {
        return consistent_hash(hash, &format!("{field}.consistentHash"), report);
    }
    match lb.simple.unwrap_or_default() {
        written::SimpleLb::Unspecified => Balance::Unspecified,
        written::SimpleLb::LeastConn | written::SimpleLb::LeastRequest => Balance::LeastRequest,
        written::SimpleLb::Random => Balance::Random,
        written::SimpleLb::Passthrough => Balance::Passthrough,
        written::SimpleLb::RoundRobin => Balance::RoundRobin,
    }
}

fn consistent_hash(hash: &written::ConsistentHash, field: &str, report: &mut Report) -> Balance {
    if hash.minimum_ring_size > 0 {
        report.warning(format!("{field}.minimumRingSize"), "Deprecated", "say ringHash.minimumRingSize");
    }
    let nodes = |size: u64| if size > 0 { size } else { RING_NODES };
    let algorithm = match (&hash.maglev, &hash.ring_hash) {
        (Some(maglev), _) => HashAlgorithm::Maglev((maglev.table_size > 0).then_some(maglev.table_size)),
        (None, Some(ring)) => HashAlgorithm::Ring(nodes(ring.minimum_ring_size)),
        (None, None) => HashAlgorithm::Ring(nodes(hash.minimum_ring_size)),
    };
    match hash_key(hash, field, report) {
        Ok(Some(key)) => Balance::Hash { key, algorithm },
        Ok(None) => {
            report.error(field, "MissingHashKey", "nothing is said to hash; the default balancer is taken");
            Balance::Unspecified
        }
        Err(Refused) => Balance::Unspecified,
    }
}

/// What is hashed. Refused, where it is something that Envoy refuses.
fn hash_key(hash: &written::ConsistentHash, field: &str, report: &mut Report) -> Result<Option<HashKey>, Refused> {
    if let Some(name) = hash.http_header_name.as_deref().filter(|n| !n.is_empty()) {
        let place = (&*format!("{field}.httpHeaderName"), DEFAULT_TAKEN);
        scalar::text(name, header::name_sent, place, report)?;
        return Ok(Some(HashKey::Header(name.into())));
    }
    if let Some(name) = hash.http_query_parameter_name.as_deref().filter(|n| !n.is_empty()) {
        return Ok(Some(HashKey::Query(name.into())));
    }
    if let Some(cookie) = hash.http_cookie.as_ref().filter(|c| !c.name.is_empty()) {
        return self::cookie(cookie, &format!("{field}.httpCookie"), report).map(Some);
    }
    Ok(hash.use_source_ip.unwrap_or(false).then_some(HashKey::SourceIp))
}

/// A cookie. An attribute that Envoy refuses is left out.
fn cookie(cookie: &written::HttpCookie, field: &str, report: &mut Report) -> Result<HashKey, Refused> {
    scalar::text(&cookie.name, header::cookie_name, (&format!("{field}.name"), DEFAULT_TAKEN), report)?;
    scalar::text(&cookie.path, header::cookie_text, (&format!("{field}.path"), DEFAULT_TAKEN), report)?;
    let mut attributes = Vec::with_capacity(cookie.attributes.len());
    for (index, attribute) in cookie.attributes.iter().enumerate() {
        let (name, value) = (attribute.name.as_str(), attribute.value.as_str());
        let is_again = attributes.iter().any(|(known, _): &(Text, Text)| **known == *name);
        let once = if is_again { Err(format!("{name:?} is named twice")) } else { Ok(()) };
        let check = |_: &str| header::cookie_name(name).and_then(|()| header::cookie_text(value)).and(once.clone());
        let place = (&*format!("{field}.attributes[{index}]"), "the attribute is left out");
        attributes.extend(scalar::text(name, check, place, report).ok().map(|()| (name.into(), value.into())));
    }
    Ok(HashKey::Cookie {
        name: cookie.name.as_str().into(),
        path: cookie.path.as_str().into(),
        ttl: scalar::duration(cookie.ttl, &format!("{field}.ttl"), report),
        attributes,
    })
}

fn warmup(lb: &written::LoadBalancer, field: &str, report: &mut Report) -> Option<Warmup> {
    if let Some(warmup) = &lb.warmup {
        let duration = scalar::positive(warmup.duration, &format!("{field}.warmup.duration"), report)?;
        let minimum_percent = warmup.minimum_percent.map(|p| p.clamp(0.0, 100.0));
        let aggression = warmup.aggression.filter(|aggression| *aggression > 0.0);
        if aggression != warmup.aggression {
            report.error(format!("{field}.warmup.aggression"), "BadNumber", "it is not more than 0; 1 is used");
        }
        return Some(Warmup { duration, minimum_percent, aggression });
    }
    let written = lb.warmup_duration_secs?;
    report.warning(format!("{field}.warmupDurationSecs"), "Deprecated", "say warmup.duration");
    let duration = scalar::positive(Some(written), &format!("{field}.warmupDurationSecs"), report)?;
    Some(Warmup { duration, minimum_percent: None, aggression: None })
}
