//! Webhooks of a control plane outside the cluster.

use std::net::IpAddr;

use crate::finding::Findings;
use crate::kubernetes::Webhook;
use crate::message::{EXTERNAL_CONTROL_PLANE_ADDRESS, INVALID_EXTERNAL_CONTROL_PLANE};
use crate::object::Object;
use crate::world::World;

/// Finds webhooks that neither name a service nor have a usable address.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    let is_validator = |name: &str| name == "istiod-default-validator" || name.starts_with("istio-validator");
    for configuration in world.validating_webhooks.iter().filter(|one| is_validator(one.name())) {
        check_webhooks(configuration, findings);
    }
    let injectors = world.mutating_webhooks.iter().filter(|one| one.name().starts_with("istio-sidecar-injector"));
    injectors.for_each(|configuration| check_webhooks(configuration, findings));
}

fn check_webhooks(configuration: &Object<Vec<Webhook>>, findings: &mut Findings) {
    for (index, webhook) in configuration.spec.iter().enumerate() {
        let path = format!("webhooks[{index}].clientConfig.url");
        match webhook.client.url.as_deref() {
            None if webhook.client.service.is_some() => {}
            None | Some("") => {
                let arguments: [&dyn std::fmt::Display; 3] = [&"\"\"", &webhook.name, &"is empty"];
                findings.add(&INVALID_EXTERNAL_CONTROL_PLANE, configuration, path, &arguments);
            }
            Some(url) => match host(url) {
                None => {
                    let arguments: [&dyn std::fmt::Display; 3] =
                        [&format!("{url:?}"), &webhook.name, &"is no URL with a host"];
                    findings.add(&INVALID_EXTERNAL_CONTROL_PLANE, configuration, path, &arguments);
                }
                Some(host) if host.parse::<IpAddr>().is_ok() => {
                    findings.add(&EXTERNAL_CONTROL_PLANE_ADDRESS, configuration, path, &[&url, &webhook.name]);
                }
                Some(_) => {}
            },
        }
    }
}

/// The host of a URL.
fn host(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?;
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split_once(']')?.0,
        None => authority.split(':').next()?,
    };
    let is_valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    (!scheme.is_empty() && !host.is_empty() && host.chars().all(is_valid)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn hosts_are_found_in_urls() {
        assert_eq!(host("https://plane.example.com:15017/inject"), Some("plane.example.com"));
        assert_eq!(host("https://[fd00::1]:443"), Some("fd00::1"));
        assert_eq!(host("https://10.0.0.1"), Some("10.0.0.1"));
        for wrong in ["plane.example.com", "https://", "https://a b/", "://x"] {
            assert_eq!(host(wrong), None, "{wrong}");
        }
    }
}
