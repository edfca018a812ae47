//! The page that Prometheus scrapes.

use std::fs;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use heddle_serve::metrics::Page;
use time::OffsetDateTime;

use super::{Pages, issues};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Clock ticks a second in /proc: fixed by Linux for all that is not its kernel.
const TICKS: f64 = 100.0;
/// Bytes of a page of memory in /proc/self/statm on every machine that heddled runs on.
const PAGE_BYTES: u64 = 4096;

/// All metrics of the process.
pub(super) fn page(pages: &Pages) -> Response {
    let mut page = Page::default();
    build(pages, &mut page);
    mesh(pages, &mut page);
    authority(pages, &mut page);
    pages.registry.metrics().write(&mut page);
    pages.compiled.write(&mut page);
    pages.webhooks.write(&mut page);
    pages.tokens.write(&mut page);
    process(&mut page);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page.finish()).into_response()
}

fn build(pages: &Pages, page: &mut Page) {
    page.family("pilot_info", "gauge", "Version of the control plane.");
    page.sample("pilot_info", &[("version", VERSION)], 1);
    page.family("istio_build", "gauge", "Component and version.");
    page.sample("istio_build", &[("component", "pilot"), ("tag", VERSION)], 1);
    let up = pages.started.elapsed().as_secs_f64();
    page.single("istiod_uptime_seconds", "gauge", "Seconds since the start.", up);
    page.family("pilot_xds", "gauge", "Connected proxies.");
    page.sample("pilot_xds", &[("version", VERSION)], pages.registry.connected());
}

fn mesh(pages: &Pages, page: &mut Page) {
    let snapshot = pages.state.borrow().snapshot.clone();
    page.single("pilot_services", "gauge", "Services.", snapshot.services.len());
    page.single("pilot_virt_services", "gauge", "VirtualServices.", snapshot.virtual_services.len());
    page.single("heddle_revision", "counter", "Revisions committed.", snapshot.revision);
    page.family("heddle_issues", "gauge", "Issues of objects and files, by reason.");
    for ((reason, severity), count) in issues::by_reason(pages) {
        page.sample("heddle_issues", &[("reason", reason), ("severity", severity)], count);
    }
}

fn authority(pages: &Pages, page: &mut Page) {
    let Some(authority) = pages.authority.borrow().clone() else { return };
    let end = authority.validity().not_after;
    let left = (end - OffsetDateTime::now_utc()).as_seconds_f64();
    for name in ["root_cert", "cert_chain"] {
        let help = "Expiry of the signing certificate or of one above it, in seconds since 1970.";
        page.single(&format!("citadel_server_{name}_expiry_timestamp"), "gauge", help, end.unix_timestamp());
        let help = "Seconds until this expiry.";
        page.single(&format!("citadel_server_{name}_expiry_seconds"), "gauge", help, left);
    }
}

/// The process's own use of the machine, as the kernel tells it; what it does not tell is left out.
fn process(page: &mut Page) {
    if let Some(ticks) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(processor_ticks) {
        page.single("process_cpu_seconds_total", "counter", "Processor time in seconds.", ticks / TICKS);
    }
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let mut pages = statm.split(' ').map_while(|field| field.parse::<u64>().ok());
    if let (Some(all), Some(resident)) = (pages.next(), pages.next()) {
        page.single("process_virtual_memory_bytes", "gauge", "Memory mapped.", all * PAGE_BYTES);
        page.single("process_resident_memory_bytes", "gauge", "Memory in use.", resident * PAGE_BYTES);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        page.single("process_open_fds", "gauge", "Open files.", open.count());
    }
}

/// User and system time are the 14th and 15th field; the second holds the name, which may hold anything.
fn processor_ticks(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11).map(|field| field.parse::<f64>().ok());
    Some(fields.next()?? + fields.next()??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20";
        assert_eq!(processor_ticks(stat), Some(200.0));
        assert_eq!(processor_ticks("nonsense"), None);
    }
}
