//! What an object may say, beyond what its schema can express.
//!
//! Each kind has a pure function over its `Spec`. The admission webhook and `heddlectl validate` both call them, so a
//! change is judged alike before and after it is sent. A violation names the field and the reason.

pub mod address;
mod attribute;
mod conflict;
mod export;
pub mod format;
pub mod header;
pub mod host;
mod label;
mod port;
pub mod regex;
mod report;
mod support;
mod target;
pub mod text;
mod time;
pub mod tls;
mod url;

pub mod authorization_policy;
pub mod destination_rule;
pub mod envoy_filter;
pub mod gateway;
pub mod peer_authentication;
pub mod proxy_config;
pub mod request_authentication;
pub mod service_entry;
pub mod sidecar;
pub mod telemetry;
pub mod traffic_extension;
pub mod virtual_service;
pub mod wasm_plugin;
pub mod workload_entry;
pub mod workload_group;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::decode::{Path, decode, decode_at};
use crate::kind::IstioKind;
use crate::metadata::ObjectMeta;
use crate::{extensions, networking, schema, security};

pub use conflict::conflicts;
pub use report::{Report, Severity, Violation};
pub use support::{support, unsupported};

/// What is said of a field that is read, and for which nothing is built yet.
pub const NOT_SUPPORTED: &str = "is not supported yet; it has no effect";
/// What is said of a field that Istio has given up.
pub const DEPRECATED: &str = "is deprecated and has no effect";
/// What is said of a server's `defaultEndpoint`.
pub const NOT_ON_GATEWAYS: &str = "has no effect on a gateway";
/// What is said of settings that are for calls of a workload only, where calls to it are meant.
pub const NOT_INBOUND: &str = "has no effect on calls to the workload";

/// A check of one kind: the spec, the object's metadata, the place of the spec, and where violations go.
type Check<T> = fn(&T, &ObjectMeta, &Path<'_>, &mut Report);

/// Judges a whole object: kind, metadata, unknown fields, spec. Total: whatever the value is, there is an answer.
#[must_use]
pub fn object(value: &Value) -> Vec<Violation> {
    let mut report = Report::default();
    judge(value, &mut report);
    report.into_violations()
}

/// Judges the spec of an object of a known kind.
#[must_use]
pub fn spec(kind: IstioKind, meta: &ObjectMeta, value: &Value) -> Vec<Violation> {
    let mut report = Report::default();
    judge_spec(kind, meta, value, &mut report);
    report.into_violations()
}

fn judge(value: &Value, report: &mut Report) {
    let root = Path::Root("");
    let Some(members) = value.as_object() else {
        return report.refuse(&Path::Root("$"), "an object is not a JSON object");
    };
    let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
    let Some(kind) = IstioKind::of(text("apiVersion"), text("kind")) else {
        let (version, kind) = (report::quote(text("apiVersion")), report::quote(text("kind")));
        return report.refuse(&Path::Root("kind"), format_args!("no kind {kind} of version {version} is known"));
    };
    for name in members.keys() {
        if !["apiVersion", "kind", "metadata", "spec", "status"].contains(&name.as_str()) {
            report.refuse(&root.field(name), UNKNOWN);
        }
    }
    let meta = match decode_at::<ObjectMeta>("metadata", members.get("metadata").unwrap_or(&Value::Null)) {
        Ok(decoded) => decoded.spec,
        Err(error) => return report.refuse(&Path::Root(&error.path), error.reason),
    };
    match members.get("spec") {
        None | Some(Value::Null) if kind.info().spec_required => report.refuse(&Path::Root("spec"), "is required"),
        None => judge_spec(kind, &meta, &Value::Null, report),
        Some(spec) => judge_spec(kind, &meta, spec, report),
    }
}

const UNKNOWN: &str = "no such field";

fn judge_spec(kind: IstioKind, meta: &ObjectMeta, value: &Value, out: &mut Report) {
    judge_meaning(kind, meta, value, out);
    // The API server drops a spec that is null.
    let empty = Value::Object(Map::new());
    schema::check::check(kind, if value.is_null() { &empty } else { value }, &Path::Root("spec"), out);
}

fn judge_meaning(kind: IstioKind, meta: &ObjectMeta, value: &Value, out: &mut Report) {
    match kind {
        IstioKind::AuthorizationPolicy => {
            run::<security::authorization_policy::Spec>(value, meta, authorization_policy::check, out);
        }
        IstioKind::DestinationRule => run(value, meta, destination_rule::check, out),
        IstioKind::EnvoyFilter => run(value, meta, envoy_filter::check, out),
        IstioKind::Gateway => run::<networking::gateway::Spec>(value, meta, gateway::check, out),
        IstioKind::PeerAuthentication => run(value, meta, peer_authentication::check, out),
        IstioKind::ProxyConfig => run(value, meta, proxy_config::check, out),
        IstioKind::RequestAuthentication => run(value, meta, request_authentication::check, out),
        IstioKind::ServiceEntry => run(value, meta, service_entry::check, out),
        IstioKind::Sidecar => run(value, meta, sidecar::check, out),
        IstioKind::Telemetry => run(value, meta, telemetry::check, out),
        IstioKind::TrafficExtension => run(value, meta, traffic_extension::check, out),
        IstioKind::VirtualService => run(value, meta, virtual_service::check, out),
        IstioKind::WasmPlugin => run::<extensions::wasm_plugin::Spec>(value, meta, wasm_plugin::check, out),
        IstioKind::WorkloadEntry => run(value, meta, workload_entry::check, out),
        IstioKind::WorkloadGroup => run(value, meta, workload_group::check, out),
    }
}

fn run<T: DeserializeOwned + Default>(value: &Value, meta: &ObjectMeta, check: Check<T>, out: &mut Report) {
    let root = Path::Root("spec");
    match decode::<T>(value) {
        Ok(decoded) => {
            for path in &decoded.unknown {
                out.refuse(&Path::Root(path), UNKNOWN);
            }
            check(&decoded.spec, meta, &root, out);
        }
        Err(error) => out.refuse(&Path::Root(&error.path), error.reason),
    }
}

#[cfg(test)]
mod tests;
