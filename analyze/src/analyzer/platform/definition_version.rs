//! Definitions of the Gateway API that are too old.

use crate::finding::Findings;
use crate::message::GATEWAY_API_TOO_OLD;
use crate::world::World;

/// The annotation with the version of the Gateway API that a definition belongs to.
const VERSION: &str = "gateway.networking.k8s.io/bundle-version";

/// The lowest versions whose objects are read.
const LOWEST: [(&str, Version); 3] = [
    ("backendtlspolicies.gateway.networking.k8s.io", (1, 4, 0)),
    ("grpcroutes.gateway.networking.k8s.io", (1, 1, 0)),
    ("tlsroutes.gateway.networking.k8s.io", (1, 5, 0)),
];

/// Major, minor and patch.
type Version = (u32, u32, u32);

/// Finds definitions whose version is too low.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    for definition in &world.definitions {
        let lowest = LOWEST.into_iter().find(|(name, _)| *name == definition.name());
        let (Some((name, lowest)), Some(text)) = (lowest, definition.meta.annotations.get(VERSION)) else { continue };
        if parse(text).is_some_and(|version| version < lowest) {
            let wanted = format!("v{}.{}.{}", lowest.0, lowest.1, lowest.2);
            findings.add(&GATEWAY_API_TOO_OLD, definition, "metadata.annotations", &[&name, text, &wanted]);
        }
    }
}

/// Reads `v1.4.1`. What comes after a hyphen or plus does not count.
fn parse(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut parts = text.split(['-', '+']).next()?.split('.').map(|part| part.parse::<u32>().ok());
    let major = parts.next()??;
    let (minor, patch) = (parts.next().unwrap_or(Some(0))?, parts.next().unwrap_or(Some(0))?);
    Some((major, minor, patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(parse("v1.4.1"), Some((1, 4, 1)));
        assert_eq!(parse("v1.5.0-rc.1"), Some((1, 5, 0)));
        assert_eq!(parse("1.2"), Some((1, 2, 0)));
        assert_eq!(parse("latest"), None);
    }
}
