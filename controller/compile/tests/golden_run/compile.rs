//! From text to what a proxy gets, by the code that `heddled` and `heddlectl` run.

use std::sync::Arc;

use heddle_compile::{Memo, compile_own, compile_view, view};
use heddle_model::issue::Issue;
use heddle_model::node;
use heddle_model::proxy::Proxy;
use heddle_model::snapshot::Snapshot;
use heddle_store::{Event, Settings, SourceId, Store, documents};
use heddle_xds_api::envoy::config::route::v3::{RouteConfiguration, VirtualHost};
use heddle_xds_api::{Layer, Resource, ResourceMap, ResourceSet, TypeSet, TypeUrl, json};
use serde_json::Value;

use super::Output;

/// Compiles everything for one proxy, from nothing.
pub(crate) fn run(mesh: &str, node: &Value) -> Result<Output, String> {
    let (snapshot, mut issues) = snapshot(mesh);
    let mut proxy = node::proxy(node).map_err(|error| error.to_string())?;
    // Secrets go to callers who have proved who they are.
    proxy.verified = true;
    let shared = compile_view(&snapshot, &view(&snapshot, &proxy), TypeSet::ALL, &Memo::default());
    check_parted(&snapshot, &proxy, &shared.layer)?;
    let own = compile_own(&snapshot, &proxy, TypeSet::ALL);
    let kinds = [
        ("clusters", TypeUrl::Cluster),
        ("endpoints", TypeUrl::Endpoint),
        ("listeners", TypeUrl::Listener),
        ("routes", TypeUrl::Route),
        ("secrets", TypeUrl::Secret),
        ("names", TypeUrl::NameTable),
    ];
    let mut output = Output::new();
    for (kind, type_url) in kinds {
        output.insert(kind, values(&[&shared.layer, &own.layer], type_url)?);
    }
    issues.extend(snapshot.issues.iter().cloned().chain(shared.issues).chain(own.issues));
    issues.sort();
    issues.dedup();
    output.insert("issues", issues.iter().map(|issue| Value::from(issue.to_string())).collect());
    Ok(output)
}

/// Sent virtual host by virtual host, the routes are the same once they are put together.
fn check_parted(snapshot: &Snapshot, proxy: &Proxy, whole: &Layer) -> Result<(), String> {
    let mut proxy = proxy.clone();
    proxy.can.virtual_hosts = true;
    let with_vhds = compile_view(snapshot, &view(snapshot, &proxy), TypeSet::ALL, &Memo::default()).layer;
    let typed = ResourceSet { shared: Arc::new(with_vhds), own: Arc::default() };
    let decode = |one: &Resource| one.decode::<RouteConfiguration>().map_err(|error| error.to_string());
    for resource in whole.get(TypeUrl::Route).into_iter().flat_map(|map| map.values()) {
        let name = resource.name();
        let (whole, mut joined) =
            (decode(resource)?, typed.get(TypeUrl::Route, name).map_or(Err("none".into()), |one| decode(one))?);
        let hosts = typed.typed(TypeUrl::VirtualHost);
        let with_vhds: Vec<_> = hosts.members(name).filter_map(|one| one.decode::<VirtualHost>().ok()).collect();
        if joined.vhds.take().is_some() == with_vhds.is_empty() {
            return Err(format!("{name} asks for {} virtual hosts", with_vhds.len()));
        }
        let inline = std::mem::take(&mut joined.virtual_hosts);
        let named = with_vhds
            .into_iter()
            .map(|host| VirtualHost { name: host.name.replacen(&format!("{name}/"), "", 1), ..host });
        joined.virtual_hosts = named.chain(inline).collect();
        if joined != whole {
            return Err(format!("{name} is not the same in parts"));
        }
    }
    Ok(())
}

/// The resources of both layers as Envoy's JSON, by name; the proxy's own win.
fn values(layers: &[&Layer], type_url: TypeUrl) -> Result<Vec<Value>, String> {
    let maps = layers.iter().filter_map(|layer| layer.get(type_url));
    let all: ResourceMap = maps.flat_map(|map| map.values().cloned()).collect();
    let value = |resource: &Arc<Resource>| {
        let mut value = json::to_json(&resource.to_any()).map_err(|error| error.to_string())?;
        value.as_object_mut().map(|fields| fields.remove("@type"));
        Ok(value)
    };
    all.values().map(value).collect()
}

/// The snapshot of a file's objects, and what was wrong with the file.
fn snapshot(mesh: &str) -> (Arc<Snapshot>, Vec<Issue>) {
    let (objects, mut issues) = documents(mesh.as_bytes());
    let mut store = Store::new(Settings::default());
    for object in objects {
        issues.extend(store.apply(Event::Apply(SourceId::Files, Box::new(object))));
    }
    (store.commit(), issues)
}
