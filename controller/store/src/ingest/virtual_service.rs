//! VirtualServices.

mod action;
mod matching;
mod route;
mod tcp;

use std::sync::Arc;

use heddle_crds::networking::virtual_service::Spec;
use heddle_model::{
    Text,
    host::Host,
    mesh::Mesh,
    object::Origin,
    route::{GatewayRef, HttpRoute, Reach, VirtualService},
};

use super::{Report, name};

/// A VirtualService, before delegates are merged in.
#[derive(Clone, Debug, PartialEq)]
pub struct UnmergedVirtualService {
    /// The VirtualService; `http` holds the rules only when none of them delegates.
    pub virtual_service: Arc<VirtualService>,
    /// The HTTP rules, when some delegate; else empty.
    pub rules: Vec<Rule>,
}

/// An HTTP rule of a VirtualService that delegates.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// An ordinary rule.
    Route(Arc<HttpRoute>),
    /// A rule that leaves requests to another VirtualService.
    Delegate(Box<Delegation>),
}

/// What a rule says that leaves requests to another VirtualService.
#[derive(Clone, Debug, PartialEq)]
pub struct Delegation {
    /// Namespace of the other.
    pub namespace: Text,
    /// Name of the other.
    pub name: Text,
    /// Conditions and settings that hold for all rules of the other. Its action means nothing.
    pub rule: HttpRoute,
}

/// What the rules of one VirtualService share while they are ingested.
struct IngestContext<'a> {
    origin: &'a Origin,
    mesh: &'a Mesh,
}

impl UnmergedVirtualService {
    /// Whether it is only there for others to delegate to.
    #[must_use]
    pub fn is_delegate(&self) -> bool {
        self.virtual_service.reach.hosts.is_empty()
    }
}

/// Ingests one. Nothing when hosts were given and none of them is a host.
#[must_use]
pub fn ingest(spec: &Spec, origin: &Origin, mesh: &Mesh, report: &mut Report) -> Option<UnmergedVirtualService> {
    let namespace = origin.namespace();
    let scope = IngestContext { origin, mesh };
    let hosts = hosts(spec, &scope, report);
    if hosts.is_empty() && !spec.hosts.is_empty() {
        return None;
    }
    let mut gateways = name::gateways(namespace, &spec.gateways, "spec.gateways", report);
    if spec.gateways.is_empty() {
        gateways.push(GatewayRef::Mesh);
    }
    let exports = spec.export_to.iter().map(String::as_str);
    let reach = Reach {
        origin: origin.clone(),
        hosts,
        gateways,
        export_to: name::export(namespace, exports, &mesh.route_export, "spec.exportTo", report),
        has_http: false,
        http_destinations: Vec::new(),
        tls: tcp::tls_routes(spec, &scope, report),
        tcp: tcp::tcp_routes(spec, &scope, report),
    };
    let mut rules = Vec::with_capacity(spec.http.len());
    for (index, rule) in spec.http.iter().enumerate() {
        rules.extend(route::rule(rule, &format!("spec.http[{index}]"), &scope, report));
    }
    let plain: Option<Vec<_>> = rules.iter().map(Rule::route).collect();
    let mut http = Vec::new();
    if let Some(plain) = plain {
        http = plain;
        rules = Vec::new();
    } else if reach.hosts.is_empty() {
        report.error("spec.http", "NestedDelegate", "a delegate cannot delegate further; those rules are ignored");
        http = rules.iter().filter_map(Rule::route).collect();
        rules = Vec::new();
    }
    Some(UnmergedVirtualService { virtual_service: Arc::new(VirtualService::new(reach, http)), rules })
}

impl Rule {
    fn route(&self) -> Option<Arc<HttpRoute>> {
        match self {
            Self::Route(route) => Some(route.clone()),
            Self::Delegate(_) => None,
        }
    }
}

fn hosts(spec: &Spec, scope: &IngestContext<'_>, report: &mut Report) -> Vec<Host> {
    let mut found = Vec::with_capacity(spec.hosts.len());
    for (index, text) in spec.hosts.iter().enumerate() {
        let field = format!("spec.hosts[{index}]");
        let Some(host) = name::host(scope.mesh, scope.origin.namespace(), text, &field, report) else { continue };
        if found.contains(&host) {
            report.warning(field, "DuplicateHost", format!("{host} is listed already"));
        } else {
            found.push(host);
        }
    }
    found
}
