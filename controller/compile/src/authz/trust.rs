//! Trust domains: an identity of one of the mesh's stands for that of its aliases too.

use heddle_model::{authz::TextPattern, mesh::Mesh};

use super::pattern::written;

/// Stands for the mesh's own trust domain, whatever that is.
const LOCAL: &str = "cluster.local";
/// Parts of `trust-domain/ns/namespace/sa/account`.
const PARTS: usize = 5;

/// The mesh's trust domain and its aliases.
#[derive(Debug)]
pub(super) struct TrustDomains<'a>(Vec<&'a str>);

impl<'a> TrustDomains<'a> {
    /// Those of a mesh.
    pub(super) fn of(mesh: &'a Mesh) -> Self {
        Self(std::iter::once(&mesh.trust_domain).chain(&mesh.trust_domain_aliases).map(|one| &**one).collect())
    }

    /// An identity with those that are the same under an alias.
    pub(super) fn same(&self, principal: &TextPattern) -> Vec<TextPattern> {
        let text = written(principal);
        let (domain, rest) = text.split_once('/').unwrap_or((&text, ""));
        let is_whole = text.split('/').count() == PARTS;
        if !is_whole || domain != LOCAL && !self.0.iter().any(|one| matches(domain, one)) {
            return vec![principal.clone()];
        }
        let mut same = Vec::new();
        for one in &self.0 {
            let covered = domain.strip_prefix('*').is_some_and(|end| one.ends_with(end));
            let renamed = if covered { principal.clone() } else { TextPattern::of(&format!("{one}/{rest}")) };
            if !same.contains(&renamed) {
                same.push(renamed);
            }
        }
        same
    }
}

fn matches(pattern: &str, domain: &str) -> bool {
    match TextPattern::of(pattern) {
        TextPattern::Exact(text) => *text == *domain,
        TextPattern::Prefix(text) => domain.starts_with(&*text),
        TextPattern::Suffix(text) => domain.ends_with(&*text),
        TextPattern::Present => true,
    }
}
