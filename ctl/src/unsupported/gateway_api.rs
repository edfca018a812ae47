//! Objects of the Gateway API that istiod would serve.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use super::Found;
use crate::server::Server;

/// istiod serves the classes whose controller has this prefix.
const CONTROLLER: &str = "istio.io/";
/// The classes that istiod makes.
const CLASSES: [&str; 3] = ["istio", "istio-remote", "istio-waypoint"];
/// The kinds of routes, with their plural names.
const ROUTES: [(&str, &str); 4] =
    [("HTTPRoute", "httproutes"), ("GRPCRoute", "grpcroutes"), ("TLSRoute", "tlsroutes"), ("TCPRoute", "tcproutes")];
/// The versions of the API, the newest first.
const VERSIONS: [&str; 4] = ["v1", "v1beta1", "v1alpha3", "v1alpha2"];
/// What a Gateway does not do.
const GATEWAY: &str = "no proxy listens for the Gateway; Heddle does not support the Gateway API yet";
/// What a route does not do.
const ROUTE: &str = "the route is not applied; Heddle does not support the Gateway API yet";

/// Finds the Gateways of istiod's classes, and the routes of these Gateways and of Services.
pub(super) async fn find(server: &Server, found: &mut Found) -> Result<()> {
    let classes = list(server, "gatewayclasses").await?;
    let gateways = list(server, "gateways").await?;
    let ours = served(&classes, &gateways);
    for (namespace, name) in &ours {
        found.add("Gateway (Gateway API)", GATEWAY, format!("{namespace}/{name}"));
    }
    for (kind, plural) in ROUTES {
        for route in list(server, plural).await?.iter().filter(|route| is_of_mesh(route, &ours)) {
            let (namespace, name) = key(route);
            found.add(kind, ROUTE, format!("{namespace}/{name}"));
        }
    }
    Ok(())
}

async fn list(server: &Server, plural: &str) -> Result<Vec<Value>> {
    for version in VERSIONS {
        let objects = server.list(&format!("/apis/gateway.networking.k8s.io/{version}/{plural}")).await?;
        if !objects.is_empty() {
            return Ok(objects);
        }
    }
    Ok(Vec::new())
}

/// The Gateways that istiod would serve, by namespace and name.
fn served<'a>(classes: &'a [Value], gateways: &'a [Value]) -> BTreeSet<(&'a str, &'a str)> {
    let is_istio = |class: &&Value| text(class, "/spec/controllerName").starts_with(CONTROLLER);
    let mut names: BTreeSet<&str> = classes.iter().filter(is_istio).map(|class| key(class).1).collect();
    names.extend(CLASSES);
    gateways.iter().filter(|gateway| names.contains(text(gateway, "/spec/gatewayClassName"))).map(key).collect()
}

/// Whether a route belongs to a served Gateway or, for calls inside the mesh, to a service.
fn is_of_mesh(route: &Value, served: &BTreeSet<(&str, &str)>) -> bool {
    let parents = route.pointer("/spec/parentRefs").and_then(Value::as_array);
    parents.into_iter().flatten().any(|parent| match text(parent, "/kind") {
        "Service" | "ServiceEntry" => true,
        "" | "Gateway" => {
            let namespace = match text(parent, "/namespace") {
                "" => key(route).0,
                namespace => namespace,
            };
            served.contains(&(namespace, text(parent, "/name")))
        }
        _ => false,
    })
}

fn key(object: &Value) -> (&str, &str) {
    (text(object, "/metadata/namespace"), text(object, "/metadata/name"))
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_istiod_would_serve_is_found() {
        let classes = [
            json!({"metadata": {"name": "inner"}, "spec": {"controllerName": "istio.io/gateway-controller"}}),
            json!({"metadata": {"name": "other"}, "spec": {"controllerName": "example.com/controller"}}),
        ];
        let gateway = |name: &str, class: &str| {
            let metadata = json!({"namespace": "edge", "name": name});
            json!({"metadata": metadata, "spec": {"gatewayClassName": class}})
        };
        let gateways = [gateway("a", "istio"), gateway("b", "inner"), gateway("c", "other")];
        let ours = served(&classes, &gateways);
        assert_eq!(ours, BTreeSet::from([("edge", "a"), ("edge", "b")]));
        let route = |namespace: &str, parent: Value| {
            let metadata = json!({"namespace": namespace, "name": "r"});
            json!({"metadata": metadata, "spec": {"parentRefs": [parent]}})
        };
        assert!(is_of_mesh(&route("edge", json!({"name": "a"})), &ours));
        assert!(is_of_mesh(&route("shop", json!({"name": "b", "namespace": "edge", "kind": "Gateway"})), &ours));
        assert!(is_of_mesh(&route("shop", json!({"name": "cart", "kind": "Service"})), &ours));
        assert!(!is_of_mesh(&route("shop", json!({"name": "a"})), &ours));
        assert!(!is_of_mesh(&route("edge", json!({"name": "c"})), &ours));
    }
}
