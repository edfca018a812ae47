//! Traffic policies.

mod balance;

use std::collections::BTreeMap;

use heddle_crds::networking::{connection_pool as pool, destination_rule as written};
use heddle_model::traffic::{
    ConnectionPool, H2Upgrade, Keepalive, OutlierDetection, PortPolicy, ProxyProtocol, RetryBudget, TrafficPolicy,
    Tunnel,
};

use super::{Report, scalar, tls};

pub(super) use balance::{load_balancer, locality};

/// A whole policy.
pub(super) fn traffic(policy: &written::TrafficPolicy, field: &str, report: &mut Report) -> TrafficPolicy {
    let balance = policy.load_balancer.as_ref();
    TrafficPolicy {
        load_balancer: balance.map(|lb| load_balancer(lb, &format!("{field}.loadBalancer"), report)),
        pool: policy.connection_pool.as_ref().map(|p| connection_pool(p, &format!("{field}.connectionPool"), report)),
        outlier: policy.outlier_detection.as_ref().map(|o| outlier(o, &format!("{field}.outlierDetection"), report)),
        tls: policy.tls.as_ref().map(|t| tls::client(t, &format!("{field}.tls"), report)),
        ports: ports(&policy.port_level_settings, &format!("{field}.portLevelSettings"), report),
        proxy_protocol: policy.proxy_protocol.as_ref().map(|p| match p.version {
            written::ProxyProtocolVersion::V1 => ProxyProtocol::V1,
            written::ProxyProtocolVersion::V2 => ProxyProtocol::V2,
        }),
        retry_budget: policy.retry_budget.as_ref().map(|budget| RetryBudget {
            percent: budget.percent.map(|p| p.clamp(0.0, 100.0)),
            interval: scalar::positive(budget.budget_interval, &format!("{field}.retryBudget.budgetInterval"), report),
            min_concurrency: (budget.min_retry_concurrency > 0).then_some(budget.min_retry_concurrency),
        }),
        tunnel: policy.tunnel.as_ref().and_then(|t| tunnel(t, &format!("{field}.tunnel"), report)),
    }
}

/// Limits on connections and requests.
pub(super) fn connection_pool(pool: &pool::ConnectionPool, field: &str, report: &mut Report) -> ConnectionPool {
    let mut out = ConnectionPool::default();
    if let Some(tcp) = &pool.tcp {
        let at = |name: &str| format!("{field}.tcp.{name}");
        out.max_connections = scalar::limit(tcp.max_connections, &at("maxConnections"), report);
        out.connect_timeout = scalar::positive(tcp.connect_timeout, &at("connectTimeout"), report);
        out.keepalive = tcp.tcp_keepalive.as_ref().map(|k| keepalive(k, &at("tcpKeepalive"), report));
        out.max_connection_duration =
            scalar::positive(tcp.max_connection_duration, &at("maxConnectionDuration"), report);
        out.tcp_idle_timeout = scalar::duration(tcp.idle_timeout, &at("idleTimeout"), report);
    }
    if let Some(http) = &pool.http {
        http_pool(&mut out, http, &format!("{field}.http"), report);
    }
    out
}

/// TCP keep-alive.
pub(super) fn keepalive(keepalive: &pool::TcpKeepalive, field: &str, report: &mut Report) -> Keepalive {
    Keepalive {
        probes: (keepalive.probes > 0).then_some(keepalive.probes),
        time: scalar::duration(keepalive.time, &format!("{field}.time"), report),
        interval: scalar::duration(keepalive.interval, &format!("{field}.interval"), report),
    }
}

/// Outlier detection.
pub(super) fn outlier(outlier: &written::OutlierDetection, field: &str, report: &mut Report) -> OutlierDetection {
    let at = |name: &str| format!("{field}.{name}");
    let mut consecutive_gateway = outlier.consecutive_gateway_errors;
    if outlier.consecutive_errors != 0 {
        let message = "consecutiveErrors is deprecated: say consecutive5xxErrors or consecutiveGatewayErrors";
        report.warning(at("consecutiveErrors"), "Deprecated", message);
        let count = u32::try_from(outlier.consecutive_errors).ok();
        consecutive_gateway = consecutive_gateway.or(count);
    }
    if !outlier.outlier_detection_http_error_codes.is_empty() {
        report.not_supported(at("outlierDetectionHttpErrorCodes"));
    }
    let percent = |value: i32, name: &str, report: &mut Report| match u32::try_from(value) {
        Ok(percent) if percent <= 100 => percent,
        _ => {
            report.error(format!("{field}.{name}"), "BadPercent", format!("{value} is not from 0 to 100"));
            0
        }
    };
    let max = percent(outlier.max_ejection_percent, "maxEjectionPercent", report);
    OutlierDetection {
        split_external_local: outlier.split_external_local_origin_errors,
        consecutive_local: outlier.consecutive_local_origin_failures,
        consecutive_gateway,
        consecutive_5xx: outlier.consecutive_5xx_errors,
        interval: scalar::positive(outlier.interval, &at("interval"), report),
        base_ejection: scalar::positive(outlier.base_ejection_time, &at("baseEjectionTime"), report),
        max_ejection_percent: (max > 0).then_some(max),
        min_health_percent: percent(outlier.min_health_percent, "minHealthPercent", report),
    }
}

fn tunnel(tunnel: &written::Tunnel, field: &str, report: &mut Report) -> Option<Tunnel> {
    if tunnel.target_host.is_empty() {
        report.error(format!("{field}.targetHost"), "BadHost", "it is required; there is no tunnel");
        return None;
    }
    let port = scalar::port(tunnel.target_port, &format!("{field}.targetPort"), report)?;
    Some(Tunnel { host: tunnel.target_host.as_str().into(), port, uses_post: tunnel.protocol == "POST" })
}

/// The mesh's default is said by leaving it out.
pub(super) fn h2_upgrade(policy: pool::H2UpgradePolicy) -> Option<H2Upgrade> {
    match policy {
        pool::H2UpgradePolicy::Default => None,
        pool::H2UpgradePolicy::DoNotUpgrade => Some(H2Upgrade::Never),
        pool::H2UpgradePolicy::Upgrade => Some(H2Upgrade::Always),
    }
}

fn http_pool(out: &mut ConnectionPool, http: &pool::HttpPool, field: &str, report: &mut Report) {
    let at = |name: &str| format!("{field}.{name}");
    out.http1_max_pending = scalar::limit(http.http1_max_pending_requests, &at("http1MaxPendingRequests"), report);
    out.http2_max_requests = scalar::limit(http.http2_max_requests, &at("http2MaxRequests"), report);
    out.max_requests_per_connection =
        scalar::limit(http.max_requests_per_connection, &at("maxRequestsPerConnection"), report);
    out.max_retries = scalar::limit(http.max_retries, &at("maxRetries"), report);
    out.http_idle_timeout = scalar::duration(http.idle_timeout, &at("idleTimeout"), report);
    out.h2_upgrade = h2_upgrade(http.h2_upgrade_policy);
    out.use_client_protocol = http.use_client_protocol;
    out.max_concurrent_streams = scalar::limit(http.max_concurrent_streams, &at("maxConcurrentStreams"), report);
    out.http2_keepalive = http.http2_keep_alive.as_ref().map(|k| {
        let interval = scalar::positive(k.interval, &at("http2KeepAlive.interval"), report);
        if k.interval.is_some() && k.timeout.is_none() {
            report.warning(at("http2KeepAlive.timeout"), "Missing", "it is not set; 20s is used");
        }
        (interval, scalar::positive(k.timeout, &at("http2KeepAlive.timeout"), report))
    });
}

fn ports(settings: &[written::PortTrafficPolicy], field: &str, report: &mut Report) -> BTreeMap<u16, PortPolicy> {
    let mut out = BTreeMap::new();
    for (index, setting) in settings.iter().enumerate() {
        let field = format!("{field}[{index}]");
        let number = setting.port.as_ref().map_or(0, |p| p.number);
        let Some(port) = scalar::port(number, &format!("{field}.port.number"), report) else { continue };
        if out.contains_key(&port) {
            report.error(field, "DuplicatePort", format!("port {port} has settings already; the first are taken"));
            continue;
        }
        let balance = setting.load_balancer.as_ref();
        let pool = setting.connection_pool.as_ref();
        let policy = PortPolicy {
            load_balancer: balance.map(|lb| load_balancer(lb, &format!("{field}.loadBalancer"), report)),
            pool: pool.map(|p| connection_pool(p, &format!("{field}.connectionPool"), report)),
            outlier: setting
                .outlier_detection
                .as_ref()
                .map(|o| outlier(o, &format!("{field}.outlierDetection"), report)),
            tls: setting.tls.as_ref().map(|t| tls::client(t, &format!("{field}.tls"), report)),
        };
        out.insert(port, policy);
    }
    out
}
