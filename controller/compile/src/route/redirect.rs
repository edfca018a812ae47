//! Answers that the proxy gives itself: redirects and fixed responses.

use heddle_model::route::{Body, DirectResponse, Redirect, RedirectPort};
use heddle_xds_api::envoy::config::{
    core::v3::{DataSource, data_source::Specifier},
    route::v3::{
        DirectResponseAction, RedirectAction,
        redirect_action::{PathRewriteSpecifier, RedirectResponseCode, SchemeRewriteSpecifier},
    },
};

/// A redirect as Envoy's; `listener_port` stands for the request's own port.
pub(super) fn redirect(to: &Redirect, listener_port: u16) -> RedirectAction {
    let path = match (&to.prefix, &to.uri) {
        (Some(prefix), _) => Some(PathRewriteSpecifier::PrefixRewrite(prefix.to_string())),
        (None, Some(path)) => Some(PathRewriteSpecifier::PathRedirect(path.to_string())),
        (None, None) => None,
    };
    RedirectAction {
        host_redirect: to.authority.as_deref().unwrap_or_default().into(),
        port_redirect: port(to, listener_port),
        response_code: code(to.code).into(),
        scheme_rewrite_specifier: to.scheme.as_ref().map(|s| SchemeRewriteSpecifier::SchemeRedirect(s.to_string())),
        path_rewrite_specifier: path,
        ..RedirectAction::default()
    }
}

/// A fixed response.
pub(super) fn respond(with: &DirectResponse) -> DirectResponseAction {
    let body = with.body.as_ref().map(|body| match body {
        Body::Text(text) => Specifier::InlineString(text.to_string()),
        Body::Bytes(bytes) => Specifier::InlineBytes(bytes.to_vec()),
    });
    DirectResponseAction {
        status: with.status.into(),
        body: body.map(|specifier| DataSource { specifier: Some(specifier), ..DataSource::default() }),
        ..DirectResponseAction::default()
    }
}

fn port(to: &Redirect, listener_port: u16) -> u32 {
    match to.port {
        // Left out, Envoy takes the default port off with the scheme that it belongs to, and keeps any other.
        RedirectPort::Keep | RedirectPort::ProtocolDefault => 0,
        RedirectPort::Number(number) => number.into(),
        RedirectPort::Request => listener_port.into(),
    }
}

fn code(status: u16) -> RedirectResponseCode {
    match status {
        302 => RedirectResponseCode::Found,
        303 => RedirectResponseCode::SeeOther,
        307 => RedirectResponseCode::TemporaryRedirect,
        308 => RedirectResponseCode::PermanentRedirect,
        _ => RedirectResponseCode::MovedPermanently,
    }
}
