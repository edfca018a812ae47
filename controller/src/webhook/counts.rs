//! Counters of the webhooks.

use heddle_serve::metrics::{Counter, Page};

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Valid objects.
    pub valid: Counter,
    /// Refused objects.
    pub invalid: Counter,
    /// Pods that were injected.
    pub injected: Counter,
    /// Pods that were not injected, by the rules.
    pub skipped: Counter,
    /// Pods that were refused, because the injection failed.
    pub uninjected: Counter,
    /// Requests that could not be read.
    pub unreadable: Counter,
    /// Webhook configurations that were written.
    pub patched: Counter,
    /// Webhook configurations that could not be written.
    pub unpatched: Counter,
}

impl Counts {
    /// Writes the metrics, with the names of istiod.
    pub(crate) fn write(&self, page: &mut Page) {
        page.single("galley_validation_passed", "counter", "Valid objects.", self.valid.get());
        page.family("galley_validation_failed", "counter", "Refused objects.");
        page.sample("galley_validation_failed", &[("reason", "invalid_resource")], self.invalid.get());
        let (injected, skipped, failed) = (self.injected.get(), self.skipped.get(), self.uninjected.get());
        let all = injected + skipped + failed;
        page.single("sidecar_injection_requests_total", "counter", "Injection requests.", all);
        page.single("sidecar_injection_success_total", "counter", "Pods that were injected.", injected);
        page.single(
            "sidecar_injection_skip_total",
            "counter",
            "Pods that were not injected, by the injection rules.",
            skipped,
        );
        page.single(
            "sidecar_injection_failure_total",
            "counter",
            "Pods that were refused, because the injection failed.",
            failed,
        );
        page.single(
            "galley_validation_http_error",
            "counter",
            "Validation requests that could not be read.",
            self.unreadable.get(),
        );
        page.single("webhook_patch_attempts_total", "counter", "Webhook configurations written.", self.patched.get());
        let help = "Webhook configurations that could not be written.";
        page.single("webhook_patch_failures_total", "counter", help, self.unpatched.get());
    }
}
