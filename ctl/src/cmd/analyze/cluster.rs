//! Objects of a cluster.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use heddle_analyze::{AddOptions, MeshNetworks, World};
use heddle_crds::kind::IstioKind;
use heddle_crds::mesh::MeshConfig;
use heddle_model::Text;
use heddle_store::object::Reading;
use heddle_store::{Event, Object, SourceId, Store};
use heddle_yaml::{Budget, Schema};
use serde_json::Value;

use super::file;
use crate::server::Server;

/// The kinds that are not Istio's, with the paths of their lists.
const PATHS: [(&str, &str, &str); 11] = [
    ("", "Namespace", "/api/v1/namespaces"),
    ("", "Pod", "/api/v1/pods"),
    ("", "Service", "/api/v1/services"),
    ("", "Node", "/api/v1/nodes"),
    ("", "Secret", "/api/v1/secrets?fieldSelector=type!=helm.sh/release.v1"),
    ("", "ConfigMap", "/api/v1/namespaces/{istio}/configmaps"),
    ("apps", "Deployment", "/apis/apps/v1/deployments"),
    ("apiextensions.k8s.io", "CustomResourceDefinition", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"),
    (
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration",
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    ),
    ("gateway.networking.k8s.io", "Gateway", "/apis/gateway.networking.k8s.io/v1/gateways"),
];

/// What analyzers do not read, and what issues depend on: the endpoints of services.
const ENDPOINTS: (&str, &str) = ("EndpointSlice", "/apis/discovery.k8s.io/v1/endpointslices");

/// What was read of a cluster.
pub(in crate::cmd) struct Cluster {
    /// The settings of the mesh.
    pub(in crate::cmd) mesh: MeshConfig,
    /// The networks of the mesh.
    pub(in crate::cmd) networks: MeshNetworks,
    /// Kinds that the cluster does not let us list, with the reasons.
    pub(in crate::cmd) hidden: BTreeMap<&'static str, String>,
    objects: Vec<Value>,
}

/// Lists the objects of all kinds that analyzers read. A kind that the cluster does not have is empty. `istio` is the
/// namespace of the control plane.
pub(in crate::cmd) async fn read(server: &Server, istio: &str, revision: &str) -> Result<Cluster> {
    let (mesh, networks) = settings(server, istio, revision).await?;
    let mut cluster = Cluster { mesh, networks, hidden: BTreeMap::new(), objects: Vec::new() };
    let kinds = World::KINDS.iter().map(|(group, kind)| (*kind, path(group, kind, istio)));
    for (kind, path) in kinds.chain([(ENDPOINTS.0, ENDPOINTS.1.to_owned())]) {
        match server.list(&path).await {
            Ok(objects) => {
                let seen = objects.into_iter().filter(|object| file::is_of_revision(object, revision));
                cluster.objects.extend(seen);
            }
            Err(error) => drop(cluster.hidden.insert(kind, format!("{error:#}"))),
        }
    }
    Ok(cluster)
}

fn path(group: &str, kind: &str, istio: &str) -> String {
    if let Some((_, _, path)) = PATHS.iter().find(|(of, name, _)| *of == group && *name == kind) {
        return path.replace("{istio}", istio);
    }
    let info = IstioKind::ALL.into_iter().find(|known| known.name() == kind).map(IstioKind::info);
    info.map(|info| format!("/apis/{group}/{}/{}", info.storage, info.plural)).unwrap_or_default()
}

/// The settings that the control plane of the revision reads.
async fn settings(server: &Server, istio: &str, revision: &str) -> Result<(MeshConfig, MeshNetworks)> {
    let name = if revision == "default" { "istio".to_owned() } else { format!("istio-{revision}") };
    let path = format!("/api/v1/namespaces/{istio}/configmaps/{name}");
    let Some(map) = server.get(&path).await? else { return Ok((MeshConfig::default(), MeshNetworks::default())) };
    let read = |key: &str| {
        let text = map.pointer(&format!("/data/{key}")).and_then(Value::as_str).unwrap_or_default();
        heddle_yaml::value(text, Schema::Core, &Budget::FILE)
            .map_err(|error| anyhow!("ConfigMap {name}: {key}: {error}"))
    };
    let mesh = heddle_crds::decode::decode_at::<MeshConfig>("mesh", &read("mesh")?);
    let mesh = mesh.map_err(|error| anyhow!("ConfigMap {name}: {}: {}", error.path, error.reason))?;
    let networks = MeshNetworks::read(&read("meshNetworks")?);
    Ok((mesh.spec, networks.map_err(|reason| anyhow!("ConfigMap {name}: meshNetworks: {reason}"))?))
}

impl Cluster {
    /// Adds the objects to a world, and to a store, which knows what heddled would say of them.
    pub(in crate::cmd) fn add_to(&self, world: &mut World, store: &mut Store) {
        for object in &self.objects {
            world.add(object, AddOptions { namespace: "default", is_assumed: false });
            if let Reading::Object(object) = Object::read(object) {
                store.apply(Event::Apply(SourceId::ApiServer(Text::default()), object));
            }
        }
    }
}
