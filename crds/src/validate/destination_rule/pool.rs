//! Limits on connections.

use crate::decode::Path;
use crate::networking::connection_pool::{ConnectionPool, H2UpgradePolicy, HttpPool, TcpPool};
use crate::validate::report::Report;
use crate::validate::time;

/// Checks limits, of which at least one part must be there.
pub(in crate::validate) fn connection_pool(pool: Option<&ConnectionPool>, at: &Path<'_>, out: &mut Report) {
    let Some(pool) = pool else { return };
    if pool.http.is_none() && pool.tcp.is_none() {
        out.refuse(at, "one of http and tcp is required");
    }
    if let Some(pool) = &pool.http {
        http(pool, &at.field("http"), out);
    }
    if let Some(pool) = &pool.tcp {
        tcp(pool, &at.field("tcp"), out);
    }
}

fn http(pool: &HttpPool, at: &Path<'_>, out: &mut Report) {
    let limits = [
        ("http1MaxPendingRequests", pool.http1_max_pending_requests),
        ("http2MaxRequests", pool.http2_max_requests),
        ("maxRequestsPerConnection", pool.max_requests_per_connection),
        ("maxRetries", pool.max_retries),
        ("maxConcurrentStreams", pool.max_concurrent_streams),
    ];
    for (name, limit) in limits {
        not_negative(limit, &at.field(name), out);
    }
    out.need(&at.field("idleTimeout"), time::positive(pool.idle_timeout));
    if pool.use_client_protocol && pool.h2_upgrade_policy == H2UpgradePolicy::Upgrade {
        out.refuse(&at.field("useClientProtocol"), "excludes the upgrade to HTTP/2");
    }
    if let Some(probes) = &pool.http2_keep_alive {
        let at = at.field("http2KeepAlive");
        out.need(&at.field("interval"), time::positive(probes.interval));
        out.need(&at.field("timeout"), time::positive(probes.timeout));
        if probes.interval.is_some() != probes.timeout.is_some() {
            out.refuse(&at, "both interval and timeout are required");
        }
    }
}

fn tcp(pool: &TcpPool, at: &Path<'_>, out: &mut Report) {
    not_negative(pool.max_connections, &at.field("maxConnections"), out);
    out.need(&at.field("connectTimeout"), time::positive(pool.connect_timeout));
    out.need(&at.field("maxConnectionDuration"), time::positive(pool.max_connection_duration));
    out.need(&at.field("idleTimeout"), time::not_negative(pool.idle_timeout));
    if let Some(probes) = &pool.tcp_keepalive {
        let at = at.field("tcpKeepalive");
        out.need(&at.field("time"), time::positive(probes.time));
        out.need(&at.field("interval"), time::positive(probes.interval));
    }
}

fn not_negative(limit: i32, at: &Path<'_>, out: &mut Report) {
    if limit < 0 {
        out.refuse(at, format_args!("{limit} is negative"));
    }
}
