//! What a PeerAuthentication may say.

use super::label::selector;
use super::port;
use super::report::Report;
use crate::decode::Path;
use crate::metadata::ObjectMeta;
use crate::security::peer_authentication::Spec;

/// Checks the spec at `at`.
pub fn check(spec: &Spec, _: &ObjectMeta, at: &Path<'_>, out: &mut Report) {
    if let Some(workloads) = &spec.selector {
        selector(&workloads.match_labels, &at.field("selector").field("matchLabels"), out);
    }
    let selects = spec.selector.as_ref().is_some_and(|workloads| !workloads.match_labels.is_empty());
    if !spec.port_level_mtls.is_empty() && !selects {
        out.refuse(&at.field("portLevelMtls"), "needs a selector with labels");
    }
    for number in spec.port_level_mtls.keys() {
        out.need(&at.field("portLevelMtls").field(&number.to_string()), port::number(*number));
    }
}
