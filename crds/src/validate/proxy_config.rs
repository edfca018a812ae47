//! What a ProxyConfig may say.

use super::label::selector;
use super::report::Report;
use crate::decode::Path;
use crate::metadata::ObjectMeta;
use crate::networking::proxy_config::Spec;

/// Checks the spec at `at`.
pub fn check(spec: &Spec, _: &ObjectMeta, at: &Path<'_>, out: &mut Report) {
    if let Some(workloads) = &spec.selector {
        selector(&workloads.match_labels, &at.field("selector").field("matchLabels"), out);
    }
    if let Some(threads) = spec.concurrency.filter(|threads| *threads < 0) {
        out.refuse(&at.field("concurrency"), format_args!("{threads} is negative"));
    }
}
