//! TLS as a client and as a server.

pub mod algorithm;

use std::collections::BTreeSet;

use super::report::{Report, quote};
use super::text;
use crate::decode::Path;
use crate::networking::tls::{ClientTls, ClientTlsMode, ServerTls, ServerTlsMode, TlsProtocol};

/// Most bytes of a server name that a client sends.
const LONGEST_SNI: usize = 255;

/// Checks the TLS of a client.
pub(super) fn client(tls: Option<&ClientTls>, at: &Path<'_>, out: &mut Report) {
    let Some(tls) = tls else { return };
    out.need(&at.field("sni"), sni(&tls.sni));
    let shares_secret = matches!(tls.mode, ClientTlsMode::Simple | ClientTlsMode::Mutual);
    if tls.insecure_skip_verify == Some(true) && shares_secret {
        let names_ca = !tls.ca_certificates.is_empty() || !tls.subject_alt_names.is_empty();
        if names_ca || tls.mode == ClientTlsMode::Simple && !tls.credential_name.is_empty() {
            let reason = "a check of the server's certificate is set up, and turned off at once";
            out.refuse(&at.field("insecureSkipVerify"), reason);
        }
    }
    if shares_secret && !tls.credential_name.is_empty() {
        let files = [&tls.client_certificate, &tls.private_key, &tls.ca_certificates, &tls.ca_crl];
        if files.into_iter().any(|file| !file.is_empty()) {
            out.refuse(&at.field("credentialName"), "excludes certificates and keys from files");
        }
        return;
    }
    if tls.mode == ClientTlsMode::Mutual {
        for (name, file) in [("clientCertificate", &tls.client_certificate), ("privateKey", &tls.private_key)] {
            if file.is_empty() {
                out.refuse(&at.field(name), "is required in mode MUTUAL");
            }
        }
    }
}

/// Checks the server name that a client sends.
///
/// # Errors
/// That it is longer than a host name, or has control characters.
pub fn sni(name: &str) -> Result<(), String> {
    text::line(name, LONGEST_SNI)
}

/// Checks the TLS of a server.
pub(super) fn server(tls: Option<&ServerTls>, at: &Path<'_>, out: &mut Report) {
    let Some(tls) = tls else { return };
    credentials(tls, at, out);
    algorithms(tls, at, out);
    match tls.mode {
        ServerTlsMode::IstioMutual => {
            for (name, value) in files(tls) {
                if !value.is_empty() {
                    out.refuse(
                        &at.field(name),
                        "must be empty in mode ISTIO_MUTUAL, which uses the mesh's certificates",
                    );
                }
            }
        }
        ServerTlsMode::Simple | ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual => terminating(tls, at, out),
        ServerTlsMode::Passthrough | ServerTlsMode::AutoPassthrough => {
            for (name, value) in files(tls) {
                if !value.is_empty() {
                    out.warn(&at.field(name), "has no effect: TLS is not ended here");
                }
            }
        }
    }
}

fn terminating(tls: &ServerTls, at: &Path<'_>, out: &mut Report) {
    let from_files = [&tls.server_certificate, &tls.private_key].into_iter().any(|file| !file.is_empty());
    if !tls.credential_name.is_empty() && (from_files || !tls.tls_certificates.is_empty()) {
        out.refuse(&at.field("credentialName"), "excludes certificates and keys from files");
    }
    if !tls.credential_name.is_empty() || !tls.credential_names.is_empty() {
        return;
    }
    let is_mutual = tls.mode != ServerTlsMode::Simple;
    let needs_ca = is_mutual && tls.ca_cert_credential_name.is_empty();
    if tls.tls_certificates.is_empty() {
        require(&tls.server_certificate, &at.field("serverCertificate"), out);
        require(&tls.private_key, &at.field("privateKey"), out);
    }
    for (index, certificate) in tls.tls_certificates.iter().enumerate() {
        let at = at.field("tlsCertificates");
        let at = at.index(index);
        require(&certificate.server_certificate, &at.field("serverCertificate"), out);
        require(&certificate.private_key, &at.field("privateKey"), out);
    }
    let has_ca = !tls.ca_certificates.is_empty()
        || tls.tls_certificates.iter().any(|certificate| !certificate.ca_certificates.is_empty());
    if needs_ca && !has_ca {
        out.refuse(&at.field("caCertificates"), "is required to check the clients' certificates");
    }
}

fn require(value: &str, at: &Path<'_>, out: &mut Report) {
    if value.is_empty() {
        out.refuse(at, "is required where TLS is ended");
    }
}

/// At most one way may be used to name certificates.
fn credentials(tls: &ServerTls, at: &Path<'_>, out: &mut Report) {
    let has_names = !tls.credential_names.is_empty();
    if has_names && !tls.credential_name.is_empty() {
        out.refuse(at, "only one of credentialName and credentialNames can be set");
    }
    if has_names && !tls.tls_certificates.is_empty() {
        out.refuse(at, "only one of credentialNames and tlsCertificates can be set");
    }
    for (name, count) in
        [("credentialNames", tls.credential_names.len()), ("tlsCertificates", tls.tls_certificates.len())]
    {
        if count > 2 {
            out.refuse(&at.field(name), format_args!("{count} certificates are more than 2"));
        }
    }
    if !tls.tls_certificates.is_empty() && !tls.server_certificate.is_empty() {
        out.refuse(at, "only one of serverCertificate and tlsCertificates can be set");
    }
}

fn algorithms(tls: &ServerTls, at: &Path<'_>, out: &mut Report) {
    names(&tls.cipher_suites, algorithm::cipher_suite, &at.field("cipherSuites"), out);
    names(&tls.ecdh_curves, algorithm::curve, &at.field("ecdhCurves"), out);
    for (name, hashes, check) in [
        ("verifyCertificateSpki", &tls.verify_certificate_spki, algorithm::public_key_hash as fn(&str) -> _),
        ("verifyCertificateHash", &tls.verify_certificate_hash, algorithm::certificate_hash),
    ] {
        for (index, hash) in hashes.iter().enumerate() {
            out.need(&at.field(name).index(index), check(hash));
        }
    }
    let old = [TlsProtocol::V1_0, TlsProtocol::V1_1];
    if old.contains(&tls.min_protocol_version) || old.contains(&tls.max_protocol_version) {
        let reason = "a version before TLS 1.2 needs cipher suites that are off by default";
        out.warn(&at.field("minProtocolVersion"), reason);
    }
    let is_set = tls.max_protocol_version != TlsProtocol::Auto && tls.min_protocol_version != TlsProtocol::Auto;
    if is_set && tls.max_protocol_version < tls.min_protocol_version {
        out.refuse(&at.field("maxProtocolVersion"), "is older than minProtocolVersion");
    }
}

/// Warns of names that are left out.
fn names(names: &[String], check: fn(&str) -> Result<(), String>, at: &Path<'_>, out: &mut Report) {
    let mut seen = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let at = at.index(index);
        if let Err(reason) = check(name) {
            out.warn(&at, format_args!("{reason}; it is left out"));
        } else if !seen.insert(name) {
            out.warn(&at, format_args!("{} is named twice", quote(name)));
        }
    }
}

fn files(tls: &ServerTls) -> [(&'static str, &str); 4] {
    [
        ("serverCertificate", &tls.server_certificate),
        ("privateKey", &tls.private_key),
        ("caCertificates", &tls.ca_certificates),
        ("credentialName", &tls.credential_name),
    ]
}
