//! TLS of servers: the mesh's own on inbound ports, and what Gateways and Sidecars declare.

use heddle_model::{
    Text,
    mesh::Mesh,
    tls::{ServerCertificate, ServerTls, ServerTlsMode, TlsVersion},
};
use heddle_xds_api::envoy::{
    config::core::v3::{DataSource, TransportSocket, data_source::Specifier, transport_socket::ConfigType},
    extensions::transport_sockets::tls::v3::{
        CertificateValidationContext, CommonTlsContext, DownstreamTlsContext, SdsSecretConfig, SubjectAltNameMatcher,
        TlsParameters,
        certificate_validation_context::TrustChainVerification,
        common_tls_context::{CombinedCertificateValidationContext, ValidationContextType},
        subject_alt_name_matcher::SanType,
        tls_parameters::TlsProtocol,
    },
    r#type::matcher::v3::{StringMatcher, string_matcher::MatchPattern},
};

use crate::envoy::{
    any::any,
    source::{MESH_ROOTS, WORKLOAD_CERTIFICATE, ads_secret, agent_sds, agent_secret},
};

/// Ciphers of the mesh's mutual TLS: forward secrecy first, never CBC.
const CIPHERS: [&str; 6] = [
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
];
/// ALPN of ports that speak HTTP. It must not hold `istio`: clients would take that for the protocol.
pub(crate) const HTTP_ALPN: [&str; 2] = ["h2", "http/1.1"];

/// The mesh's mutual TLS for a server.
pub(crate) fn mutual(mesh: &Mesh, alpn: &[&str]) -> TransportSocket {
    socket(&DownstreamTlsContext {
        common_tls_context: Some(CommonTlsContext {
            tls_params: Some(parameters(mesh.mtls_min_version, TlsVersion::Auto, &mesh.mtls_ciphers, &[])),
            tls_certificate_sds_secret_configs: vec![agent_secret(WORKLOAD_CERTIFICATE)],
            validation_context_type: Some(combined(agent_secret(MESH_ROOTS), trusted(mesh))),
            alpn_protocols: alpn.iter().map(ToString::to_string).collect(),
            ..CommonTlsContext::default()
        }),
        require_client_certificate: Some(true),
        ..DownstreamTlsContext::default()
    })
}

/// What a Gateway's or Sidecar's server declares. Secrets by name come from us, files from the agent.
pub(crate) fn declared(mesh: &Mesh, tls: &ServerTls, alpn: &[&str]) -> TransportSocket {
    if tls.mode == ServerTlsMode::IstioMutual {
        return mutual(mesh, alpn);
    }
    let certificates = tls.certificates.iter().map(|certificate| match certificate {
        ServerCertificate::Credential(name) => ads_secret(&credential(name)),
        ServerCertificate::Files { certificate, key, .. } => file_secret(&format!("file-cert:{certificate}~{key}")),
    });
    let (validation, require) = client_validation(tls);
    socket(&DownstreamTlsContext {
        common_tls_context: Some(CommonTlsContext {
            tls_params: Some(server_parameters(mesh, tls)),
            tls_certificate_sds_secret_configs: certificates.collect(),
            validation_context_type: validation,
            alpn_protocols: alpn.iter().map(ToString::to_string).collect(),
            ..CommonTlsContext::default()
        }),
        require_client_certificate: Some(require),
        ..DownstreamTlsContext::default()
    })
}

/// Name of a Secret as a resource.
pub(crate) fn credential(name: &str) -> String {
    if name.contains("://") { name.into() } else { format!("kubernetes://{name}") }
}

/// Names of the secrets that a server needs from us: each certificate, and the roots for clients.
pub(crate) fn credentials(tls: &ServerTls) -> Vec<String> {
    let mut names: Vec<String> = tls
        .certificates
        .iter()
        .filter_map(|c| match c {
            ServerCertificate::Credential(name) => Some(credential(name)),
            ServerCertificate::Files { .. } => None,
        })
        .collect();
    if asks_clients(tls.mode) {
        names.extend(roots_credential(tls));
    }
    names
}

fn asks_clients(mode: ServerTlsMode) -> bool {
    matches!(mode, ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual)
}

fn roots_credential(tls: &ServerTls) -> Option<String> {
    if !tls.roots_credential.is_empty() {
        return Some(credential(&tls.roots_credential));
    }
    tls.certificates.iter().find_map(|c| match c {
        ServerCertificate::Credential(name) => Some(format!("{}-cacert", credential(name))),
        ServerCertificate::Files { .. } => None,
    })
}

fn client_validation(tls: &ServerTls) -> (Option<ValidationContextType>, bool) {
    if !asks_clients(tls.mode) {
        return (None, false);
    }
    let names = tls.subject_alt_names.iter().map(|name| matcher(MatchPattern::Exact(name.to_string()))).collect();
    let context = CertificateValidationContext {
        match_typed_subject_alt_names: typed(names),
        trust_chain_verification: trust(tls).into(),
        verify_certificate_spki: tls.verify_spki.iter().map(ToString::to_string).collect(),
        verify_certificate_hash: tls.verify_hash.iter().map(ToString::to_string).collect(),
        crl: (!tls.revocations.is_empty()).then(|| DataSource {
            specifier: Some(Specifier::Filename(tls.revocations.to_string())),
            ..DataSource::default()
        }),
        ..CertificateValidationContext::default()
    };
    let files = tls.certificates.iter().find_map(|c| match c {
        ServerCertificate::Files { roots, .. } if !roots.is_empty() => Some(roots.clone()),
        _ => None,
    });
    let file = files.or_else(|| (!tls.roots.is_empty()).then(|| tls.roots.clone()));
    let roots = match (roots_credential(tls), file) {
        (Some(name), _) => Some(ads_secret(&name)),
        (None, Some(file)) => Some(file_secret(&format!("file-root:{file}"))),
        (None, None) => None,
    };
    let validation = match roots {
        Some(roots) => combined(roots, context),
        None => ValidationContextType::ValidationContext(context),
    };
    (Some(validation), tls.mode == ServerTlsMode::Mutual)
}

fn trust(tls: &ServerTls) -> TrustChainVerification {
    if tls.insecure_skip_verify {
        TrustChainVerification::AcceptUntrusted
    } else {
        TrustChainVerification::VerifyTrustChain
    }
}

/// Clients of the mesh: any identity of the trust domain or its aliases.
fn trusted(mesh: &Mesh) -> CertificateValidationContext {
    let domains = std::iter::once(&mesh.trust_domain).chain(&mesh.trust_domain_aliases);
    let prefix = |domain: &Text| matcher(MatchPattern::Prefix(format!("spiffe://{domain}/")));
    CertificateValidationContext {
        match_typed_subject_alt_names: uris(domains.map(prefix).collect()),
        ..CertificateValidationContext::default()
    }
}

fn matcher(pattern: MatchPattern) -> StringMatcher {
    StringMatcher { match_pattern: Some(pattern), ..StringMatcher::default() }
}

fn uris(matchers: Vec<StringMatcher>) -> Vec<SubjectAltNameMatcher> {
    let uri = |m| SubjectAltNameMatcher {
        san_type: SanType::Uri.into(),
        matcher: Some(m),
        ..SubjectAltNameMatcher::default()
    };
    matchers.into_iter().map(uri).collect()
}

/// A name that users write may be of any type of SAN.
fn typed(matchers: Vec<StringMatcher>) -> Vec<SubjectAltNameMatcher> {
    let types = [SanType::Dns, SanType::Uri, SanType::Email, SanType::IpAddress];
    let of = |m: StringMatcher| {
        types.map(|t| SubjectAltNameMatcher {
            san_type: t.into(),
            matcher: Some(m.clone()),
            ..SubjectAltNameMatcher::default()
        })
    };
    matchers.into_iter().flat_map(of).collect()
}

fn combined(roots: SdsSecretConfig, context: CertificateValidationContext) -> ValidationContextType {
    ValidationContextType::CombinedValidationContext(CombinedCertificateValidationContext {
        default_validation_context: Some(context),
        validation_context_sds_secret_config: Some(roots),
        ..CombinedCertificateValidationContext::default()
    })
}

/// A secret that the agent reads from files.
fn file_secret(name: &str) -> SdsSecretConfig {
    SdsSecretConfig { name: name.into(), sds_config: Some(agent_sds()) }
}

fn server_parameters(mesh: &Mesh, tls: &ServerTls) -> TlsParameters {
    let min = if tls.min_version == TlsVersion::Auto { mesh.tls_min_version } else { tls.min_version };
    let ciphers = if tls.cipher_suites.is_empty() { &mesh.tls_ciphers } else { &tls.cipher_suites };
    let curves = if tls.ecdh_curves.is_empty() { &mesh.tls_curves } else { &tls.ecdh_curves };
    parameters(min, tls.max_version, ciphers, curves)
}

fn parameters(min: TlsVersion, max: TlsVersion, ciphers: &[Text], curves: &[Text]) -> TlsParameters {
    let own = |list: &[Text]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    TlsParameters {
        tls_minimum_protocol_version: version(min, TlsProtocol::TlSv12).into(),
        tls_maximum_protocol_version: version(max, TlsProtocol::TlSv13).into(),
        cipher_suites: if ciphers.is_empty() { CIPHERS.map(String::from).to_vec() } else { own(ciphers) },
        ecdh_curves: own(curves),
        ..TlsParameters::default()
    }
}

fn version(version: TlsVersion, default: TlsProtocol) -> TlsProtocol {
    match version {
        TlsVersion::Auto => default,
        TlsVersion::V1_0 => TlsProtocol::TlSv10,
        TlsVersion::V1_1 => TlsProtocol::TlSv11,
        TlsVersion::V1_2 => TlsProtocol::TlSv12,
        TlsVersion::V1_3 => TlsProtocol::TlSv13,
    }
}

fn socket(context: &DownstreamTlsContext) -> TransportSocket {
    TransportSocket {
        name: "envoy.transport_sockets.tls".into(),
        config_type: Some(ConfigType::TypedConfig(any(context))),
    }
}
