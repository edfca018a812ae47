//! Connected proxies: what each was sent and has acknowledged, in the shape of istiod's pages.

use std::time::SystemTime;

use heddle_model::locality::Locality;
use heddle_model::proxy::ProxyKind;
use heddle_serve::registry::{ProxyState, TypeState};
use heddle_xds_api::TypeUrl;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Pages;

/// The types that have fields of their own in istiod's SyncStatus.
const NAMED: [(TypeUrl, &str); 5] = [
    (TypeUrl::Cluster, "cluster"),
    (TypeUrl::Listener, "listener"),
    (TypeUrl::Route, "route"),
    (TypeUrl::Endpoint, "endpoint"),
    (TypeUrl::ExtensionConfig, "extensionconfig"),
];

/// One entry a proxy (contract §2, SyncStatus), of one namespace if asked.
pub(super) fn syncz(pages: &Pages, namespace: Option<&str>) -> Value {
    let proxies = pages.registry.proxies();
    let asked = |state: &&ProxyState| namespace.is_none_or(|namespace| *state.proxy.namespace == *namespace);
    shown(&proxies).filter(asked).map(|state| status(pages, state)).collect()
}

/// Connected proxies with what they are and what they watch.
pub(super) fn clients(pages: &Pages) -> Value {
    let clients: Vec<Value> = pages.registry.proxies().iter().map(client).collect();
    json!({"totalClients": clients.len(), "clients": clients})
}

/// Connected proxies with where they call from.
pub(super) fn connections(pages: &Pages) -> Value {
    let short = |state: &ProxyState| {
        json!({
            "connectionId": state.connection, "connectedAt": text(state.connected), "address": state.peer.to_string(),
        })
    };
    let clients: Vec<Value> = pages.registry.proxies().iter().map(short).collect();
    json!({"totalClients": clients.len(), "clients": clients})
}

/// Without the streams by which agents follow their name tables: a proxy is shown once.
pub(super) fn shown(proxies: &[ProxyState]) -> impl Iterator<Item = &ProxyState> {
    proxies.iter().filter(|state| !state.types.keys().eq([&TypeUrl::NameTable]))
}

/// The cluster that a proxy is in.
pub(super) fn cluster<'a>(pages: &'a Pages, state: &'a ProxyState) -> &'a str {
    if state.proxy.cluster.is_empty() { &pages.cluster } else { &state.proxy.cluster }
}

/// `<pod>.<namespace>`, as istioctl names proxies.
pub(super) fn name(state: &ProxyState) -> &str {
    &state.proxy.short_id
}

fn status(pages: &Pages, state: &ProxyState) -> Value {
    let (major, minor, patch) = state.proxy.can.version;
    let cluster = cluster(pages, state);
    let kind = if state.proxy.kind == ProxyKind::Gateway { "router" } else { "sidecar" };
    let mut entry = json!({
        "cluster_id": cluster,
        "proxy": name(state),
        "proxy_type": kind,
        "proxy_version": format!("{major}.{minor}.{patch}"),
        "istio_version": *state.proxy.istio_version,
        "istiod": pages.pod,
    });
    for (url, name) in NAMED {
        if let Some(state) = state.types.get(&url) {
            entry[format!("{name}_sent")] = state.sent.to_string().into();
            entry[format!("{name}_acked")] = state.acked.to_string().into();
        }
    }
    let resources = state.types.iter().map(|(url, state)| (url.as_str().to_owned(), resource(state)));
    entry["resources"] = Value::Object(resources.collect::<Map<_, _>>());
    entry
}

fn resource(state: &TypeState) -> Value {
    let version = if state.revision == 0 { String::new() } else { state.revision.to_string() };
    let mut entry = json!({
        "sent": state.sent.to_string(), "acked": state.acked.to_string(), "status": state.status(), "version": version,
        "resources": state.resources, "bytes": state.bytes,
    });
    for (name, at) in [("sentTime", state.sent_at), ("ackedTime", state.acked_at)] {
        if let Some(at) = at {
            entry[name] = text(at).into();
        }
    }
    if !state.error.is_empty() {
        entry["lastError"] = state.error.as_str().into();
        entry["objects"] = state.objects.iter().map(ToString::to_string).collect::<Vec<_>>().into();
    }
    entry
}

fn client(state: &ProxyState) -> Value {
    let proxy = &state.proxy;
    let labels: Map<_, _> = proxy.labels.iter().map(|(name, value)| (name.to_string(), json!(**value))).collect();
    // istiod lists the names, which are thousands for each proxy.
    let watches: Map<_, _> = state.types.keys().map(|url| (url.as_str().to_owned(), Value::Null)).collect();
    let counts: Map<_, _> =
        state.types.iter().map(|(url, state)| (url.as_str().to_owned(), state.names.into())).collect();
    json!({
        "connectionId": state.connection,
        "connectedAt": text(state.connected),
        "address": state.peer.to_string(),
        "secure": state.secure,
        "labels": labels,
        "metadata": {"NAMESPACE": *proxy.namespace, "SERVICE_ACCOUNT": *proxy.service_account,
            "CLUSTER_ID": *proxy.cluster},
        "locality": locality(&proxy.locality),
        "watches": watches,
        "watchCounts": counts,
    })
}

/// With the names of the fields that Envoy's message has; unknown parts are left out.
fn locality(of: &Locality) -> Value {
    let parts = [("region", &of.region), ("zone", &of.zone), ("sub_zone", &of.subzone)];
    parts
        .into_iter()
        .filter(|(_, part)| !part.is_empty())
        .map(|(name, part)| (name.to_owned(), json!(**part)))
        .collect()
}

fn text(at: SystemTime) -> String {
    OffsetDateTime::from(at).format(&Rfc3339).unwrap_or_default()
}
