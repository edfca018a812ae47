//! What a RequestAuthentication may say.

use super::report::{Report, quote};
use super::target::attachment;
use super::{header, time, url};
use crate::decode::Path;
use crate::metadata::ObjectMeta;
use crate::security::request_authentication::{JwtRule, Spec};

/// The annotation that turns a policy into a trial, which only authorization knows.
const DRY_RUN: &str = "istio.io/dry-run";
/// Most issuers, and most claims that are lists.
const MOST_RULES: usize = 4096;
const MOST_CLAIMS: usize = 64;

/// Checks the spec at `at`.
pub fn check(spec: &Spec, meta: &ObjectMeta, at: &Path<'_>, out: &mut Report) {
    if meta.annotations.contains_key(DRY_RUN) {
        out.refuse(&Path::Root("metadata.annotations").field(DRY_RUN), "is for AuthorizationPolicies only");
    }
    attachment(spec.selector.as_ref(), spec.target_ref.as_ref(), &spec.target_refs, at, out);
    if spec.jwt_rules.len() > MOST_RULES {
        out.refuse(&at.field("jwtRules"), format_args!("more than {MOST_RULES} entries"));
    }
    for (index, issuer) in spec.jwt_rules.iter().enumerate() {
        rule(issuer, &at.field("jwtRules").index(index), out);
    }
}

fn rule(rule: &JwtRule, at: &Path<'_>, out: &mut Report) {
    if rule.issuer.is_empty() && rule.jwks_uri.is_empty() {
        out.refuse(&at.field("issuer"), "one of issuer and jwksUri is required");
    }
    if !rule.jwks_uri.is_empty() {
        out.need(&at.field("jwksUri"), url::keys(&rule.jwks_uri));
        if !rule.jwks.is_empty() {
            out.refuse(&at.field("jwks"), "excludes jwksUri");
        }
    }
    if !rule.jwks.is_empty() {
        out.need(&at.field("jwks"), keys(&rule.jwks));
    }
    for (name, texts) in
        [("audiences", &rule.audiences), ("fromParams", &rule.from_params), ("fromCookies", &rule.from_cookies)]
    {
        none_empty(texts, &at.field(name), out);
    }
    for (index, location) in rule.from_headers.iter().enumerate() {
        if location.name.is_empty() {
            out.refuse(&at.field("fromHeaders").index(index).field("name"), "is required");
        }
    }
    for (index, output) in rule.output_claim_to_headers.iter().enumerate() {
        let at = at.field("outputClaimToHeaders");
        let at = at.index(index);
        if output.header.is_empty() || output.claim.is_empty() {
            out.refuse(&at, "both header and claim are required");
            continue;
        }
        out.need(&at.field("header"), header::strict(&output.header));
    }
    if rule.space_delimited_claims.len() > MOST_CLAIMS {
        out.refuse(&at.field("spaceDelimitedClaims"), format_args!("more than {MOST_CLAIMS} entries"));
    }
    none_empty(&rule.space_delimited_claims, &at.field("spaceDelimitedClaims"), out);
    out.need(&at.field("timeout"), time::positive(rule.timeout));
}

fn none_empty(texts: &[String], at: &Path<'_>, out: &mut Report) {
    for (index, _) in texts.iter().enumerate().filter(|(_, text)| text.is_empty()) {
        out.refuse(&at.index(index), "must not be empty");
    }
}

/// A set of keys is a JSON object with a list of objects that say their type; one key may stand alone.
fn keys(text: &str) -> Result<(), String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
    if value.get("kty").is_some_and(serde_json::Value::is_string) {
        return Ok(());
    }
    let Some(keys) = value.get("keys").and_then(serde_json::Value::as_array) else {
        return Err("has no list of keys".to_owned());
    };
    let untyped = keys.iter().position(|key| key.get("kty").and_then(serde_json::Value::as_str).is_none());
    match untyped {
        Some(index) => Err(format!("key {index} of {} does not say its type, kty", quote(text))),
        None => Ok(()),
    }
}
