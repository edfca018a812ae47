//! The destinations of a VirtualService.

use heddle_crds::networking::destination::Destination;
use heddle_crds::networking::virtual_service::Spec;

/// A destination and where it is written.
pub(super) struct Written<'a> {
    /// The path of the destination.
    pub(super) path: String,
    /// Whether copies of requests are sent to it.
    pub(super) is_mirror: bool,
    /// The destination.
    pub(super) destination: &'a Destination,
}

/// All destinations of a VirtualService.
pub(super) fn all<'a>(spec: &'a Spec) -> Vec<Written<'a>> {
    let mut found = Vec::new();
    let mut add = |path: String, is_mirror: bool, destination: Option<&'a Destination>| {
        if let Some(destination) = destination {
            found.push(Written { path, is_mirror, destination });
        }
    };
    for (rule, route) in spec.tcp.iter().enumerate() {
        for (index, target) in route.route.iter().enumerate() {
            add(format!("spec.tcp[{rule}].route[{index}].destination"), false, target.destination.as_ref());
        }
    }
    for (rule, route) in spec.tls.iter().enumerate() {
        for (index, target) in route.route.iter().enumerate() {
            add(format!("spec.tls[{rule}].route[{index}].destination"), false, target.destination.as_ref());
        }
    }
    for (rule, route) in spec.http.iter().enumerate() {
        for (index, target) in route.route.iter().enumerate() {
            add(format!("spec.http[{rule}].route[{index}].destination"), false, target.destination.as_ref());
        }
        add(format!("spec.http[{rule}].mirror"), true, route.mirror.as_ref());
        for (index, mirror) in route.mirrors.iter().enumerate() {
            add(format!("spec.http[{rule}].mirrors[{index}].destination"), true, mirror.destination.as_ref());
        }
    }
    found
}
