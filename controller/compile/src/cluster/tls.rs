//! How a cluster's connections are secured: as a policy says, else mutual TLS wherever both ends have a sidecar.

use heddle_model::{
    Text,
    identity::Identity,
    issue::Issue,
    proxy::ProxyKind,
    service::ServiceRegistry,
    tls::{ClientTls, ClientTlsMode},
};
use heddle_xds_api::envoy::{
    config::{
        cluster::v3::Cluster,
        core::v3::{TransportSocket, UpstreamHttpProtocolOptions},
    },
    extensions::transport_sockets::tls::v3::{SdsSecretConfig, UpstreamTlsContext},
};

use super::{
    Discovery,
    destination::Purpose,
    discovery,
    key::{ClusterKey, Credential, Peers},
    pool::Upstream,
};
use crate::envoy::{
    source::{self, MESH_ROOTS, WORKLOAD_CERTIFICATE},
    tls::{self as envoy, Validation},
};

/// The security of a cluster.
#[derive(Debug, PartialEq)]
pub(super) enum Security {
    /// Plain text.
    Plain,
    /// Mutual TLS to the endpoints that have a sidecar, plain text to the others.
    WherePossible(UpstreamTlsContext),
    /// The mesh's mutual TLS.
    Mesh(UpstreamTlsContext),
    /// TLS as a policy says, with what Envoy shall derive from each request's host.
    Asked(UpstreamTlsContext, UpstreamHttpProtocolOptions),
    /// The policy asks for TLS that cannot be had. Nothing may be sent, least of all in plain text.
    Impossible,
}

/// Works out the security of a cluster.
pub(super) fn security(key: &ClusterKey, upstream: Upstream, issues: &mut Vec<Issue>) -> Security {
    let destination = &key.destination;
    if destination.purpose == Purpose::SniDnat {
        return Security::Plain;
    }
    let Some(tls) = destination.policy().tls else {
        if !destination.mesh.auto_mtls || destination.service.external || key.peers == Peers::Plain {
            return Security::Plain;
        }
        let context = mesh(key, &ClientTls::default(), upstream);
        // Endpoints behind an original destination have no metadata to choose a socket by.
        let by_endpoint = discovery(destination, key.client.kind) != Discovery::Original;
        return if by_endpoint { Security::WherePossible(context) } else { Security::Mesh(context) };
    };
    let own_files = own_files(key).filter(|_| !destination.service.external);
    match (tls.mode, own_files) {
        (ClientTlsMode::Disable, _) => Security::Plain,
        (ClientTlsMode::Simple, _) | (ClientTlsMode::Mutual, None) => asked(key, tls, upstream, issues),
        (ClientTlsMode::IstioMutual, None) => Security::Mesh(mesh(key, tls, upstream)),
        (ClientTlsMode::Mutual | ClientTlsMode::IstioMutual, Some(files)) => {
            let names = tls.subject_alt_names.clone();
            asked(key, &ClientTls { sni: tls.sni.clone(), subject_alt_names: names, ..files }, upstream, issues)
        }
    }
}

/// Puts the sockets into a cluster, and the PROXY protocol around them.
pub(super) fn apply(cluster: &mut Cluster, key: &ClusterKey, security: Security) {
    match security {
        Security::Plain | Security::Impossible => {}
        Security::WherePossible(context) => {
            cluster.transport_socket_matches = envoy::where_possible(envoy::socket(&context));
        }
        Security::Mesh(context) | Security::Asked(context, _) => {
            cluster.transport_socket = Some(envoy::socket(&context));
        }
    }
    let Some(version) = key.destination.policy().proxy_protocol else { return };
    let around = |socket: &mut Option<TransportSocket>| {
        let inner = socket.take().unwrap_or_else(envoy::plain);
        *socket = Some(envoy::announced(version, inner));
    };
    if cluster.transport_socket_matches.is_empty() {
        around(&mut cluster.transport_socket);
    }
    cluster.transport_socket_matches.iter_mut().for_each(|m| around(&mut m.transport_socket));
}

/// Names of the mesh's identities behind a destination, those of aliased trust domains too, and of the service itself.
fn names(key: &ClusterKey) -> Vec<Text> {
    let mesh = &key.destination.mesh;
    let ours = |domain: &str| *mesh.trust_domain == *domain || mesh.trust_domain_aliases.iter().any(|a| **a == *domain);
    let mut names: Vec<Text> = Vec::new();
    for account in &key.accounts {
        names.push(account.to_string().into());
        if ours(account.trust_domain()) {
            let domains = std::iter::once(&mesh.trust_domain).chain(&mesh.trust_domain_aliases);
            let elsewhere = |domain: &Text| Identity::new(domain, account.namespace(), account.service_account()).ok();
            names.extend(domains.filter_map(elsewhere).map(|identity| Text::from(identity.to_string())));
        }
    }
    names.extend(key.destination.service.subject_alt_names.iter().cloned());
    names.sort();
    names.dedup();
    names
}

/// The mesh's mutual TLS: certificate and roots from the workload's agent, peers by their identities.
fn mesh(key: &ClusterKey, tls: &ClientTls, upstream: Upstream) -> UpstreamTlsContext {
    let names = if tls.subject_alt_names.is_empty() { names(key) } else { tls.subject_alt_names.clone() };
    let sni = if tls.sni.is_empty() { key.destination.sni() } else { tls.sni.to_string() };
    let roots = source::agent_secret(MESH_ROOTS);
    let validation = Some(Validation { roots, names, revocations: Text::default() });
    let mut context = envoy::upstream(Some(source::agent_secret(WORKLOAD_CERTIFICATE)), validation, &sni);
    set_alpn(&mut context, mesh_alpn(key, upstream));
    context
}

/// What the client offers by ALPN, which the peer's filter chains tell the mesh's traffic by.
///
/// Where Istio's own filters are compiled in, they set it for each request. A stock Envoy says the protocol that a
/// declared port speaks; on sniffed ports the routes set it ([`super::request_alpn`]), and what is here is for
/// connections of no known protocol.
fn mesh_alpn(key: &ClusterKey, upstream: Upstream) -> &'static [&'static str] {
    match (key.client.peer_exchange, upstream) {
        (true, Upstream::Http2) => &["istio-peer-exchange", "istio", "h2"],
        (true, _) => &["istio-peer-exchange", "istio"],
        (false, Upstream::Http2) => &["istio-h2", "istio", "h2"],
        (false, Upstream::Http1) if key.destination.port.protocol.is_http() => &["istio-http/1.1", "istio", "http/1.1"],
        (false, _) => &["istio"],
    }
}

/// TLS as a policy says.
fn asked(key: &ClusterKey, tls: &ClientTls, upstream: Upstream, issues: &mut Vec<Issue>) -> Security {
    if !tls.credential.is_empty() && key.client.kind == ProxyKind::Sidecar && !binds_workloads(key) {
        // "credentialName needs a workloadSelector at sidecars": such a rule is meant for a gateway further on.
        return Security::Plain;
    }
    let Some((certificate, roots)) = secrets(key, tls, issues) else { return Security::Impossible };
    let insecure = tls.insecure_skip_verify == Some(true);
    let of_entry = key.destination.service.registry == ServiceRegistry::External && tls.subject_alt_names.is_empty();
    let names = if of_entry { names(key) } else { tls.subject_alt_names.clone() };
    let validation = (!insecure).then(|| Validation { roots, names, revocations: tls.revocations.clone() });
    let mut context = envoy::upstream(certificate, validation, &tls.sni);
    if let Some(params) = context.common_tls_context.as_mut().and_then(|common| common.tls_params.as_mut()) {
        params.cipher_suites = key.destination.mesh.tls_ciphers.iter().map(ToString::to_string).collect();
        params.ecdh_curves = key.destination.mesh.tls_curves.iter().map(ToString::to_string).collect();
    }
    if upstream == Upstream::Http2 {
        set_alpn(&mut context, &["h2"]);
    }
    let by_request = UpstreamHttpProtocolOptions {
        auto_sni: tls.sni.is_empty(),
        auto_san_validation: tls.sni.is_empty() && tls.subject_alt_names.is_empty() && !insecure,
        ..Default::default()
    };
    Security::Asked(context, by_request)
}

type Secrets = (Option<SdsSecretConfig>, SdsSecretConfig);

/// The client's certificate (in mode MUTUAL) and the server's roots; none if one of them cannot be had.
fn secrets(key: &ClusterKey, tls: &ClientTls, issues: &mut Vec<Issue>) -> Option<Secrets> {
    let mutual = tls.mode == ClientTlsMode::Mutual;
    if tls.credential.is_empty() {
        if mutual && (tls.certificate.is_empty() || tls.key.is_empty()) {
            let text = "mode MUTUAL needs clientCertificate and privateKey, or credentialName: nothing is sent";
            report(key, "tls.clientCertificate", "MissingCertificate", text, issues);
            return None;
        }
        let pair = mutual.then(|| source::agent_secret(&format!("file-cert:{}~{}", tls.certificate, tls.key)));
        let roots = if tls.roots.is_empty() { "system" } else { &tls.roots };
        return Some((pair, source::agent_secret(&format!("file-root:{roots}"))));
    }
    if key.credential == Credential::Missing {
        let text = format!("secret `{}` with what the mode needs is not there: nothing is sent", tls.credential);
        report(key, "tls.credentialName", "SecretNotFound", &text, issues);
        return None;
    }
    if &*tls.credential == "builtin://" {
        let pair = mutual.then(|| source::agent_secret(WORKLOAD_CERTIFICATE));
        return Some((pair, source::agent_secret(MESH_ROOTS)));
    }
    let (pair, roots) = credential_names(&tls.credential);
    Some((mutual.then(|| source::ads_secret(&pair)), source::ads_secret(&roots)))
}

/// Names of the secrets behind a `credentialName`: the pair's and the roots'.
fn credential_names(credential: &str) -> (String, String) {
    let name = if credential.contains("://") { credential.to_owned() } else { format!("kubernetes://{credential}") };
    let roots = if name.starts_with("configmap://") { name.clone() } else { format!("{name}-cacert") };
    (name, roots)
}

/// Files of certificates that the proxy's metadata names, as a policy would.
fn own_files(key: &ClusterKey) -> Option<ClientTls> {
    let file = |name: &str| key.client.tls_files.get(name).cloned().unwrap_or_default();
    let certificate = file("TLS_CLIENT_CERT_CHAIN");
    (!certificate.is_empty()).then(|| ClientTls {
        mode: ClientTlsMode::Mutual,
        certificate,
        key: file("TLS_CLIENT_KEY"),
        roots: file("TLS_CLIENT_ROOT_CERT"),
        ..ClientTls::default()
    })
}

fn binds_workloads(key: &ClusterKey) -> bool {
    key.destination.rule.as_ref().is_some_and(|rule| rule.selector.as_ref().is_some_and(|labels| !labels.is_empty()))
}

fn set_alpn(context: &mut UpstreamTlsContext, protocols: &[&str]) {
    if let Some(common) = &mut context.common_tls_context {
        common.alpn_protocols = protocols.iter().map(ToString::to_string).collect();
    }
}

fn report(key: &ClusterKey, field: &str, reason: &'static str, text: &str, issues: &mut Vec<Issue>) {
    if let Some(rule) = &key.destination.rule {
        let field = key.destination.field(field, |policy| policy.tls.is_some());
        issues.push(Issue::error(&rule.origin.object, field, reason, text));
    }
}
