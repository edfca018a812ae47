//! Reading and writing each kind.

use std::fmt::Debug;

use heddle_crds::kind::IstioKind;
use heddle_crds::{decode, extensions, networking, security, telemetry};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Whether a spec can be read. One that can means the same when it is written and read again, and is then written the
/// same.
pub(crate) fn round_trip(kind: IstioKind, spec: &Value) -> bool {
    match kind {
        IstioKind::AuthorizationPolicy => of::<security::authorization_policy::Spec>(spec),
        IstioKind::DestinationRule => of::<networking::destination_rule::Spec>(spec),
        IstioKind::EnvoyFilter => of::<networking::envoy_filter::Spec>(spec),
        IstioKind::Gateway => of::<networking::gateway::Spec>(spec),
        IstioKind::PeerAuthentication => of::<security::peer_authentication::Spec>(spec),
        IstioKind::ProxyConfig => of::<networking::proxy_config::Spec>(spec),
        IstioKind::RequestAuthentication => of::<security::request_authentication::Spec>(spec),
        IstioKind::ServiceEntry => of::<networking::service_entry::Spec>(spec),
        IstioKind::Sidecar => of::<networking::sidecar::Spec>(spec),
        IstioKind::Telemetry => of::<telemetry::Spec>(spec),
        IstioKind::TrafficExtension => of::<extensions::traffic_extension::Spec>(spec),
        IstioKind::VirtualService => of::<networking::virtual_service::Spec>(spec),
        IstioKind::WasmPlugin => of::<extensions::wasm_plugin::Spec>(spec),
        IstioKind::WorkloadEntry => of::<networking::workload_entry::Spec>(spec),
        IstioKind::WorkloadGroup => of::<networking::workload_group::Spec>(spec),
    }
}

fn of<T: Serialize + DeserializeOwned + Default + PartialEq + Debug>(spec: &Value) -> bool {
    let Ok(read) = decode::<T>(spec) else { return false };
    let written = serde_json::to_value(&read.spec);
    assert!(written.is_ok(), "cannot be written: {:?}", read.spec);
    let written = written.unwrap_or_default();
    let again = decode::<T>(&written);
    assert!(again.is_ok(), "cannot be read again: {written}: {again:?}");
    let again = again.unwrap_or_default();
    assert_eq!(read.spec, again.spec, "means something else when it is read again");
    assert_eq!(again.unknown, [""; 0], "fields that it does not know are written");
    true
}
