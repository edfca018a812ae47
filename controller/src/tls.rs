//! The encrypted port: which certificate it shows, and which client certificates it takes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use heddle_ca::{Authority, Lifetime, Serving, ServingNames};
use ring::rand::SystemRandom;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;

use crate::config::Config;

/// How long the certificate lives that the authority signs for this process; it is renewed at half of that.
pub(crate) const LIFE: Duration = Duration::from_hours(24);

/// A certificate to show, with its key.
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// What the port does in a handshake. A client certificate is verified if there is one; who sends none needs a token.
///
/// # Errors
/// When the operator's files cannot be read or do not fit together.
pub(crate) fn server(config: &Config, authority: &Authority, now: OffsetDateTime) -> anyhow::Result<Arc<ServerConfig>> {
    let shown = match given(config)? {
        Some(given) => given,
        None => own(config, authority, now)?,
    };
    let mut store = RootCertStore::empty();
    for root in authority.roots().roots() {
        store.add(CertificateDer::from(root.to_vec()))?;
    }
    for root in config.ca_cert_file.iter().flat_map(CertificateDer::pem_file_iter).flatten() {
        store.add(root?)?;
    }
    let provider = Arc::new(default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider.clone());
    let verifier = verifier.allow_unauthenticated().build()?;
    let server = ServerConfig::builder_with_provider(provider).with_protocol_versions(rustls::DEFAULT_VERSIONS)?;
    let mut server = server.with_client_cert_verifier(verifier).with_single_cert(shown.chain, shown.key)?;
    server.alpn_protocols = vec![b"h2".to_vec()];
    // A resumed session is not verified again: it would admit a client after the end of its certificate, and without
    // its key.
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    Ok(Arc::new(server))
}

/// A certificate of our own, under all names by which istiod's clients know it (contract §4), and this machine's.
fn own(config: &Config, authority: &Authority, now: OffsetDateTime) -> anyhow::Result<Shown> {
    let serving = heddle_ca::serving(authority, &names(config), Lifetime::of(LIFE), now, &SystemRandom::new())?;
    shown(&serving)
}

/// The operator's certificate, if one was given.
fn given(config: &Config) -> anyhow::Result<Option<Shown>> {
    let (Some(chain), Some(key)) = (&config.tls_cert_file, &config.tls_key_file) else { return Ok(None) };
    let chain = CertificateDer::pem_file_iter(chain)?.collect::<Result<Vec<_>, _>>()?;
    Ok(Some(Shown { chain, key: PrivateKeyDer::from_pem_file(key)? }))
}

fn shown(serving: &Serving) -> anyhow::Result<Shown> {
    let texts = std::iter::once(&serving.chain.leaf).chain(&serving.chain.intermediates);
    let chain = texts.map(|text| CertificateDer::from_pem_slice(text.as_bytes())).collect::<Result<Vec<_>, _>>()?;
    Ok(Shown { chain, key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(serving.key.clone())) })
}

fn names(config: &Config) -> ServingNames {
    let namespace = &config.namespace;
    let mut services = vec!["istiod".to_owned(), "istiod-remote".into(), "istio-pilot".into(), "heddled".into()];
    if !config.revision.is_empty() && config.revision != "default" {
        services.push(format!("istiod-{}", config.revision));
    }
    let full = |service: &String| {
        [format!("{service}.{namespace}.svc"), format!("{service}.{namespace}.svc.{}", config.domain)]
    };
    let dns = services.iter().flat_map(full).chain(["localhost".to_owned()]).chain(config.custom_host.iter().cloned());
    let loopback = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])];
    let bound = config.secure_grpc_addr.0.map(|address| address.ip()).filter(|ip| !ip.is_unspecified());
    let mut ips: Vec<IpAddr> = loopback.into_iter().chain(bound).collect();
    ips.dedup();
    ServingNames { dns: dns.filter(|name| !name.is_empty()).collect(), ips }
}

#[cfg(test)]
mod tests {
    use rustls::{ClientConfig, ClientConnection, HandshakeKind, ServerConnection};

    use super::*;

    /// How the handshake of a connection of this client goes. All that follows the handshake is exchanged too.
    fn shake_hands(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Option<HandshakeKind> {
        let mut server = ServerConnection::new(server.clone()).unwrap();
        let mut client = ClientConnection::new(client.clone(), "localhost".try_into().unwrap()).unwrap();
        while client.wants_write() || server.wants_write() {
            let mut bytes = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut bytes).unwrap();
            }
            let mut left = &bytes[..];
            while !left.is_empty() {
                server.read_tls(&mut left).unwrap();
                server.process_new_packets().unwrap();
            }
            let mut bytes = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut bytes).unwrap();
            }
            let mut left = &bytes[..];
            while !left.is_empty() {
                client.read_tls(&mut left).unwrap();
                client.process_new_packets().unwrap();
            }
        }
        client.handshake_kind()
    }

    #[test]
    fn no_session_is_resumed() {
        let config = crate::config::parse(["heddled".into()]).unwrap();
        let now = OffsetDateTime::now_utc();
        let authority = heddle_ca::self_signed("cluster.local", 9 * LIFE, now, &SystemRandom::new()).unwrap().0;
        let server = server(&config, &authority, now).unwrap();
        let mut roots = RootCertStore::empty();
        for root in authority.roots().roots() {
            roots.add(CertificateDer::from(root.to_vec())).unwrap();
        }
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let client = ClientConfig::builder_with_provider(Arc::new(default_provider()));
            let client = client.with_protocol_versions(&[version]).unwrap();
            let client = Arc::new(client.with_root_certificates(roots.clone()).with_no_client_auth());
            for _ in 0..2 {
                assert_eq!(shake_hands(&client, &server), Some(HandshakeKind::Full), "{version:?}");
            }
        }
    }
}
