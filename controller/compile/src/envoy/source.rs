//! Where Envoy fetches a resource from: our stream, or the agent's socket for the workload's own certificates.

use heddle_xds_api::{
    envoy::{
        config::core::v3::{
            AggregatedConfigSource, ApiConfigSource, ApiVersion, ConfigSource, GrpcService, api_config_source::ApiType,
            config_source::ConfigSourceSpecifier, grpc_service,
        },
        extensions::transport_sockets::tls::v3::SdsSecretConfig,
    },
    google::protobuf::Duration,
};

/// Secret of the workload's own certificate, served by its agent.
pub(crate) const WORKLOAD_CERTIFICATE: &str = "default";
/// Secret of the mesh's roots, served by the agent.
pub(crate) const MESH_ROOTS: &str = "ROOTCA";

/// The stream that carries all else too; Envoy waits for an answer without end.
pub(crate) fn ads() -> ConfigSource {
    ConfigSource {
        config_source_specifier: Some(ConfigSourceSpecifier::Ads(AggregatedConfigSource::default())),
        initial_fetch_timeout: Some(Duration::default()),
        resource_api_version: ApiVersion::V3.into(),
        ..Default::default()
    }
}

/// The agent's secret service (bootstrap cluster `sds-grpc`).
pub(crate) fn agent_sds() -> ConfigSource {
    let service = GrpcService {
        target_specifier: Some(grpc_service::TargetSpecifier::EnvoyGrpc(grpc_service::EnvoyGrpc {
            cluster_name: "sds-grpc".into(),
            ..Default::default()
        })),
        ..Default::default()
    };
    ConfigSource {
        config_source_specifier: Some(ConfigSourceSpecifier::ApiConfigSource(ApiConfigSource {
            api_type: ApiType::Grpc.into(),
            transport_api_version: ApiVersion::V3.into(),
            grpc_services: vec![service],
            set_node_on_first_message_only: true,
            ..Default::default()
        })),
        initial_fetch_timeout: Some(Duration::default()),
        resource_api_version: ApiVersion::V3.into(),
        ..Default::default()
    }
}

/// A secret of the agent: [`WORKLOAD_CERTIFICATE`] or [`MESH_ROOTS`].
pub(crate) fn agent_secret(name: &str) -> SdsSecretConfig {
    SdsSecretConfig { name: name.into(), sds_config: Some(agent_sds()) }
}

/// A secret that we serve ourselves, e.g. `kubernetes://credential`.
pub(crate) fn ads_secret(name: &str) -> SdsSecretConfig {
    SdsSecretConfig { name: name.into(), sds_config: Some(ads()) }
}
