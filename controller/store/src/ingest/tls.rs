//! TLS settings of clients and servers.

use heddle_crds::{
    networking::tls as written,
    validate::tls::{algorithm, sni},
};
use heddle_model::{
    Text,
    tls::{ClientTls, ClientTlsMode, ServerCertificate, ServerTls, ServerTlsMode, TlsVersion},
};

use super::{Report, scalar};

/// What a client does.
pub(super) fn client(tls: &written::ClientTls, field: &str, report: &mut Report) -> ClientTls {
    let text = |t: &String| Text::from(t.as_str());
    ClientTls {
        mode: match tls.mode {
            written::ClientTlsMode::Disable => ClientTlsMode::Disable,
            written::ClientTlsMode::Simple => ClientTlsMode::Simple,
            written::ClientTlsMode::Mutual => ClientTlsMode::Mutual,
            written::ClientTlsMode::IstioMutual => ClientTlsMode::IstioMutual,
        },
        certificate: text(&tls.client_certificate),
        key: text(&tls.private_key),
        roots: text(&tls.ca_certificates),
        revocations: text(&tls.ca_crl),
        credential: text(&tls.credential_name),
        subject_alt_names: texts(&tls.subject_alt_names),
        sni: scalar::text(&tls.sni, sni, (&format!("{field}.sni"), "it is left out"), report)
            .map_or_else(|_| Text::default(), |()| text(&tls.sni)),
        insecure_skip_verify: tls.insecure_skip_verify,
    }
}

/// What a server does. Nothing when it has no certificate, and when it checks clients by nothing, or by a hash that is
/// none: it would take more clients than was asked for.
pub(super) fn server(tls: &written::ServerTls, field: &str, report: &mut Report) -> Option<ServerTls> {
    let text = |t: &String| Text::from(t.as_str());
    for (name, hashes, check) in [
        ("verifyCertificateSpki", &tls.verify_certificate_spki, algorithm::public_key_hash as fn(&str) -> _),
        ("verifyCertificateHash", &tls.verify_certificate_hash, algorithm::certificate_hash),
    ] {
        for (index, hash) in hashes.iter().enumerate() {
            scalar::text(hash, check, (&format!("{field}.{name}[{index}]"), "the server is left out"), report).ok()?;
        }
    }
    let mode = match tls.mode {
        written::ServerTlsMode::Passthrough => ServerTlsMode::Passthrough,
        written::ServerTlsMode::Simple => ServerTlsMode::Simple,
        written::ServerTlsMode::Mutual => ServerTlsMode::Mutual,
        written::ServerTlsMode::AutoPassthrough => ServerTlsMode::AutoPassthrough,
        written::ServerTlsMode::IstioMutual => ServerTlsMode::IstioMutual,
        written::ServerTlsMode::OptionalMutual => ServerTlsMode::OptionalMutual,
    };
    let certificates = certificates(tls, field, report);
    let ends = matches!(mode, ServerTlsMode::Simple | ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual);
    if ends && certificates.is_empty() {
        let message =
            format!("{mode:?} needs a credentialName or files with a certificate and its key; the server is left out");
        report.error(field, "MissingCertificate", message);
        return None;
    }
    let asks = matches!(mode, ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual);
    if asks && !tls.insecure_skip_verify.unwrap_or(false) && !has_roots(tls, &certificates) {
        let message = format!("{mode:?} needs roots to check clients by; the server is left out");
        report.error(format!("{field}.caCertificates"), "MissingRoots", message);
        return None;
    }
    Some(ServerTls {
        https_redirect: tls.https_redirect,
        mode,
        certificates,
        roots: text(&tls.ca_certificates),
        roots_credential: text(&tls.ca_cert_credential_name),
        revocations: text(&tls.ca_crl),
        subject_alt_names: texts(&tls.subject_alt_names),
        verify_spki: texts(&tls.verify_certificate_spki),
        verify_hash: texts(&tls.verify_certificate_hash),
        insecure_skip_verify: tls.insecure_skip_verify.unwrap_or(false),
        min_version: version(tls.min_protocol_version),
        max_version: version(tls.max_protocol_version),
        cipher_suites: cipher_suites(&tls.cipher_suites, &format!("{field}.cipherSuites"), report),
        ecdh_curves: curves(&tls.ecdh_curves, &format!("{field}.ecdhCurves"), report),
    })
}

/// Whether there is something to check the certificates of clients by. Without it Envoy would take any.
fn has_roots(tls: &written::ServerTls, certificates: &[ServerCertificate]) -> bool {
    let brings_roots = |certificate: &ServerCertificate| match certificate {
        ServerCertificate::Credential(_) => true,
        ServerCertificate::Files { roots, .. } => !roots.is_empty(),
    };
    !tls.ca_certificates.is_empty() || !tls.ca_cert_credential_name.is_empty() || certificates.iter().any(brings_roots)
}

/// The cipher suites that Envoy knows.
pub(super) fn cipher_suites(names: &[String], field: &str, report: &mut Report) -> Vec<Text> {
    known(names, algorithm::cipher_suite, field, report)
}

/// The curves that Envoy knows, each once.
pub(super) fn curves(names: &[String], field: &str, report: &mut Report) -> Vec<Text> {
    known(names, algorithm::curve, field, report)
}

fn known(names: &[String], check: fn(&str) -> Result<(), String>, field: &str, report: &mut Report) -> Vec<Text> {
    let mut found = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let name = Text::from(name.as_str());
        let is_known = scalar::text(&name, check, (&format!("{field}[{index}]"), "it is left out"), report).is_ok();
        if is_known && !found.contains(&name) {
            found.push(name);
        }
    }
    if found.is_empty() && !names.is_empty() {
        report.error(field, "BadText", "none of them is known; the defaults are taken");
    }
    found
}

/// A version of TLS.
pub(super) fn version(version: written::TlsProtocol) -> TlsVersion {
    match version {
        written::TlsProtocol::Auto => TlsVersion::Auto,
        written::TlsProtocol::V1_0 => TlsVersion::V1_0,
        written::TlsProtocol::V1_1 => TlsVersion::V1_1,
        written::TlsProtocol::V1_2 => TlsVersion::V1_2,
        written::TlsProtocol::V1_3 => TlsVersion::V1_3,
    }
}

/// Shared texts of owned ones.
pub(super) fn texts(texts: &[String]) -> Vec<Text> {
    texts.iter().map(|t| t.as_str().into()).collect()
}

/// Secrets win over files; of each at most two count.
fn certificates(tls: &written::ServerTls, field: &str, report: &mut Report) -> Vec<ServerCertificate> {
    let mut found: Vec<ServerCertificate> = Vec::new();
    if !tls.credential_names.is_empty() {
        found.extend(texts(&tls.credential_names).into_iter().map(ServerCertificate::Credential));
    } else if !tls.credential_name.is_empty() {
        found.push(ServerCertificate::Credential(tls.credential_name.as_str().into()));
    } else if !tls.tls_certificates.is_empty() {
        found.extend(
            tls.tls_certificates.iter().map(|c| files(&c.server_certificate, &c.private_key, &c.ca_certificates)),
        );
    } else if !tls.server_certificate.is_empty() {
        found.push(files(&tls.server_certificate, &tls.private_key, &tls.ca_certificates));
    }
    // Envoy would wait for a key that no file brings, and hold the port back.
    found.retain(|certificate| match certificate {
        ServerCertificate::Credential(name) => !name.is_empty(),
        ServerCertificate::Files { certificate, key, .. } => !certificate.is_empty() && !key.is_empty(),
    });
    if found.len() > 2 {
        report.error(field, "TooManyCertificates", "a server has at most two certificates; the first two are taken");
        found.truncate(2);
    }
    found
}

fn files(certificate: &str, key: &str, roots: &str) -> ServerCertificate {
    ServerCertificate::Files { certificate: certificate.into(), key: key.into(), roots: roots.into() }
}
