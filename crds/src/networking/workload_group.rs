//! WorkloadGroup: a template for the WorkloadEntries of machines that register themselves.

use std::collections::BTreeMap;

use super::workload_entry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A template for the WorkloadEntries of machines that register themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// Labels and annotations of the WorkloadEntries.
    pub metadata: Option<TemplateMetadata>,
    /// The WorkloadEntry, without an address. Required.
    pub template: Option<workload_entry::Spec>,
    /// How it is found out whether a machine is healthy.
    pub probe: Option<Probe>,
}

/// Labels and annotations of the WorkloadEntries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateMetadata {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// How it is found out whether a machine is healthy. Set one of the four ways.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Probe {
    /// Seconds before the first probe.
    pub initial_delay_seconds: i32,
    /// Seconds after which a probe has failed. Default: 1.
    pub timeout_seconds: i32,
    /// Seconds between probes. Default: 10.
    pub period_seconds: i32,
    /// Successes in a row after which the machine is healthy. Default: 1.
    pub success_threshold: i32,
    /// Failures in a row after which the machine is unhealthy. Default: 3.
    pub failure_threshold: i32,
    /// By an HTTP request.
    pub http_get: Option<HttpGet>,
    /// By a TCP connection.
    pub tcp_socket: Option<TcpSocket>,
    /// By a command that must end with status 0.
    pub exec: Option<Exec>,
    /// By gRPC's health service.
    pub grpc: Option<Grpc>,
}

/// An HTTP request, answered with a status from 200 to 399 when healthy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpGet {
    /// Path of the request. Default: `/`.
    pub path: String,
    /// Port to connect to, from 1 to 65535. Required.
    pub port: u32,
    /// Host to connect to. Default: the machine itself.
    pub host: String,
    /// `HTTP` or `HTTPS`. Default: HTTP.
    pub scheme: String,
    /// Headers of the request.
    pub http_headers: Vec<HttpHeader>,
}

/// A header of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpHeader {
    /// Name of the header.
    pub name: String,
    /// Value of the header.
    pub value: String,
}

/// A TCP connection, made when healthy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpSocket {
    /// Host to connect to. Default: the machine itself.
    pub host: String,
    /// Port to connect to, from 1 to 65535. Required.
    pub port: u32,
}

/// A command, which ends with status 0 when healthy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Exec {
    /// The command and its arguments. No shell is used. Required.
    pub command: Vec<String>,
}

/// A call of gRPC's health service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Grpc {
    /// Port to connect to, from 1 to 65535.
    pub port: u32,
    /// Name of the service that is asked for.
    pub service: String,
}
