//! From text to what a proxy gets, by the code that `heddled` and `heddlectl` run.

use std::sync::Arc;

use heddle_compile::Compiler;
use heddle_model::issue::Issue;
use heddle_model::node;
use heddle_model::proxy::Proxy;
use heddle_model::snapshot::Snapshot;
use heddle_store::{Event, Settings, SourceId, Store, documents};
use heddle_xds_api::envoy::config::route::v3::{RouteConfiguration, VirtualHost};
use heddle_xds_api::{Resource, ResourceSet, TypeUrl, TypedSet, json};
use serde_json::Value;

use super::Output;

/// An object that concerns some of the base mesh's clusters, endpoints and routes: applied and taken away between two
/// compilations, so that all that was left out or kept on the way shows.
const EDIT: &str = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: edit, namespace: \
    shop}\n\
                    spec: {host: '*.shop.svc.cluster.local', trafficPolicy: {connectionPool: {tcp: {maxConnections: \
                    7}}}}\n";

/// Compiles everything for one proxy, follows an edit and its way back, and asserts that this leaves no trace.
pub(crate) fn run(mesh: &str, node: &Value) -> Result<Output, String> {
    let (mut store, mut issues) = store(mesh);
    let snapshot = store.commit();
    let mut proxy = node::proxy(node).map_err(|error| error.to_string())?;
    // Secrets go to callers who have proved who they are.
    proxy.verified = true;
    let compiler = Compiler::default();
    let mut session = compiler.open(&Arc::new(proxy.clone()));
    let set = compiler.update(&mut session, &snapshot);
    check_split(&snapshot, &proxy, &set)?;
    let found = compiler.issues();
    let after = edited(&mut store, |snapshot| {
        compiler.update(&mut session, snapshot);
    });
    if !same(&set, &compiler.update(&mut session, &after)) || found != compiler.issues() {
        return Err("an edit that was taken back leaves a trace".to_owned());
    }
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
        output.insert(kind, values(&set.typed(type_url))?);
    }
    issues.extend(snapshot.issues.iter().cloned().chain(found));
    issues.sort();
    issues.dedup();
    output.insert("issues", issues.iter().map(|issue| Value::from(issue.to_string())).collect());
    Ok(output)
}

/// Applies [`EDIT`], lets `follow` see that revision, and takes the edit back.
fn edited(store: &mut Store, follow: impl FnOnce(&Arc<Snapshot>)) -> Arc<Snapshot> {
    for object in documents(EDIT.as_bytes()).0 {
        let key = object.key.clone();
        store.apply(Event::Apply(SourceId::Files, Box::new(object)));
        follow(&store.commit());
        store.apply(Event::Delete(SourceId::Files, key));
        break;
    }
    store.commit()
}

fn same(one: &ResourceSet, other: &ResourceSet) -> bool {
    let versions = |set: &TypedSet| set.iter().map(|one| (one.name().clone(), one.version())).collect::<Vec<_>>();
    TypeUrl::ALL.into_iter().all(|url| versions(&one.typed(url)) == versions(&other.typed(url)))
}

/// Sent virtual host by virtual host, the routes are the same once they are put together.
fn check_split(snapshot: &Arc<Snapshot>, proxy: &Proxy, whole: &ResourceSet) -> Result<(), String> {
    let mut proxy = proxy.clone();
    proxy.can.virtual_hosts = true;
    let compiler = Compiler::default();
    let typed = compiler.update(&mut compiler.open(&Arc::new(proxy)), snapshot);
    let decode = |one: &Resource| one.decode::<RouteConfiguration>().map_err(|error| error.to_string());
    for resource in whole.typed(TypeUrl::Route).iter() {
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

/// The resources as Envoy's JSON, by name.
fn values(set: &TypedSet) -> Result<Vec<Value>, String> {
    let value = |resource: &Arc<Resource>| {
        let mut value = json::to_json(&resource.to_any()).map_err(|error| error.to_string())?;
        value.as_object_mut().map(|fields| fields.remove("@type"));
        Ok(value)
    };
    set.iter().map(value).collect()
}

/// A store with a file's objects, and what is wrong with the file.
fn store(mesh: &str) -> (Store, Vec<Issue>) {
    let (objects, mut issues) = documents(mesh.as_bytes());
    let mut store = Store::new(Settings::default());
    for object in objects {
        issues.extend(store.apply(Event::Apply(SourceId::Files, Box::new(object))));
    }
    (store, issues)
}
