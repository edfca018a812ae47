//! One page of metrics for the whole pod: those of Envoy, of the agent and of the application. A part that cannot be
//! read is left out and counted. It does not affect the other parts.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Method;

use super::Counters;
use crate::admin::Local;
use crate::config::Scrape;
use crate::svid::Current;

/// The time limit. Prometheus' own default is ten seconds.
const LIMIT: Duration = Duration::from_secs(9);

/// The addresses of Envoy's and the application's metrics.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    /// Envoy's admin interface.
    pub(crate) admin: SocketAddr,
    /// The pages of the application, on loopback.
    pub(crate) application: Vec<Scrape>,
}

/// The merged page.
pub(crate) async fn merged(local: &Local, sources: &Sources, counters: &Counters, current: &Current) -> String {
    let application = join_all(sources.application.iter().map(|scrape| {
        let at = SocketAddr::from(([127, 0, 0, 1], scrape.port));
        local.call(Method::GET, at, &scrape.path, LIMIT)
    }));
    let envoy = local.call(Method::GET, sources.admin, "/stats/prometheus", LIMIT);
    let (envoy, application) = tokio::join!(envoy, application);
    let mut page = own(counters, current);
    let application = application.into_iter().map(|part| ("application", part));
    for (name, part) in [("envoy", envoy)].into_iter().chain(application) {
        match part {
            Ok(body) => append(&mut page, &body),
            Err(error) => {
                counters.scrape_failures.add();
                tracing::debug!(%error, name, "cannot read metrics");
            }
        }
    }
    page
}

/// Removes the final line of OpenMetrics, which must not be in the middle of a page.
fn append(page: &mut String, body: &Bytes) {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_end();
    let text = text.strip_suffix("# EOF").unwrap_or(text).trim_end();
    page.push_str(text);
    if !text.is_empty() {
        page.push('\n');
    }
}

/// The metrics of the agent, with the names of pilot-agent where the meaning is the same.
fn own(counters: &Counters, current: &Current) -> String {
    let totals = [
        ("istio_agent_num_outgoing_requests{request_type=\"csr\"}", &counters.csr_calls),
        ("istio_agent_num_failed_outgoing_requests{request_type=\"csr\"}", &counters.csr_failures),
        ("istio_agent_num_proxy_restarts", &counters.envoy_restarts),
        ("istio_agent_num_xds_streams", &counters.xds_streams),
        ("istio_agent_istiod_connection_failures", &counters.xds_failures),
        ("istio_agent_istiod_connection_terminations", &counters.xds_losses),
        ("istio_agent_dns_requests_total", &counters.dns_requests),
        ("istio_agent_dns_upstream_requests_total", &counters.dns_upstream_requests),
        ("istio_agent_dns_failures_total", &counters.dns_failures),
        ("istio_agent_dns_table_losses_total", &counters.dns_table_losses),
        ("istio_agent_scrape_failures_total", &counters.scrape_failures),
    ];
    let mut page = String::new();
    for (series, counter) in totals {
        let name = series.split('{').next().unwrap_or(series);
        // Writing to a String cannot fail.
        let _ = writeln!(page, "# TYPE {name} counter\n{series} {}", counter.get());
    }
    if let Some(svid) = current {
        let name = "istio_agent_cert_expiry_timestamp_seconds";
        let _ = writeln!(
            page,
            "# TYPE {name} gauge\n{name}{{resource_name=\"default\"}} {}",
            svid.not_after.unix_timestamp()
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_one_part_is_not_the_end_of_the_page() {
        let mut page = own(&Counters::default(), &None);
        append(&mut page, &Bytes::from_static(b"a 1\n# EOF\n"));
        append(&mut page, &Bytes::from_static(b""));
        append(&mut page, &Bytes::from_static(b"b 2"));
        assert!(page.ends_with("istio_agent_scrape_failures_total 0\na 1\nb 2\n"), "{page}");
        assert!(page.contains("istio_agent_num_outgoing_requests{request_type=\"csr\"} 0\n"));
    }
}
