//! Gateways: the ports and Secrets of their servers, and the VirtualServices that are bound to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use heddle_model::{
    Text,
    gateway::{Gateway, Server},
    issue::Issue,
    object::Kind,
    route::{GatewayRef, Reach},
    service::{Service, ServiceRegistry},
    snapshot::Snapshot,
    tls::{ServerCertificate, ServerTls},
    workload::Workload,
};

use super::{Extent, Selected};

/// Scheme of names of Secrets.
const SCHEME: &str = "kubernetes://";
/// Suffix of a Secret with the roots that belong to a certificate.
const ROOTS: &str = "-cacert";

/// Checks all Gateways and what is bound to them. A VirtualService of gateways alone selects their workloads.
pub(super) fn check(snapshot: &Snapshot, extent: &Extent<'_>, selected: &mut Selected, issues: &mut Vec<Issue>) {
    let services = selecting(snapshot);
    let gateways = snapshot.gateways.iter().filter(|gateway| gateway.origin.object.kind == Kind::Gateway);
    for gateway in gateways.filter(|gateway| extent.has(&gateway.origin.object)) {
        let Some(workloads) = selected.get(&gateway.origin.object) else { continue };
        check_ports(snapshot, gateway, &fronts(&services, workloads), issues);
        check_secrets(snapshot, gateway, workloads, issues);
    }
    let gateways: BTreeMap<(&Text, &Text), &Arc<Gateway>> =
        snapshot.gateways.iter().map(|gateway| ((&gateway.bound.0, &gateway.bound.1), gateway)).collect();
    for virtual_service in snapshot.virtual_services.values() {
        let reach = &virtual_service.reach;
        if reach.origin.object.kind == Kind::VirtualService && extent.has(&reach.origin.object) {
            check_bound(reach, &gateways, issues);
            select_of_gateways(reach, &gateways, selected);
        }
    }
}

/// The Kubernetes services with a selector, by namespace.
fn selecting(snapshot: &Snapshot) -> BTreeMap<&Text, Vec<&Arc<Service>>> {
    let mut services: BTreeMap<&Text, Vec<&Arc<Service>>> = BTreeMap::new();
    let selects = |one: &&Arc<Service>| one.registry == ServiceRegistry::Kubernetes && !one.selector.is_empty();
    for service in snapshot.services.iter().filter(selects) {
        services.entry(service.namespace()).or_default().push(service);
    }
    services
}

/// The services in front of these workloads.
fn fronts<'a>(services: &BTreeMap<&Text, Vec<&'a Arc<Service>>>, workloads: &[Arc<Workload>]) -> Vec<&'a Arc<Service>> {
    let distinct: BTreeSet<_> = workloads.iter().map(|one| (one.origin.namespace(), &one.labels)).collect();
    let of_namespace = |namespace: &Text| services.get(namespace).map_or(&[][..], Vec::as_slice);
    let fronts = distinct.iter().flat_map(|(namespace, labels)| {
        of_namespace(namespace).iter().filter(move |service| service.selector.select(labels)).copied()
    });
    fronts.collect()
}

/// A server's port must be one of the services in front, or a port to which one of them leads.
fn check_ports(snapshot: &Snapshot, gateway: &Gateway, fronts: &[&Arc<Service>], issues: &mut Vec<Issue>) {
    let leads = |service: &Service, port: u16| {
        let endpoints = snapshot.endpoints.get(&service.key());
        service.port(port).is_some() || endpoints.is_some_and(|all| all.iter().any(|one| one.port == port))
    };
    for server in gateway.servers.iter().filter(|server| server.port != 0) {
        if !fronts.is_empty() && !fronts.iter().any(|service| leads(service, server.port)) {
            let names: BTreeSet<&str> = fronts.iter().map(|service| service.host.as_str()).collect();
            let names = names.into_iter().collect::<Vec<_>>().join(", ");
            let message =
                format!("the Service of the gateway has no port {} ({names}); clients cannot reach it", server.port);
            let field = format!("{}.port.number", server.field);
            issues.push(Issue::error(&gateway.origin.object, field, "UnknownPort", message));
        }
    }
}

/// A Secret must be in the namespace of each proxy that serves the Gateway.
fn check_secrets(snapshot: &Snapshot, gateway: &Gateway, workloads: &[Arc<Workload>], issues: &mut Vec<Issue>) {
    if snapshot.assume_secrets {
        return;
    }
    let namespaces: BTreeSet<&Text> = workloads.iter().map(|one| one.origin.namespace()).collect();
    for server in &gateway.servers {
        let names = server.tls.as_ref().map(credentials).unwrap_or_default();
        let missing = names.iter().find_map(|name| {
            namespaces.iter().find(|namespace| !is_there(snapshot, namespace, name)).map(|namespace| (name, *namespace))
        });
        if let Some((name, namespace)) = missing {
            issues.push(missing_secret(gateway, server, name, namespace));
        }
    }
}

fn missing_secret(gateway: &Gateway, server: &Server, name: &str, namespace: &str) -> Issue {
    let field = format!("{}.tls.credentialName", server.field);
    let message = format!("there is no Secret {name} in namespace {namespace}; this server is left out");
    Issue::error(&gateway.origin.object, field, "MissingSecret", message)
}

/// The names of Secrets that a server names, without the scheme. ConfigMaps keep theirs.
fn credentials(tls: &ServerTls) -> Vec<&str> {
    let certificates = tls.certificates.iter().filter_map(|certificate| match certificate {
        ServerCertificate::Credential(name) => Some(&**name),
        ServerCertificate::Files { .. } => None,
    });
    let roots = Some(&*tls.roots_credential).filter(|name| !name.is_empty());
    let names = certificates.chain(roots).map(|name| name.strip_prefix(SCHEME).unwrap_or(name));
    names.filter(|name| !name.contains("://")).collect()
}

/// Whether the proxies of a namespace are given a Secret of this name: only one of their own namespace.
fn is_there(snapshot: &Snapshot, namespace: &Text, name: &str) -> bool {
    let name = match name.split_once('/') {
        Some((of, _)) if *of != **namespace => return false,
        Some((_, name)) => name,
        None => name,
    };
    let get = |name: &str| snapshot.secrets.get(&(namespace.clone(), name.into()));
    get(name).is_some() || name.strip_suffix(ROOTS).and_then(get).is_some_and(|secret| !secret.roots.is_empty())
}

/// A VirtualService must name Gateways that exist, each with a server that takes one of its hosts.
fn check_bound(reach: &Reach, gateways: &BTreeMap<(&Text, &Text), &Arc<Gateway>>, issues: &mut Vec<Issue>) {
    for reference in &reach.gateways {
        let GatewayRef::Gateway { namespace, name } = reference else { continue };
        let problem = match gateways.get(&(namespace, name)) {
            None => Some((
                "UnknownGateway",
                format!("there is no Gateway {namespace}/{name}; no gateway serves these routes for it"),
            )),
            Some(gateway) if !takes(gateway, reach) => Some((
                "HostNotOnGateway",
                format!(
                    "no server of the Gateway {namespace}/{name} takes a host of this object; it serves no route of it"
                ),
            )),
            Some(_) => None,
        };
        if let Some((reason, message)) = problem {
            issues.push(Issue::error(&reach.origin.object, "spec.gateways", reason, message));
        }
    }
}

/// Whether a server takes one of the hosts.
fn takes(gateway: &Gateway, reach: &Reach) -> bool {
    let open = gateway.servers.iter().flat_map(|server| &server.hosts);
    let mut open = open.filter(|host| host.namespace.as_ref().is_none_or(|wanted| wanted == reach.origin.namespace()));
    open.any(|server| reach.hosts.iter().any(|host| server.host.overlaps(host)))
}

/// A VirtualService that is bound to gateways only concerns the workloads of these gateways.
fn select_of_gateways(reach: &Reach, gateways: &BTreeMap<(&Text, &Text), &Arc<Gateway>>, selected: &mut Selected) {
    let mut workloads = Vec::new();
    for reference in &reach.gateways {
        let GatewayRef::Gateway { namespace, name } = reference else { return };
        let Some(gateway) = gateways.get(&(namespace, name)) else { return };
        // A Gateway without a selector is served by all gateways.
        let Some(of_gateway) = selected.get(&gateway.origin.object) else { return };
        workloads.extend(of_gateway.iter().cloned());
    }
    if !reach.gateways.is_empty() {
        selected.insert(reach.origin.object.clone(), workloads);
    }
}
