//! TLS as a client and as a server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How connections to a destination are secured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientTls {
    /// Whether TLS is used, and who proves who it is.
    pub mode: ClientTlsMode,
    /// File with the client's certificate chain. MUTUAL only.
    pub client_certificate: String,
    /// File with the client's private key. MUTUAL only.
    pub private_key: String,
    /// File with the authorities against which the server's certificate is checked. Empty means the system's.
    pub ca_certificates: String,
    /// Secret with the client's key, certificate and authorities, in the place of files.
    pub credential_name: String,
    /// Names of which the server's certificate must carry one.
    pub subject_alt_names: Vec<String>,
    /// Server name that is sent in the handshake. Empty means the host of the request.
    pub sni: String,
    /// Whether the server's certificate goes unchecked.
    pub insecure_skip_verify: Option<bool>,
    /// File with certificates that are revoked.
    pub ca_crl: String,
}

/// How a client uses TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClientTlsMode {
    /// No TLS.
    #[default]
    Disable,
    /// TLS in which only the server proves who it is.
    Simple,
    /// TLS in which both sides prove who they are, with the certificates given.
    Mutual,
    /// TLS in which both sides prove who they are, with the mesh's certificates.
    IstioMutual,
}

/// How a server accepts TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServerTls {
    /// Whether HTTP requests are answered with a redirect to HTTPS.
    pub https_redirect: bool,
    /// Whether TLS is ended here, and who proves who it is.
    pub mode: ServerTlsMode,
    /// File with the server's certificate chain.
    pub server_certificate: String,
    /// File with the server's private key.
    pub private_key: String,
    /// File with the authorities against which a client's certificate is checked.
    pub ca_certificates: String,
    /// File with client certificates that are revoked.
    pub ca_crl: String,
    /// Several certificates for one server, of different key types: one or two.
    pub tls_certificates: Vec<TlsCertificate>,
    /// Secret with the server's key and certificate, and for MUTUAL the authorities.
    pub credential_name: String,
    /// Secrets with certificates of different key types: one or two.
    pub credential_names: Vec<String>,
    /// Secret or ConfigMap with the authorities against which a client's certificate is checked.
    pub ca_cert_credential_name: String,
    /// Names of which a client's certificate must carry one.
    pub subject_alt_names: Vec<String>,
    /// Hashes (base64 of SHA-256) of public keys that are accepted.
    pub verify_certificate_spki: Vec<String>,
    /// Hashes (hex of SHA-256) of certificates that are accepted.
    pub verify_certificate_hash: Vec<String>,
    /// Oldest protocol version accepted.
    pub min_protocol_version: TlsProtocol,
    /// Newest protocol version accepted.
    pub max_protocol_version: TlsProtocol,
    /// Cipher suites, in the words of OpenSSL. Empty means Envoy's own choice.
    pub cipher_suites: Vec<String>,
    /// Key exchange curves, in order of preference. Empty means Envoy's own choice.
    pub ecdh_curves: Vec<String>,
    /// Whether a client's certificate goes unchecked.
    pub insecure_skip_verify: Option<bool>,
}

/// Files of one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsCertificate {
    /// File with the server's certificate chain.
    pub server_certificate: String,
    /// File with the server's private key.
    pub private_key: String,
    /// File with the authorities against which a client's certificate is checked.
    pub ca_certificates: String,
}

/// How a server uses TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServerTlsMode {
    /// TLS is not ended here; the server name of the handshake chooses the destination.
    #[default]
    Passthrough,
    /// TLS is ended here, and only the server proves who it is.
    Simple,
    /// TLS is ended here, and both sides prove who they are.
    Mutual,
    /// As PASSTHROUGH, and the server name itself names the destination: no route is needed.
    AutoPassthrough,
    /// As MUTUAL, with the mesh's certificates.
    IstioMutual,
    /// As MUTUAL, but a client without a certificate is let in.
    OptionalMutual,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TlsProtocol {
    /// The best choice of the implementation.
    #[default]
    #[serde(rename = "TLS_AUTO")]
    Auto,
    /// TLS 1.0.
    #[serde(rename = "TLSV1_0")]
    V1_0,
    /// TLS 1.1.
    #[serde(rename = "TLSV1_1")]
    V1_1,
    /// TLS 1.2.
    #[serde(rename = "TLSV1_2")]
    V1_2,
    /// TLS 1.3.
    #[serde(rename = "TLSV1_3")]
    V1_3,
}
