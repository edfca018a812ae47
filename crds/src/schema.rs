//! The custom resource definitions, made from the types.
//!
//! The types give names, types, enums and descriptions; `limits` adds what a type cannot say: sizes, patterns and
//! rules in CEL. Both become a structural schema, as the API server wants it: no references, one type a node, and
//! conditions apart from types.

pub(crate) mod check;
mod limits;
mod manifest;
mod structural;
mod words;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::kind::IstioKind;
use crate::{extensions, networking, security, telemetry};

pub use manifest::crd;
pub use words::{limits_of, required, type_name};

/// The structural schema of a kind's `spec`.
#[must_use]
pub fn spec(kind: IstioKind) -> Value {
    match kind {
        IstioKind::AuthorizationPolicy => of::<security::authorization_policy::Spec>(kind),
        IstioKind::DestinationRule => of::<networking::destination_rule::Spec>(kind),
        IstioKind::EnvoyFilter => of::<networking::envoy_filter::Spec>(kind),
        IstioKind::Gateway => of::<networking::gateway::Spec>(kind),
        IstioKind::PeerAuthentication => of::<security::peer_authentication::Spec>(kind),
        IstioKind::ProxyConfig => of::<networking::proxy_config::Spec>(kind),
        IstioKind::RequestAuthentication => of::<security::request_authentication::Spec>(kind),
        IstioKind::ServiceEntry => of::<networking::service_entry::Spec>(kind),
        IstioKind::Sidecar => of::<networking::sidecar::Spec>(kind),
        IstioKind::Telemetry => of::<telemetry::Spec>(kind),
        IstioKind::TrafficExtension => of::<extensions::traffic_extension::Spec>(kind),
        IstioKind::VirtualService => of::<networking::virtual_service::Spec>(kind),
        IstioKind::WasmPlugin => of::<extensions::wasm_plugin::Spec>(kind),
        IstioKind::WorkloadEntry => of::<networking::workload_entry::Spec>(kind),
        IstioKind::WorkloadGroup => of::<networking::workload_group::Spec>(kind),
    }
}

fn of<T: JsonSchema>(kind: IstioKind) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
    structural::convert(&settings.into_generator().into_root_schema_for::<T>().to_value(), kind.name())
}

#[cfg(test)]
mod tests;
