//! Objects of a cluster.

use anyhow::{Result, anyhow};
use heddle_analyze::{AddOptions, MeshNetworks, World};
use heddle_crds::kind::Kind;
use heddle_crds::mesh::MeshConfig;
use heddle_yaml::{Budget, Schema};
use serde_json::Value;

use super::{Args, Inputs, file};
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

/// What was read of a cluster.
pub(super) struct Cluster {
    /// The settings of the mesh.
    pub(super) mesh: MeshConfig,
    /// The networks of the mesh.
    pub(super) networks: MeshNetworks,
    namespace: String,
    objects: Vec<Value>,
    hidden: Vec<(&'static str, String)>,
}

/// Lists the objects of all kinds that analyzers read. A kind that the cluster does not have is empty.
pub(super) fn read(args: &Args) -> Result<Cluster> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let server = args.api_server.server().await?;
        let namespace = server.namespace().to_owned();
        let (mesh, networks) = settings(&server, args).await?;
        let mut cluster = Cluster { mesh, networks, namespace, objects: Vec::new(), hidden: Vec::new() };
        for (group, kind) in World::KINDS {
            match server.list(&path(group, kind, &args.istio_namespace)).await {
                Ok(objects) => cluster.objects.extend(objects),
                Err(error) => cluster.hidden.push((kind, format!("{error:#}"))),
            }
        }
        Ok(cluster)
    })
}

fn path(group: &str, kind: &str, istio: &str) -> String {
    if let Some((_, _, path)) = PATHS.iter().find(|(of, name, _)| *of == group && *name == kind) {
        return path.replace("{istio}", istio);
    }
    let info = Kind::ALL.into_iter().find(|known| known.name() == kind).map(Kind::info);
    info.map(|info| format!("/apis/{group}/{}/{}", info.storage, info.plural)).unwrap_or_default()
}

/// The settings that the control plane of the revision reads.
async fn settings(server: &Server, args: &Args) -> Result<(MeshConfig, MeshNetworks)> {
    let revision = args.revision.as_deref().filter(|revision| *revision != "default");
    let name = revision.map_or_else(|| "istio".to_owned(), |revision| format!("istio-{revision}"));
    let path = format!("/api/v1/namespaces/{}/configmaps/{name}", args.istio_namespace);
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
    /// Adds the objects that a control plane of a revision reads.
    pub(super) fn add_to(self, inputs: &mut Inputs, revision: &str) {
        for object in self.objects.iter().filter(|object| file::is_of_revision(object, revision)) {
            inputs.world.add(object, AddOptions { namespace: "default", is_assumed: false });
        }
        inputs.hidden.extend(self.hidden);
        inputs.namespace = Some(self.namespace);
    }
}
