//! The table of analyzers. The names are Istio's.

mod networking;
mod platform;
mod policy;
mod workload;

use heddle_crds::kind::IstioKind;

use crate::finding::Findings;
use crate::issue;
use crate::world::World;

/// A function that finds one kind of fault.
#[derive(Clone, Debug)]
pub struct Analyzer {
    /// Istio's name of it.
    pub name: String,
    /// What it finds, in one sentence.
    pub about: String,
    /// The kinds that it reads. If one of them cannot be listed, the findings would be wrong.
    pub inputs: Vec<&'static str>,
    /// Whether it runs unless it is asked for by its name only.
    pub is_default: bool,
    check: Check,
}

/// What an analyzer runs.
#[derive(Clone, Copy, Debug)]
enum Check {
    World(fn(&World, &mut Findings)),
    Schema(IstioKind),
    Issues,
}

impl Analyzer {
    /// Runs the analyzer over a world.
    pub(crate) fn run(&self, world: &World, findings: &mut Findings) {
        match self.check {
            Check::World(check) => check(world, findings),
            Check::Schema(kind) => platform::schema::check(kind, world, findings),
            Check::Issues => issue::check(world, findings),
        }
    }

    /// Whether it adds what the others have not found.
    pub(crate) fn adds_issues(&self) -> bool {
        matches!(self.check, Check::Issues)
    }
}

/// A line of the table: name, sentence, inputs, function.
type Line = (&'static str, &'static str, &'static [&'static str], fn(&World, &mut Findings));

/// Runs only if it is asked for by its name: most annotations are alpha in Istio's list.
const ALPHA: &str = "annotations.AlphaAnalyzer";

/// The analyzer that Istio does not have. It adds the issues of the control plane.
const ISSUES: &str = "heddle.IssueAnalyzer";

/// What the issues depend on. Kinds that are not here have issues only about themselves.
const READ: &[&str] = &["Namespace", "Pod", "Service", "EndpointSlice", "WorkloadEntry", "ServiceEntry", "Gateway"];

/// What has annotations that analyzers look at.
const ANNOTATED: &[&str] = &["Namespace", "Service", "Pod", "Deployment"];

const LINES: &[Line] = &[
    (
        "annotations.K8sAnalyzer",
        "finds unknown, misplaced and wrong annotations",
        ANNOTATED,
        workload::annotation::check,
    ),
    (ALPHA, "finds annotations of alpha features", ANNOTATED, workload::alpha_annotation::check),
    (
        "applicationUID.Analyzer",
        "finds containers with the user id of the sidecar",
        &["Pod", "Deployment"],
        workload::user_id::check,
    ),
    (
        "auth.AuthorizationPoliciesAnalyzer",
        "finds policies for no workload and unknown namespaces",
        &["AuthorizationPolicy", "Namespace", "Pod"],
        policy::authorization::check,
    ),
    (
        "authn.BlockedCIDRsAnalyzer",
        "finds control planes that fetch keys from any address",
        &["RequestAuthentication", "Deployment"],
        policy::blocked_cidrs::check,
    ),
    (
        "conditions.ConditionAnalyzer",
        "finds objects whose status says that something is wrong",
        &["Service"],
        platform::conditions::check,
    ),
    (
        "deployment.MultiServiceAnalyzer",
        "finds services that disagree about the ports of a deployment",
        &["Service", "Deployment", "Namespace"],
        workload::services::check,
    ),
    (
        "deprecation.DeprecationAnalyzer",
        "finds deprecated kinds and fields",
        &["VirtualService", "Sidecar", "CustomResourceDefinition"],
        platform::deprecation::check,
    ),
    (
        "destinationrule.CaCertificateAnalyzer",
        "finds TLS settings that do not verify the server",
        &["DestinationRule"],
        networking::ca_certificate::check,
    ),
    (
        "destinationrule.SubsetSelectPodAnalyzer",
        "finds unknown hosts and subsets without pods",
        &["DestinationRule", "Pod", "Service", "ServiceEntry", "Node"],
        networking::subset::check,
    ),
    (
        "envoyfilter.EnvoyPatchAnalyzer",
        "finds patches without effect and patches that depend on others",
        &["EnvoyFilter"],
        networking::envoy_filter::check,
    ),
    (
        "externalcontrolplane.ExternalControlPlaneAnalyzer",
        "finds webhooks without a usable address",
        &["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"],
        platform::external_control_plane::check,
    ),
    (
        "gateway.CertificateAnalyzer",
        "finds gateways that share a certificate",
        &["Gateway"],
        networking::certificate::check,
    ),
    (
        "gateway.ConflictingGatewayAnalyzer",
        "finds gateways that have the same hosts on the same port",
        &["Gateway", "Pod"],
        networking::gateway_conflict::check,
    ),
    (
        "gateway.IngressGatewayPortAnalyzer",
        "finds gateways without pods, and ports that no Service has",
        &["Gateway", "Pod", "Service"],
        networking::gateway_port::check,
    ),
    (
        "gateway.SecretAnalyzer",
        "finds missing and invalid credentials of gateways",
        &["Gateway", "Pod", "Secret"],
        networking::gateway_secret::check,
    ),
    (
        "injection.Analyzer",
        "finds namespaces and pods without sidecars",
        &["Namespace", "Pod", "ConfigMap"],
        workload::injection::check,
    ),
    (
        "injection.ImageAnalyzer",
        "finds sidecars of another image than the injector gives",
        &["Namespace", "Pod", "ConfigMap"],
        workload::proxy_image::check,
    ),
    (
        "injection.ImageAutoAnalyzer",
        "finds the image auto where nothing is injected",
        &["Namespace", "Pod", "Deployment", "MutatingWebhookConfiguration"],
        workload::image_auto::check,
    ),
    (
        "k8sgateway.CRDVersionAnalyzer",
        "finds definitions of the Gateway API that are too old",
        &["CustomResourceDefinition"],
        platform::definition_version::check,
    ),
    (
        "k8sgateway.SelectorAnalyzer",
        "finds selectors that have no effect on Kubernetes Gateways",
        &["Pod"],
        policy::gateway_selector::check,
    ),
    (
        "meshnetworks.MeshNetworksAnalyzer",
        "finds unknown registries in the mesh networks",
        &["Secret"],
        networking::mesh_networks::check,
    ),
    ("service.PortNameAnalyzer", "finds ports whose names tell no protocol", &["Service"], workload::port_name::check),
    (
        "serviceentry.Analyzer",
        "finds TCP ports of ServiceEntries without addresses",
        &["ServiceEntry"],
        networking::entry_address::check,
    ),
    (
        "serviceentry.ConflictingServiceEntryProtocolAnalyzer",
        "finds ServiceEntries that disagree about a protocol",
        &["ServiceEntry"],
        networking::entry_protocol::check,
    ),
    (
        "services.MultiClusterServiceAnalyzer",
        "finds services that differ between clusters",
        &["Service"],
        networking::remote_service::check,
    ),
    (
        "sidecar.SelectorAnalyzer",
        "finds Sidecars for no pod, and several for one",
        &["Sidecar", "Pod", "Namespace"],
        networking::sidecar::check,
    ),
    (
        "telemetry.DefaultSelectorAnalyzer",
        "finds several Telemetries for one namespace",
        &["Telemetry"],
        policy::telemetry_default::check,
    ),
    ("telemetry.LightstepAnalyzer", "finds the removed provider Lightstep", &["Telemetry"], policy::lightstep::check),
    ("telemetry.ProviderAnalyzer", "finds Telemetries without a provider", &["Telemetry"], policy::provider::check),
    (
        "telemetry.SelectorAnalyzer",
        "finds Telemetries for no pod, and several for one",
        &["Telemetry", "Pod"],
        policy::telemetry_selector::check,
    ),
    (
        "virtualservice.ConflictingMeshGatewayHostsAnalyzer",
        "finds VirtualServices that route the same host",
        &["VirtualService"],
        networking::mesh_host::check,
    ),
    (
        "virtualservice.DestinationHostAnalyzer",
        "finds destinations that do not exist",
        &["VirtualService", "Service", "ServiceEntry"],
        networking::destination_host::check,
    ),
    (
        "virtualservice.DestinationRuleAnalyzer",
        "finds subsets that no DestinationRule defines",
        &["VirtualService", "DestinationRule"],
        networking::destination_subset::check,
    ),
    (
        "virtualservice.GatewayAnalyzer",
        "finds gateways that do not exist or lack the hosts",
        &["VirtualService", "Gateway"],
        networking::gateway_host::check,
    ),
    (
        "virtualservice.JWTClaimRouteAnalyzer",
        "finds routes by claims of tokens that nothing reads",
        &["VirtualService", "RequestAuthentication", "Gateway", "Pod"],
        networking::claim_route::check,
    ),
    (
        "webhook.Analyzer",
        "finds injection webhooks that overlap or lead nowhere",
        &["MutatingWebhookConfiguration", "Service"],
        platform::webhook::check,
    ),
];

/// All analyzers, sorted by their names.
#[must_use]
pub fn analyzers() -> Vec<Analyzer> {
    let of_world = LINES.iter().map(|(name, about, inputs, check)| Analyzer {
        name: (*name).to_owned(),
        about: (*about).to_owned(),
        inputs: inputs.to_vec(),
        is_default: *name != ALPHA,
        check: Check::World(*check),
    });
    let of_schema = IstioKind::ALL.into_iter().map(|kind| Analyzer {
        name: format!("schema.ValidationAnalyzer.{kind}"),
        about: format!("finds objects of the kind {kind} that the validating webhook refuses or warns of"),
        inputs: vec![kind.name()],
        is_default: true,
        check: Check::Schema(kind),
    });
    let of_issues = Analyzer {
        name: ISSUES.to_owned(),
        about: "finds what heddled says in the status of objects and no other analyzer finds".to_owned(),
        inputs: READ.to_vec(),
        is_default: true,
        check: Check::Issues,
    };
    let mut all: Vec<Analyzer> = of_world.chain(of_schema).chain([of_issues]).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}
