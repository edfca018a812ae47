//! Conditions on the caller.

use heddle_model::authz::{Attribute, TextPattern, Values};
use heddle_xds_api::envoy::{
    config::rbac::v3::{
        Principal,
        principal::{Authenticated, Identifier},
    },
    r#type::matcher::v3::{StringMatcher, string_matcher::MatchPattern},
};

use super::{
    node::Node as _,
    pattern::{self, element, escaped, matcher, metadata, one_of, part, range, regex, text, value, written},
    trust::TrustDomains,
};

const SCHEME: &str = "spiffe://";
/// The filter that checks tokens, and where it notes their claims.
const TOKENS: &str = "envoy.filters.http.jwt_authn";
const CLAIMS: &str = "payload";

/// Matches callers of which the attribute has one of the values.
pub(super) fn principal(attribute: &Attribute, values: &Values, trust: &TrustDomains<'_>) -> Principal {
    let texts = match values {
        Values::Networks(networks) => {
            let identifier = |network: &_| match attribute {
                Attribute::RemoteIp => Identifier::RemoteIp(range(network)),
                _ => Identifier::DirectRemoteIp(range(network)),
            };
            return Principal::one_of(networks.iter().map(|network| node(identifier(network))).collect());
        }
        Values::Accounts(accounts) => {
            return Principal::one_of(
                accounts.iter().map(|(namespace, name)| named(account(namespace, name))).collect(),
            );
        }
        // No attribute of a caller is a port.
        Values::Ports(_) => return Principal::not(Principal::any()),
        Values::Texts(texts) => texts,
    };
    let each = |of: &dyn Fn(&TextPattern) -> Principal| Principal::one_of(texts.iter().map(of).collect());
    match attribute {
        Attribute::Namespace => each(&|one| named(regex(format!(".*/ns/{}/.*", part(one, ".*"))))),
        Attribute::TrustDomain => each(&|one| named(regex(format!("{SCHEME}{}/.*", part(one, "[^/]*"))))),
        Attribute::Header(name) => each(&|one| node(Identifier::Header(pattern::header(name, one, false)))),
        Attribute::RequestPrincipal => each(&token),
        Attribute::Claim(path) => claim(path.iter().map(|name| &**name), texts),
        _ => Principal::one_of(texts.iter().flat_map(|one| trust.same(one)).map(|one| named(identity(&one))).collect()),
    }
}

fn node(identifier: Identifier) -> Principal {
    Principal { identifier: Some(identifier) }
}

/// Matches callers by a name in their certificate.
fn named(matcher: StringMatcher) -> Principal {
    node(Identifier::Authenticated(Authenticated { principal_name: Some(matcher) }))
}

fn identity(pattern: &TextPattern) -> StringMatcher {
    match pattern {
        TextPattern::Exact(text) => matcher(MatchPattern::Exact(format!("{SCHEME}{text}"))),
        TextPattern::Prefix(text) => matcher(MatchPattern::Prefix(format!("{SCHEME}{text}"))),
        TextPattern::Suffix(text) => regex(format!("{SCHEME}.*{}", escaped(text))),
        TextPattern::Present => text(pattern),
    }
}

/// Matches the identities of a service account in any trust domain.
fn account(namespace: &str, name: &str) -> StringMatcher {
    regex(format!("{SCHEME}.+/ns/{}/(.+/|)sa/{}(/.+)?", escaped(namespace), escaped(name)))
}

/// Matches a token by `issuer/subject`.
fn token(pattern: &TextPattern) -> Principal {
    let text = written(pattern);
    let (issuer, subject) = match (text.rsplit_once('/'), pattern) {
        (Some((issuer, subject)), _) => (TextPattern::of(issuer), TextPattern::of(subject)),
        (None, TextPattern::Suffix(_)) => (TextPattern::Present, pattern.clone()),
        (None, TextPattern::Exact(_)) => (pattern.clone(), TextPattern::Exact("".into())),
        (None, _) => (pattern.clone(), TextPattern::Present),
    };
    let of = |name: &str, pattern: &TextPattern| {
        let matcher = metadata(TOKENS, [CLAIMS, name], value(pattern::text(pattern)));
        node(Identifier::Metadata(matcher))
    };
    Principal::all_of(vec![of("iss", &issuer), of("sub", &subject)])
}

/// Matches a claim that is one of these texts, or a list with one of them.
fn claim<'a>(path: impl Iterator<Item = &'a str>, texts: &[TextPattern]) -> Principal {
    let any = one_of(texts.iter().map(|one| value(text(one))).collect());
    let matcher = metadata(TOKENS, std::iter::once(CLAIMS).chain(path), one_of(vec![element(any.clone()), any]));
    node(Identifier::Metadata(matcher))
}
