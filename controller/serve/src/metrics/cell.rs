//! Counters and histograms that any task may add to without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

use super::text::{Labels, Page};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

/// Observations by size. Each observation is kept as a whole number of `unit`s.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    counts: Vec<AtomicU64>,
    sum: AtomicU64,
    unit: f64,
}

impl Counter {
    /// Adds.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// How much was added.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Histogram {
    /// A histogram with these upper bounds, ascending; the sum is exact to `unit`, e.g. 1e-6 for seconds.
    #[must_use]
    pub fn new(bounds: &'static [f64], unit: f64) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0), unit }
    }

    /// Adds one observation.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and far below 2^64 units"
    )]
    pub fn observe(&self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add((value.max(0.0) / self.unit).round() as u64, Ordering::Relaxed);
    }

    /// Writes its samples under `name`.
    #[allow(clippy::cast_precision_loss, reason = "a sum for people")]
    pub fn write(&self, page: &mut Page, name: &str, labels: Labels<'_>) {
        let bucket = format!("{name}_bucket");
        let mut total = 0;
        for (at, count) in self.counts.iter().enumerate() {
            total += count.load(Ordering::Relaxed);
            let bound = self.bounds.get(at).map_or("+Inf".to_owned(), ToString::to_string);
            let labels: Vec<_> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
            page.sample(&bucket, &labels, total);
        }
        page.sample(&format!("{name}_sum"), labels, self.sum.load(Ordering::Relaxed) as f64 * self.unit);
        page.sample(&format!("{name}_count"), labels, total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_counts_in_its_bucket_and_all_above() {
        let histogram = Histogram::new(&[0.001, 0.01], 1e-6);
        for value in [0.0005, 0.001, 0.005, 5.0] {
            histogram.observe(value);
        }
        let mut page = Page::default();
        histogram.write(&mut page, "t", &[("type", "cds")]);
        let want = "t_bucket{type=\"cds\",le=\"0.001\"} 2\nt_bucket{type=\"cds\",le=\"0.01\"} 3\n\
                    t_bucket{type=\"cds\",le=\"+Inf\"} 4\nt_sum{type=\"cds\"} 5.0065\nt_count{type=\"cds\"} 4\n";
        assert_eq!(page.finish(), want);
    }
}
