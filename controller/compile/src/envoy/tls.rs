//! TLS of clients: contexts, validation and the sockets they sit in.

use heddle_model::{Text, traffic::ProxyProtocol};
use heddle_xds_api::envoy::{
    config::{
        cluster::v3::cluster::TransportSocketMatch,
        core::v3::{
            DataSource, ProxyProtocolConfig, TransportSocket, data_source, proxy_protocol_config,
            transport_socket::ConfigType,
        },
    },
    extensions::transport_sockets::{
        proxy_protocol::v3::ProxyProtocolUpstreamTransport,
        raw_buffer::v3::RawBuffer,
        tls::v3::{
            CertificateValidationContext, CommonTlsContext, SdsSecretConfig, TlsParameters, UpstreamTlsContext,
            common_tls_context::{CombinedCertificateValidationContext, ValidationContextType},
            tls_parameters::TlsProtocol,
        },
    },
    r#type::matcher::v3::{StringMatcher, string_matcher::MatchPattern},
};
use heddle_xds_api::google::protobuf::Struct;

use super::{any::any, metadata};

/// Metadata of endpoints by which a cluster chooses between its sockets.
pub(crate) const SOCKET_MATCH: &str = "envoy.transport_socket_match";
/// Field of [`SOCKET_MATCH`].
pub(crate) const TLS_MODE: &str = "tlsMode";
/// Value of [`TLS_MODE`] where a sidecar takes the mesh's mutual TLS.
pub(crate) const ISTIO: &str = "istio";

/// How the server's certificate is checked.
#[derive(Clone, Debug)]
pub(crate) struct Validation {
    /// The roots, delivered as a secret.
    pub(crate) roots: SdsSecretConfig,
    /// Names, one of which the certificate must carry; empty: any.
    pub(crate) names: Vec<Text>,
    /// File of a revocation list; empty: none.
    pub(crate) revocations: Text,
}

/// A client's TLS context; without a validation any server is trusted. TLS 1.2 and 1.3 only.
pub(crate) fn upstream(
    certificate: Option<SdsSecretConfig>,
    validation: Option<Validation>,
    sni: &str,
) -> UpstreamTlsContext {
    let params = TlsParameters {
        tls_minimum_protocol_version: TlsProtocol::TlSv12.into(),
        tls_maximum_protocol_version: TlsProtocol::TlSv13.into(),
        ..Default::default()
    };
    let common = CommonTlsContext {
        tls_params: Some(params),
        tls_certificate_sds_secret_configs: certificate.into_iter().collect(),
        validation_context_type: Some(validation_context(validation)),
        ..Default::default()
    };
    UpstreamTlsContext { common_tls_context: Some(common), sni: sni.into(), ..Default::default() }
}

/// A TLS socket.
pub(crate) fn socket(context: &UpstreamTlsContext) -> TransportSocket {
    let config_type = Some(ConfigType::TypedConfig(any(context)));
    TransportSocket { name: "envoy.transport_sockets.tls".into(), config_type }
}

/// A plain socket.
pub(crate) fn plain() -> TransportSocket {
    let config_type = Some(ConfigType::TypedConfig(any(&RawBuffer {})));
    TransportSocket { name: "envoy.transport_sockets.raw_buffer".into(), config_type }
}

/// A socket that says first, in the PROXY protocol, who the client is.
pub(crate) fn announced(version: ProxyProtocol, inner: TransportSocket) -> TransportSocket {
    let version = match version {
        ProxyProtocol::V1 => proxy_protocol_config::Version::V1,
        ProxyProtocol::V2 => proxy_protocol_config::Version::V2,
    };
    let config = ProxyProtocolUpstreamTransport {
        config: Some(ProxyProtocolConfig { version: version.into(), ..Default::default() }),
        transport_socket: Some(inner),
        ..Default::default()
    };
    let config_type = Some(ConfigType::TypedConfig(any(&config)));
    TransportSocket { name: "envoy.transport_sockets.upstream_proxy_protocol".into(), config_type }
}

/// TLS to the endpoints that have a sidecar, plain text to the others.
pub(crate) fn where_possible(tls: TransportSocket) -> Vec<TransportSocketMatch> {
    let by = |name: &str, wanted: Struct, socket: TransportSocket| TransportSocketMatch {
        name: name.into(),
        r#match: Some(wanted),
        transport_socket: Some(socket),
    };
    let with_sidecar = metadata::fields([(TLS_MODE, metadata::text(ISTIO))]);
    vec![by("tlsMode-istio", with_sidecar, tls), by("tlsMode-disabled", Struct::default(), plain())]
}

fn validation_context(validation: Option<Validation>) -> ValidationContextType {
    let Some(Validation { roots, names, revocations }) = validation else {
        return ValidationContextType::ValidationContext(CertificateValidationContext::default());
    };
    let context = CertificateValidationContext {
        match_subject_alt_names: names.iter().map(|name| exactly(name)).collect(),
        crl: (!revocations.is_empty()).then(|| file(&revocations)),
        ..Default::default()
    };
    ValidationContextType::CombinedValidationContext(CombinedCertificateValidationContext {
        default_validation_context: Some(context),
        validation_context_sds_secret_config: Some(roots),
        ..Default::default()
    })
}

fn exactly(name: &str) -> StringMatcher {
    StringMatcher { match_pattern: Some(MatchPattern::Exact(name.into())), ..Default::default() }
}

fn file(path: &str) -> DataSource {
    DataSource { specifier: Some(data_source::Specifier::Filename(path.into())), ..Default::default() }
}
