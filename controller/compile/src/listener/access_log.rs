//! Access logs: a line a request or connection, with the names of route and cluster.

use heddle_model::mesh::Mesh;
use heddle_xds_api::{
    envoy::{
        config::{
            accesslog::v3::{
                AccessLog, AccessLogFilter, ResponseFlagFilter, access_log::ConfigType,
                access_log_filter::FilterSpecifier,
            },
            core::v3::{
                DataSource, SubstitutionFormatString, data_source::Specifier, substitution_format_string::Format,
            },
        },
        extensions::access_loggers::file::v3::{FileAccessLog, file_access_log::AccessLogFormat},
    },
    google::protobuf::{Struct, Value, value::Kind},
};

use crate::envoy::any::any;

/// Istio's text line.
const TEXT: &str = "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% \
%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" \
%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \
\"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% \
%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% \
%ROUTE_NAME%\n";

/// Istio's JSON line.
const JSON: [(&str, &str); 24] = [
    ("start_time", "%START_TIME%"),
    ("route_name", "%ROUTE_NAME%"),
    ("method", "%REQ(:METHOD)%"),
    ("path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
    ("protocol", "%PROTOCOL%"),
    ("response_code", "%RESPONSE_CODE%"),
    ("response_flags", "%RESPONSE_FLAGS%"),
    ("response_code_details", "%RESPONSE_CODE_DETAILS%"),
    ("connection_termination_details", "%CONNECTION_TERMINATION_DETAILS%"),
    ("bytes_received", "%BYTES_RECEIVED%"),
    ("bytes_sent", "%BYTES_SENT%"),
    ("duration", "%DURATION%"),
    ("upstream_service_time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"),
    ("x_forwarded_for", "%REQ(X-FORWARDED-FOR)%"),
    ("user_agent", "%REQ(USER-AGENT)%"),
    ("request_id", "%REQ(X-REQUEST-ID)%"),
    ("authority", "%REQ(:AUTHORITY)%"),
    ("upstream_host", "%UPSTREAM_HOST%"),
    ("upstream_cluster", "%UPSTREAM_CLUSTER_RAW%"),
    ("upstream_local_address", "%UPSTREAM_LOCAL_ADDRESS%"),
    ("downstream_local_address", "%DOWNSTREAM_LOCAL_ADDRESS%"),
    ("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"),
    ("requested_server_name", "%REQUESTED_SERVER_NAME%"),
    ("upstream_transport_failure_reason", "%UPSTREAM_TRANSPORT_FAILURE_REASON%"),
];

/// The mesh's access log for requests and connections; none where no file is set.
pub(crate) fn access_log(mesh: &Mesh) -> Vec<AccessLog> {
    file_log(mesh)
        .map(|log| AccessLog { config_type: Some(ConfigType::TypedConfig(any(&log))), ..named() })
        .into_iter()
        .collect()
}

/// The same for connections that no filter chain took.
pub(crate) fn listener_access_log(mesh: &Mesh) -> Vec<AccessLog> {
    let mut logs = if mesh.listener_access_log { access_log(mesh) } else { Vec::new() };
    for log in &mut logs {
        let flags = ResponseFlagFilter { flags: vec!["NR".into()] };
        log.filter = Some(AccessLogFilter { filter_specifier: Some(FilterSpecifier::ResponseFlagFilter(flags)) });
    }
    logs
}

fn named() -> AccessLog {
    AccessLog { name: "envoy.access_loggers.file".into(), ..AccessLog::default() }
}

fn file_log(mesh: &Mesh) -> Option<FileAccessLog> {
    if mesh.access_log_file.is_empty() {
        return None;
    }
    let format = if mesh.access_log_json {
        Format::JsonFormat(json(&mesh.access_log_format))
    } else {
        text(&mesh.access_log_format)
    };
    let format = SubstitutionFormatString { format: Some(format), ..SubstitutionFormatString::default() };
    Some(FileAccessLog {
        path: mesh.access_log_file.to_string(),
        access_log_format: Some(AccessLogFormat::LogFormat(format)),
    })
}

fn text(format: &str) -> Format {
    let line = if format.is_empty() { TEXT.to_owned() } else { format.to_owned() };
    let line = if line.ends_with('\n') { line } else { format!("{line}\n") };
    Format::TextFormatSource(DataSource { specifier: Some(Specifier::InlineString(line)), ..DataSource::default() })
}

/// A user's JSON object, or the default where it is none.
fn json(format: &str) -> Struct {
    match serde_json::from_str::<serde_json::Value>(format) {
        Ok(serde_json::Value::Object(fields)) => structure(&fields),
        _ => Struct {
            fields: JSON.iter().map(|(key, value)| ((*key).into(), kind(Kind::StringValue((*value).into())))).collect(),
        },
    }
}

fn structure(fields: &serde_json::Map<String, serde_json::Value>) -> Struct {
    Struct { fields: fields.iter().map(|(key, value)| (key.clone(), kind(value_kind(value)))).collect() }
}

fn kind(kind: Kind) -> Value {
    Value { kind: Some(kind) }
}

fn value_kind(value: &serde_json::Value) -> Kind {
    match value {
        serde_json::Value::Object(fields) => Kind::StructValue(structure(fields)),
        serde_json::Value::String(text) => Kind::StringValue(text.clone()),
        other => Kind::StringValue(other.to_string()),
    }
}
