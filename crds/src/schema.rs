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

use crate::kind::Kind;
use crate::{extensions, networking, security, telemetry};

pub use manifest::crd;
pub use words::{limits_of, required, type_name};

/// The structural schema of a kind's `spec`.
#[must_use]
pub fn spec(kind: Kind) -> Value {
    match kind {
        Kind::AuthorizationPolicy => of::<security::authorization_policy::Spec>(kind),
        Kind::DestinationRule => of::<networking::destination_rule::Spec>(kind),
        Kind::EnvoyFilter => of::<networking::envoy_filter::Spec>(kind),
        Kind::Gateway => of::<networking::gateway::Spec>(kind),
        Kind::PeerAuthentication => of::<security::peer_authentication::Spec>(kind),
        Kind::ProxyConfig => of::<networking::proxy_config::Spec>(kind),
        Kind::RequestAuthentication => of::<security::request_authentication::Spec>(kind),
        Kind::ServiceEntry => of::<networking::service_entry::Spec>(kind),
        Kind::Sidecar => of::<networking::sidecar::Spec>(kind),
        Kind::Telemetry => of::<telemetry::Spec>(kind),
        Kind::TrafficExtension => of::<extensions::traffic_extension::Spec>(kind),
        Kind::VirtualService => of::<networking::virtual_service::Spec>(kind),
        Kind::WasmPlugin => of::<extensions::wasm_plugin::Spec>(kind),
        Kind::WorkloadEntry => of::<networking::workload_entry::Spec>(kind),
        Kind::WorkloadGroup => of::<networking::workload_group::Spec>(kind),
    }
}

fn of<T: JsonSchema>(kind: Kind) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
    structural::convert(&settings.into_generator().into_root_schema_for::<T>().to_value(), kind.name())
}

#[cfg(test)]
mod tests;
