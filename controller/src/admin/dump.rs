//! What a proxy was sent, in the shape of Envoy's own config dump, so that the two can be compared.

use heddle_serve::registry::ProxyState;
use heddle_xds_api::{Resource, TypeUrl, TypedSet, json as proto};
use serde_json::{Value, json};

/// The parts of a dump: type of resource, name of the part, its list, and what is around each resource.
const PARTS: [(TypeUrl, &str, &str, &str); 4] = [
    (TypeUrl::Cluster, "ClustersConfigDump", "dynamicActiveClusters", "cluster"),
    (TypeUrl::Listener, "ListenersConfigDump", "dynamicListeners", "listener"),
    (TypeUrl::Route, "RoutesConfigDump", "dynamicRouteConfigs", "routeConfig"),
    (TypeUrl::Endpoint, "EndpointsConfigDump", "dynamicEndpointConfigs", "endpointConfig"),
];

/// What a page about a proxy shows: the dump, its endpoints, or its name table.
pub(super) fn page(state: &ProxyState, url: TypeUrl) -> Value {
    let resources = state.set.as_ref().map(|set| set.typed(url)).unwrap_or_default();
    match url {
        TypeUrl::Endpoint => resources.iter().map(|resource| message(resource)).collect(),
        TypeUrl::NameTable => resources.iter().next().map_or_else(|| json!({}), |resource| message(resource)),
        _ => config_dump(state),
    }
}

/// The dump of a proxy; without resources before it was sent any. Secrets are named only.
pub(super) fn config_dump(state: &ProxyState) -> Value {
    let Some(set) = &state.set else { return json!({"configs": []}) };
    let mut configs = Vec::new();
    for (url, part, list, field) in PARTS {
        let mut entries: Vec<Value> = set.typed(url).iter().map(|resource| entry(url, field, resource)).collect();
        if url == TypeUrl::Route {
            let hosts = set.typed(TypeUrl::VirtualHost);
            for entry in &mut entries {
                join(&hosts, &mut entry[field]);
            }
        }
        configs.push(json!({"@type": format!("type.googleapis.com/envoy.admin.v3.{part}"), list: entries}));
    }
    let secrets: Vec<Value> =
        set.typed(TypeUrl::Secret).iter().map(|secret| json!({"name": &**secret.name()})).collect();
    configs.push(
        json!({"@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump", "dynamicActiveSecrets": secrets}),
    );
    json!({ "configs": configs })
}

/// Puts virtual hosts that are sent one by one into their route configuration, as Envoy shows them.
fn join(hosts: &TypedSet, configuration: &mut Value) {
    let name = configuration["name"].as_str().unwrap_or_default().to_owned();
    let mut joined: Vec<Value> = hosts.members(&name).map(|host| message(host)).collect();
    if !joined.is_empty() {
        joined.extend(configuration["virtualHosts"].as_array().into_iter().flatten().cloned());
        configuration["virtualHosts"] = joined.into();
    }
}

fn entry(url: TypeUrl, field: &str, resource: &Resource) -> Value {
    let version = format!("{:016x}", resource.version());
    match url {
        TypeUrl::Listener => json!({
            "name": &**resource.name(), "activeState": {"versionInfo": version, field: message(resource)},
        }),
        _ => json!({"versionInfo": version, field: message(resource)}),
    }
}

fn message(resource: &Resource) -> Value {
    proto::to_json(&resource.to_any())
        .unwrap_or_else(|error| json!({"name": &**resource.name(), "error": error.to_string()}))
}
