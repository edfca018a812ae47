//! What serving counts, under istiod's names where the meaning is the same, and under `heddle_` where it is our own.

use std::collections::BTreeMap;
use std::time::Duration;

use heddle_xds_api::TypeUrl;

mod cell;
mod text;

pub use cell::{Counter, Histogram};
pub use text::{Labels, Page};

/// Upper bounds of times in seconds: from the millisecond that a lone edit takes to the half minute after which
/// somebody calls.
const SECONDS: &[f64] =
    &[0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Upper bounds of responses in bytes: istiod's.
const BYTES: &[f64] = &[1.0, 10_000.0, 1e6, 4e6, 1e7, 4e7];

/// Counters of discovery and of the certificate service.
#[derive(Debug)]
pub struct Metrics {
    /// Responses, by type.
    pub pushes: ByType<Counter>,
    /// Bytes of responses, by type.
    pub bytes: ByType<Counter>,
    /// Sizes of responses, by type.
    pub sizes: ByType<Histogram>,
    /// Responses that a proxy rejected, by type.
    pub rejects: ByType<Counter>,
    /// Requests with a nonce that is not the last one, by type.
    pub expired: ByType<Counter>,
    /// Seconds from the arrival of an event to the response that carries it.
    pub sent: Histogram,
    /// Seconds from the arrival of an event to the proxy's ACK, by type.
    pub acked: ByType<Histogram>,
    /// Responses held back for another type that went out because the wait was over.
    pub holds_expired: Counter,
    /// Streams that were refused: credentials, or a node that is not theirs.
    pub streams_refused: Counter,
    /// The certificate service.
    pub certificates: Certificates,
}

/// Counters of the certificate service, named as istiod's (contract §7).
#[derive(Debug, Default)]
pub struct Certificates {
    /// Requests.
    pub requests: Counter,
    /// Requests without credentials that hold.
    pub unauthenticated: Counter,
    /// Requests whose CSR could not be read.
    pub unreadable: Counter,
    /// Requests for a life that is too long.
    pub lifetime: Counter,
    /// Requests that could not be signed for another reason.
    pub unsigned: Counter,
    /// Certificates issued.
    pub issued: Counter,
}

/// One value for each type of resource.
#[derive(Debug)]
pub struct ByType<T>(BTreeMap<TypeUrl, T>);

impl<T> ByType<T> {
    fn new(make: impl Fn() -> T) -> Self {
        Self(TypeUrl::ALL.into_iter().map(|url| (url, make())).collect())
    }

    fn each(&self, mut visit: impl FnMut(TypeUrl, &T)) {
        self.0.iter().for_each(|(url, value)| visit(*url, value));
    }
}

impl ByType<Counter> {
    /// Adds to one type's counter.
    pub fn add(&self, url: TypeUrl, amount: u64) {
        if let Some(counter) = self.0.get(&url) {
            counter.add(amount);
        }
    }

    /// One type's count.
    #[must_use]
    pub fn get(&self, url: TypeUrl) -> u64 {
        self.0.get(&url).map_or(0, Counter::get)
    }

    fn write(&self, page: &mut Page, name: &str, help: &str) {
        page.family(name, "counter", help);
        self.each(|url, counter| page.sample(name, &[("type", url.short())], counter.get()));
    }
}

impl ByType<Histogram> {
    /// Adds to one type's histogram.
    pub fn observe(&self, url: TypeUrl, value: f64) {
        if let Some(histogram) = self.0.get(&url) {
            histogram.observe(value);
        }
    }

    fn write(&self, page: &mut Page, name: &str, help: &str, label: fn(TypeUrl) -> &'static str) {
        page.family(name, "histogram", help);
        self.each(|url, histogram| histogram.write(page, name, &[("type", label(url))]));
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            pushes: ByType::new(Counter::default),
            bytes: ByType::new(Counter::default),
            sizes: ByType::new(|| Histogram::new(BYTES, 1.0)),
            rejects: ByType::new(Counter::default),
            expired: ByType::new(Counter::default),
            sent: Histogram::new(SECONDS, 1e-6),
            acked: ByType::new(|| Histogram::new(SECONDS, 1e-6)),
            holds_expired: Counter::default(),
            streams_refused: Counter::default(),
            certificates: Certificates::default(),
        }
    }
}

impl Metrics {
    /// A response went out; `age` is the time since the event that it carries, none for an answer to a question.
    #[allow(clippy::cast_precision_loss, reason = "sizes of responses are far below 2^52")]
    pub fn sent(&self, url: TypeUrl, bytes: usize, age: Option<Duration>) {
        self.pushes.add(url, 1);
        self.bytes.add(url, bytes as u64);
        self.sizes.observe(url, bytes as f64);
        if let Some(age) = age {
            self.sent.observe(age.as_secs_f64());
        }
    }

    /// A request came with a nonce that is not the last one.
    pub fn expired_nonce(&self, url: TypeUrl) {
        self.expired.add(url, 1);
    }

    /// Writes all of them.
    pub fn write(&self, page: &mut Page) {
        self.pushes.write(page, "pilot_xds_pushes", "Responses by type.");
        self.sizes.write(page, "pilot_xds_config_size_bytes", "Sizes of responses.", TypeUrl::as_str);
        self.rejects.write(page, "pilot_total_xds_rejects", "Responses that a proxy rejected.");
        self.expired.write(page, "pilot_xds_expired_nonce", "Requests with an old nonce.");
        let name = "pilot_proxy_convergence_time";
        page.family(name, "histogram", "Seconds from an event to the response that carries it.");
        self.sent.write(page, name, &[]);
        let help = "Seconds from an event to the proxy's ACK.";
        self.acked.write(page, "heddle_event_to_ack_seconds", help, TypeUrl::short);
        self.bytes.write(page, "heddle_xds_sent_bytes", "Bytes of responses by type.");
        let help = "Responses held back for another type until the wait was over.";
        page.single("heddle_xds_holds_expired", "counter", help, self.holds_expired.get());
        let help = "Streams refused for their credentials or their node.";
        page.single("heddle_xds_streams_refused", "counter", help, self.streams_refused.get());
        self.certificates.write(page);
    }
}

impl Certificates {
    fn write(&self, page: &mut Page) {
        let mut counter = |name: &str, help: &str, counter: &Counter| {
            page.single(&format!("citadel_server_{name}"), "counter", help, counter.get());
        };
        counter("csr_count", "Certificate signing requests.", &self.requests);
        counter("authentication_failure_count", "Requests without credentials that hold.", &self.unauthenticated);
        counter("csr_parsing_err_count", "Requests whose CSR could not be read.", &self.unreadable);
        counter("success_cert_issuance_count", "Certificates issued.", &self.issued);
        let name = "citadel_server_csr_sign_err_count";
        page.family(name, "counter", "Requests that could not be signed.");
        page.sample(name, &[("error", "TTL_ERROR")], self.lifetime.get());
        page.sample(name, &[("error", "CERT_GEN_ERROR")], self.unsigned.get());
    }
}
