//! Names: hosts short and long, gateways, and who an object is exported to.

use std::collections::BTreeSet;

use heddle_crds::validate;
use heddle_model::{
    Text,
    host::Host,
    mesh::{DefaultExport, Mesh},
    route::GatewayRef,
    service::Visibility,
};

use super::{Report, scalar};

/// The full name of a Kubernetes service.
#[must_use]
pub fn service_host(mesh: &Mesh, namespace: &str, name: &str) -> String {
    format!("{name}.{namespace}.svc.{}", mesh.domain)
}

/// A host as an object of `namespace` means it: a name without a dot is a service of that namespace.
pub(super) fn host(mesh: &Mesh, namespace: &str, text: &str, field: &str, report: &mut Report) -> Option<Host> {
    let full = if text.contains('.') || text.contains(':') || text == "*" || text.is_empty() {
        Host::parse(text.strip_suffix('.').unwrap_or(text))
    } else {
        Host::parse(&service_host(mesh, namespace, text))
    };
    full.map_err(|error| report.error(field, "BadHost", format!("{text:?}: {error}"))).ok()
}

/// A host that is taken as it is written.
pub(super) fn literal_host(text: &str, field: &str, report: &mut Report) -> Option<Host> {
    Host::parse(text).map_err(|error| report.error(field, "BadHost", format!("{text:?}: {error}"))).ok()
}

/// A host that is taken as it is written, and that Envoy can find as the server name of a TLS connection.
pub(super) fn server_name(text: &str, field: &str, report: &mut Report) -> Option<Host> {
    let host = literal_host(text, field, report)?;
    scalar::text(text, validate::host::whole_wildcard, (field, "it is left out"), report).ok().map(|()| host)
}

/// Gateways as a VirtualService of `namespace` names them.
pub(super) fn gateways(namespace: &Text, names: &[String], field: &str, report: &mut Report) -> Vec<GatewayRef> {
    let mut found = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        match gateway(namespace, name) {
            Some(gateway) if !found.contains(&gateway) => found.push(gateway),
            Some(_) => {}
            None => report.error(format!("{field}[{index}]"), "BadGateway", format!("{name:?} names no gateway")),
        }
    }
    found
}

fn gateway(namespace: &Text, name: &str) -> Option<GatewayRef> {
    if name == "mesh" {
        return Some(GatewayRef::Mesh);
    }
    let (namespace, name) = match name.split_once('/') {
        Some((".", name)) => (namespace.clone(), name),
        Some((other, name)) => (other.into(), name),
        None => return by_short_name(namespace, name),
    };
    let named = !namespace.is_empty() && !name.is_empty() && !name.contains('/');
    named.then(|| GatewayRef::Gateway { namespace, name: name.into() })
}

/// Before `namespace/name` a gateway was written like a service: `name`, or `name.namespace.svc...`.
fn by_short_name(namespace: &Text, name: &str) -> Option<GatewayRef> {
    let mut parts = name.splitn(3, '.');
    let first = parts.next().filter(|n| !n.is_empty())?;
    Some(match (parts.next(), parts.next()) {
        (Some(other), Some(rest)) if rest.starts_with("svc") => {
            GatewayRef::Gateway { namespace: other.into(), name: first.into() }
        }
        _ => GatewayRef::Gateway { namespace: namespace.clone(), name: name.into() },
    })
}

/// Who sees an object that says `exportTo`; empty means what the mesh says.
pub(super) fn export<'a>(
    namespace: &Text,
    names: impl IntoIterator<Item = &'a str>,
    default: &DefaultExport,
    field: &str,
    report: &mut Report,
) -> Visibility {
    let mut only = BTreeSet::new();
    let mut said = false;
    for (index, name) in names.into_iter().enumerate() {
        said = true;
        match name.trim() {
            "*" => return Visibility::All,
            "." => _ = only.insert(namespace.clone()),
            "~" => {}
            "" => report.error(format!("{field}[{index}]"), "BadNamespace", "the name of a namespace is empty"),
            other => _ = only.insert(other.into()),
        }
    }
    if said { Visibility::Only(only) } else { default.of(namespace) }
}
