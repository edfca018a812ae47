//! Counters of tokens.

use heddle_serve::metrics::{Counter, Page};

/// What the API server was asked about tokens.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Tokens that the API server accepted.
    pub accepted: Counter,
    /// Tokens that it refused.
    pub refused: Counter,
    /// Reviews that failed.
    pub failed: Counter,
    /// Tokens that were refused without a review, because there were too many that nothing speaks for.
    pub limited: Counter,
    /// Reads of the API server's keys.
    pub reads: Counter,
}

impl Counts {
    /// Writes the metrics.
    pub(crate) fn write(&self, page: &mut Page) {
        page.family("heddle_token_reviews_total", "counter", "TokenReviews that the API server was asked for.");
        for (result, count) in [("accepted", &self.accepted), ("refused", &self.refused), ("failed", &self.failed)] {
            page.sample("heddle_token_reviews_total", &[("result", result)], count.get());
        }
        let help = "Tokens of unknown keys that were refused without a TokenReview, because there were too many.";
        page.single("heddle_token_reviews_limited_total", "counter", help, self.limited.get());
        let help = "Reads of the API server's keys for tokens.";
        page.single("heddle_token_key_reads_total", "counter", help, self.reads.get());
    }
}
