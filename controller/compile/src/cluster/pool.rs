//! Limits, timeouts and the protocol towards endpoints.

use std::time::Duration;

use heddle_model::{
    mesh::Mesh,
    protocol::Protocol,
    proxy::ProxyKind,
    traffic::{ConnectionPool, H2Upgrade, Keepalive, RetryBudget},
};
use heddle_xds_api::envoy::{
    config::{
        cluster::v3::{Cluster, circuit_breakers::thresholds},
        core::v3::{Http2ProtocolOptions, HttpProtocolOptions as Common, KeepaliveSettings},
    },
    extensions::upstreams::http::v3::HttpProtocolOptions,
    r#type::v3::Percent,
};

use crate::envoy::{cluster as envoy, duration::duration};

/// What is spoken to the endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upstream {
    /// HTTP/1.1 where it is HTTP at all.
    Http1,
    /// HTTP/2.
    Http2,
    /// What the client speaks.
    AsClient,
}

/// What outbound traffic to a port speaks. Only ports that declare HTTP are upgraded to HTTP/2: others may not know it.
///
/// Sniffed ports speak as the client does, at sidecars only: gateways offer HTTP/2 to everyone, which the endpoints of
/// a sniffed port may not know.
pub(super) fn upstream(mesh: &Mesh, kind: ProxyKind, protocol: Protocol, pool: Option<&ConnectionPool>) -> Upstream {
    if pool.is_some_and(|pool| pool.use_client_protocol) {
        return Upstream::AsClient;
    }
    let upgrade = pool.and_then(|pool| pool.h2_upgrade).or(mesh.h2_upgrade);
    match upgrade {
        Some(H2Upgrade::Always) if protocol.is_http() => Upstream::Http2,
        _ => declared(kind, protocol),
    }
}

/// What a port speaks when no policy says otherwise.
pub(crate) fn declared(kind: ProxyKind, protocol: Protocol) -> Upstream {
    match protocol {
        protocol if protocol.is_http2() => Upstream::Http2,
        protocol if protocol.is_sniffed() && kind == ProxyKind::Sidecar => Upstream::AsClient,
        _ => Upstream::Http1,
    }
}

/// Sets limits and timeouts of a cluster.
pub(crate) fn limit(cluster: &mut Cluster, mesh: &Mesh, pool: Option<&ConnectionPool>, budget: Option<&RetryBudget>) {
    let none = ConnectionPool::default();
    let pool = pool.unwrap_or(&none);
    if let Some(timeout) = pool.connect_timeout.filter(|timeout| !timeout.is_zero()) {
        cluster.connect_timeout = Some(duration(timeout));
    }
    let mut thresholds = envoy::thresholds(pool);
    thresholds.retry_budget = budget.map(retry_budget);
    cluster.circuit_breakers = Some(envoy::breakers(thresholds));
    if let Some(keepalive) = keepalive(mesh.keepalive.as_ref(), pool.keepalive.as_ref()) {
        cluster.upstream_connection_options = Some(envoy::keepalive(&keepalive));
    }
}

/// HTTP options of a cluster; none where Envoy's own are meant.
pub(crate) fn http_options(upstream: Upstream, pool: Option<&ConnectionPool>) -> Option<HttpProtocolOptions> {
    let none = ConnectionPool::default();
    let pool = pool.unwrap_or(&none);
    let common = Common {
        idle_timeout: pool.http_idle_timeout.or(pool.tcp_idle_timeout).map(duration),
        max_connection_duration: pool.max_connection_duration.map(duration),
        max_requests_per_connection: pool.max_requests_per_connection.filter(|most| *most > 0),
        ..Default::default()
    };
    let protocol = match upstream {
        Upstream::Http1 => None,
        Upstream::Http2 => Some(envoy::speak_http2(http2(pool))),
        Upstream::AsClient => Some(envoy::speak_as_client(http2(pool))),
    };
    if common == Common::default() && protocol.is_none() {
        return None;
    }
    Some(HttpProtocolOptions {
        common_http_protocol_options: (common != Common::default()).then_some(common),
        upstream_protocol_options: protocol,
        ..Default::default()
    })
}

fn http2(pool: &ConnectionPool) -> Http2ProtocolOptions {
    /// Envoy wants one, however the ping is timed.
    const PING_TIMEOUT: Duration = Duration::from_secs(20);
    let ping = pool.http2_keepalive.filter(|(interval, timeout)| interval.is_some() || timeout.is_some());
    let connection_keepalive = ping.map(|(interval, timeout)| KeepaliveSettings {
        interval: interval.map(duration),
        timeout: Some(duration(timeout.unwrap_or(PING_TIMEOUT))),
        ..Default::default()
    });
    Http2ProtocolOptions {
        max_concurrent_streams: pool.max_concurrent_streams.filter(|most| *most > 0),
        connection_keepalive,
        ..Default::default()
    }
}

/// A policy's keep-alive overrides the mesh's field by field.
fn keepalive(mesh: Option<&Keepalive>, own: Option<&Keepalive>) -> Option<Keepalive> {
    if mesh.is_none() && own.is_none() {
        return None;
    }
    let none = Keepalive::default();
    let (mesh, own) = (mesh.unwrap_or(&none), own.unwrap_or(&none));
    Some(Keepalive {
        probes: own.probes.or(mesh.probes),
        time: own.time.or(mesh.time),
        interval: own.interval.or(mesh.interval),
    })
}

/// "percent: defaults to 20%; minRetryConcurrency: defaults to 3".
fn retry_budget(budget: &RetryBudget) -> thresholds::RetryBudget {
    thresholds::RetryBudget {
        budget_percent: Some(Percent { value: budget.percent.unwrap_or(20.0).clamp(0.0, 100.0) }),
        budget_interval: budget.interval.map(duration),
        min_retry_concurrency: Some(budget.min_concurrency.filter(|least| *least > 0).unwrap_or(3)),
    }
}
