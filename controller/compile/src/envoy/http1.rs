//! HTTP/1.1, as clients speak it to a listener and as a cluster speaks it to endpoints.

use heddle_model::mesh::Mesh;
use heddle_xds_api::envoy::{
    config::core::v3::http1_protocol_options::{HeaderKeyFormat, header_key_format::HeaderFormat},
    extensions::http::header_formatters::preserve_case::v3::PreserveCaseFormatterConfig,
};

use super::any::extension;

/// How names of headers are written; none is Envoy's own way, in lower case.
pub(crate) fn header_key_format(mesh: &Mesh) -> Option<HeaderKeyFormat> {
    let formatter = || extension("preserve_case", &PreserveCaseFormatterConfig::default());
    let format = mesh.proxy.preserve_header_case.then(|| HeaderFormat::StatefulFormatter(formatter()));
    format.map(|format| HeaderKeyFormat { header_format: Some(format) })
}
