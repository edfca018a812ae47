//! What a WorkloadGroup may say.

use super::label::{annotations, labels};
use super::report::{Report, quote};
use super::{header, port, workload_entry};
use crate::decode::Path;
use crate::metadata::ObjectMeta;
use crate::networking::workload_group::{HttpGet, Probe, Spec};

/// Checks the spec at `at`.
pub fn check(spec: &Spec, _: &ObjectMeta, at: &Path<'_>, out: &mut Report) {
    match &spec.template {
        None => out.refuse(&at.field("template"), "is required"),
        Some(template) => workload_entry::template(template, &at.field("template"), out),
    }
    if let Some(metadata) = &spec.metadata {
        labels(&metadata.labels, &at.field("metadata").field("labels"), out);
        annotations(&metadata.annotations, &at.field("metadata").field("annotations"), out);
    }
    if let Some(settings) = &spec.probe {
        probe(settings, &at.field("probe"), out);
    }
}

fn probe(probe: &Probe, at: &Path<'_>, out: &mut Report) {
    let counts = [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ];
    for (name, count) in counts.into_iter().filter(|(_, count)| *count < 0) {
        out.refuse(&at.field(name), format_args!("{count} is negative"));
    }
    if let Some(request) = &probe.http_get {
        http_get(request, &at.field("httpGet"), out);
    } else if let Some(socket) = &probe.tcp_socket {
        out.need(&at.field("tcpSocket").field("port"), port::number(socket.port));
    } else if let Some(exec) = &probe.exec {
        if exec.command.is_empty() {
            out.refuse(&at.field("exec").field("command"), "is required");
        }
    } else if let Some(call) = &probe.grpc {
        out.need(&at.field("grpc").field("port"), port::number(call.port));
    } else {
        out.refuse(at, "one of httpGet, tcpSocket, exec and grpc is required");
    }
}

fn http_get(request: &HttpGet, at: &Path<'_>, out: &mut Report) {
    out.need(&at.field("port"), port::number(request.port));
    if !["", "http", "https", "HTTP", "HTTPS"].contains(&request.scheme.as_str()) {
        out.refuse(&at.field("scheme"), format_args!("{} is neither HTTP nor HTTPS", quote(&request.scheme)));
    }
    for (index, entry) in request.http_headers.iter().enumerate() {
        out.need(&at.field("httpHeaders").index(index).field("name"), header::strict(&entry.name));
    }
}
