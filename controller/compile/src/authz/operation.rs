//! Conditions on what is called.

use heddle_model::authz::{Attribute, TextPattern, Values};
use heddle_xds_api::envoy::{
    config::{
        core::v3::TypedExtensionConfig,
        rbac::v3::{Permission, permission::Rule},
    },
    extensions::path::r#match::uri_template::v3::UriTemplateMatchConfig,
    r#type::matcher::v3::{PathMatcher, path_matcher},
};

use super::{
    node::Node as _,
    pattern::{element, header, metadata, one_of, range, text, value, written},
};
use crate::envoy::any::any;

/// Matches what has one of the values of the attribute.
pub(super) fn permission(attribute: &Attribute, values: &Values) -> Permission {
    let texts = match values {
        Values::Networks(networks) => {
            return Permission::one_of(networks.iter().map(|one| node(Rule::DestinationIp(range(one)))).collect());
        }
        Values::Ports(ports) => {
            return Permission::one_of(ports.iter().map(|one| node(Rule::DestinationPort((*one).into()))).collect());
        }
        // No attribute of a callee is an account.
        Values::Accounts(_) => return Permission::not(Permission::any()),
        Values::Texts(texts) => texts,
    };
    let each = |of: &dyn Fn(&TextPattern) -> Rule| Permission::one_of(texts.iter().map(|one| node(of(one))).collect());
    match attribute {
        Attribute::Host => each(&|one| Rule::Header(header(":authority", one, true))),
        Attribute::Method => each(&|one| Rule::Header(header(":method", one, false))),
        Attribute::Path => each(&path),
        Attribute::Sni => each(&|one| Rule::RequestedServerName(text(one))),
        Attribute::FilterMetadata(filter, key) => {
            let matchers = texts.iter().map(|one| noted(&written(one))).collect();
            node(Rule::Metadata(metadata(filter, [&**key], one_of(matchers))))
        }
        // All others are about the caller.
        _ => Permission::not(Permission::any()),
    }
}

fn node(rule: Rule) -> Permission {
    Permission { rule: Some(rule) }
}

fn path(pattern: &TextPattern) -> Rule {
    let written = written(pattern);
    if !written.contains("{*}") && !written.contains("{**}") {
        return Rule::UrlPath(PathMatcher { rule: Some(path_matcher::Rule::Path(text(pattern))) });
    }
    let path_template = written.replace("{**}", "**").replace("{*}", "*");
    let config = UriTemplateMatchConfig { path_template };
    Rule::UriTemplate(TypedExtensionConfig { name: "uri-template".into(), typed_config: Some(any(&config)) })
}

/// What a filter noted: `[text]` is an element of a list.
fn noted(written: &str) -> heddle_xds_api::envoy::r#type::matcher::v3::ValueMatcher {
    match written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => element(value(text(&TextPattern::of(inner)))),
        None => value(text(&TextPattern::of(written))),
    }
}
