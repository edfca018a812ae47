//! How an endpoint is chosen, and how one that fails is left out.

use heddle_model::{
    issue::Issue,
    traffic::{Balance, HashAlgorithm, LoadBalancer, OutlierDetection, Warmup},
};
use heddle_xds_api::envoy::{
    config::{
        cluster::v3::{
            Cluster, OutlierDetection as EnvoyOutlier,
            cluster::{
                CommonLbConfig, LbConfig, LbPolicy, LeastRequestLbConfig, MaglevLbConfig, RingHashLbConfig,
                RoundRobinLbConfig, SlowStartConfig,
                common_lb_config::{LocalityConfigSpecifier, LocalityWeightedLbConfig},
            },
        },
        core::v3::RuntimeDouble,
    },
    r#type::v3::Percent,
};

use super::destination::Destination;
use crate::envoy::duration::duration;

/// Envoy's largest Maglev table.
const MOST_MAGLEV: u64 = 5_000_011;
/// Envoy's largest hash ring.
const MOST_RING: u64 = 8_388_608;

/// Sets the load balancer of a cluster that balances at all.
pub(super) fn balance(
    cluster: &mut Cluster,
    balancer: Option<&LoadBalancer>,
    destination: &Destination,
    issues: &mut Vec<Issue>,
) {
    let warmup = balancer.and_then(|balancer| balancer.warmup.as_ref()).map(slow_start);
    let choice = balancer.map(|balancer| &balancer.choice);
    let (policy, config) = match choice {
        Some(Balance::RoundRobin) => {
            let config =
                warmup.map(|w| LbConfig::RoundRobinLbConfig(RoundRobinLbConfig { slow_start_config: Some(w) }));
            (LbPolicy::RoundRobin, config)
        }
        Some(Balance::Random) => (LbPolicy::Random, None),
        Some(Balance::Hash { algorithm, .. }) => hash(algorithm, destination, issues),
        // Passthrough where no original destination is known: at gateways.
        None | Some(Balance::Unspecified | Balance::LeastRequest | Balance::Passthrough) => {
            let config = |w| LeastRequestLbConfig { slow_start_config: Some(w), ..Default::default() };
            (LbPolicy::LeastRequest, warmup.map(|w| LbConfig::LeastRequestLbConfig(config(w))))
        }
    };
    cluster.lb_policy = policy.into();
    cluster.lb_config = config;
}

/// Settings of every load balancer: no panic unless a policy asks for it, and weights of localities where they count.
pub(super) fn common(destination: &Destination) -> CommonLbConfig {
    let policy = destination.policy();
    let sends_unready = crate::endpoint::sends_unready(destination);
    let least_healthy = policy.outlier.map_or(0, |outlier| outlier.min_health_percent);
    // In panic Envoy would send to endpoints that were sent to it only to be counted.
    let panic = if sends_unready { 0 } else { least_healthy.min(100) };
    let weighted = crate::endpoint::weighs_localities(destination);
    CommonLbConfig {
        healthy_panic_threshold: Some(Percent { value: panic.into() }),
        locality_config_specifier: weighted
            .then_some(LocalityConfigSpecifier::LocalityWeightedLbConfig(LocalityWeightedLbConfig {})),
        ..Default::default()
    }
}

/// Outlier detection. Success rates are never judged: Istio's API has no word for them.
pub(super) fn outlier(detection: &OutlierDetection) -> EnvoyOutlier {
    let enforced = |count: Option<u32>| count.map(|count| if count > 0 { 100 } else { 0 });
    let local = detection.consecutive_local.filter(|count| detection.split_external_local && *count > 0);
    let positive = |span: &std::time::Duration| !span.is_zero();
    EnvoyOutlier {
        enforcing_success_rate: Some(0),
        consecutive_5xx: detection.consecutive_5xx,
        enforcing_consecutive_5xx: enforced(detection.consecutive_5xx),
        consecutive_gateway_failure: detection.consecutive_gateway,
        enforcing_consecutive_gateway_failure: enforced(detection.consecutive_gateway),
        interval: detection.interval.filter(positive).map(duration),
        base_ejection_time: detection.base_ejection.filter(positive).map(duration),
        max_ejection_percent: detection.max_ejection_percent.filter(|most| *most > 0).map(|most| most.min(100)),
        split_external_local_origin_errors: detection.split_external_local,
        consecutive_local_origin_failure: local,
        enforcing_consecutive_local_origin_failure: enforced(local),
        enforcing_local_origin_success_rate: detection.split_external_local.then_some(0),
        ..Default::default()
    }
}

fn slow_start(warmup: &Warmup) -> SlowStartConfig {
    let aggression = warmup.aggression.filter(|value| value.is_finite() && *value > 0.0);
    SlowStartConfig {
        slow_start_window: Some(duration(warmup.duration)),
        // Envoy demands a key for the runtime; nothing sets this one.
        aggression: aggression
            .map(|default_value| RuntimeDouble { default_value, runtime_key: "slow_start.aggression".into() }),
        min_weight_percent: warmup.minimum_percent.map(|value| Percent { value: value.clamp(0.0, 100.0) }),
    }
}

fn hash(algorithm: &HashAlgorithm, destination: &Destination, issues: &mut Vec<Issue>) -> (LbPolicy, Option<LbConfig>) {
    match algorithm {
        HashAlgorithm::Ring(least) => {
            if *least > MOST_RING {
                let text = format!("a hash ring has at most {MOST_RING} entries, not {least}: that many are used");
                report(destination, "ringHash.minimumRingSize", &text, issues);
            }
            let config = RingHashLbConfig { minimum_ring_size: Some((*least).min(MOST_RING)), ..Default::default() };
            (LbPolicy::RingHash, Some(LbConfig::RingHashLbConfig(config)))
        }
        HashAlgorithm::Maglev(size) => {
            let fits = size.filter(|size| *size <= MOST_MAGLEV && is_prime(*size));
            if let (Some(size), None) = (size, fits) {
                let text =
                    format!("a Maglev table's size is a prime up to {MOST_MAGLEV}, not {size}: the default is used");
                report(destination, "maglev.tableSize", &text, issues);
            }
            let config = fits.map(|size| LbConfig::MaglevLbConfig(MaglevLbConfig { table_size: Some(size) }));
            (LbPolicy::Maglev, config)
        }
    }
}

fn report(destination: &Destination, field: &str, message: &str, issues: &mut Vec<Issue>) {
    if let Some(rule) = &destination.rule {
        let field =
            destination.field(&format!("loadBalancer.consistentHash.{field}"), |policy| policy.balancer.is_some());
        issues.push(Issue::error(&rule.origin.object, field, "InvalidHashTable", message));
    }
}

/// By trial division: some two thousand steps for [`MOST_MAGLEV`], which is never exceeded here.
fn is_prime(number: u64) -> bool {
    number > 1 && (2..=number.isqrt()).all(|divisor| !number.is_multiple_of(divisor))
}

#[cfg(test)]
mod tests {
    use super::is_prime;

    #[test]
    fn primes_are_told_from_others() {
        assert!([2, 3, 65_537, 5_000_011].into_iter().all(is_prime));
        assert!(![0, 1, 4, 65_536, 5_000_009].into_iter().any(is_prime));
    }
}
