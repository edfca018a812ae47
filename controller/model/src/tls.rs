//! TLS settings of clients (DestinationRule) and servers (Gateway, Sidecar ingress).

use crate::Text;

/// How a client speaks TLS to a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClientTls {
    /// Mode.
    pub mode: ClientTlsMode,
    /// File of the client's certificate chain.
    pub certificate: Text,
    /// File of the client's key.
    pub key: Text,
    /// File of the roots that verify the server; empty: not verified, or the system's.
    pub roots: Text,
    /// File of a revocation list.
    pub revocations: Text,
    /// Secret that holds the above instead.
    pub credential: Text,
    /// Names that the server's certificate must carry one of.
    pub subject_alt_names: Vec<Text>,
    /// SNI; empty: the host.
    pub sni: Text,
    /// Do not verify the server.
    pub insecure_skip_verify: Option<bool>,
}

/// Mode of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClientTlsMode {
    /// Plain text.
    #[default]
    Disable,
    /// TLS.
    Simple,
    /// TLS with a client certificate.
    Mutual,
    /// Mutual TLS with the mesh's certificates.
    IstioMutual,
}

/// How a server takes TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ServerTls {
    /// Redirect plain HTTP to HTTPS.
    pub https_redirect: bool,
    /// Mode.
    pub mode: ServerTlsMode,
    /// Certificates by files or by secret names, at most two (RSA and ECDSA).
    pub certificates: Vec<ServerCertificate>,
    /// File of the roots that verify clients.
    pub roots: Text,
    /// Secret with the roots that verify clients; empty: `<credential>-cacert`.
    pub roots_credential: Text,
    /// File of a revocation list.
    pub revocations: Text,
    /// Names that a client's certificate must carry one of.
    pub subject_alt_names: Vec<Text>,
    /// Base64 SHA-256 hashes of the clients' public keys.
    pub verify_spki: Vec<Text>,
    /// Hex SHA-256 hashes of the clients' certificates.
    pub verify_hash: Vec<Text>,
    /// A client's certificate is asked for, and not verified.
    pub insecure_skip_verify: bool,
    /// Oldest version taken.
    pub min_version: TlsVersion,
    /// Newest version taken.
    pub max_version: TlsVersion,
    /// Cipher suites; empty: the defaults.
    pub cipher_suites: Vec<Text>,
    /// Curves; empty: the defaults.
    pub ecdh_curves: Vec<Text>,
}

/// A certificate of a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerCertificate {
    /// In files of the proxy.
    Files {
        /// Chain.
        certificate: Text,
        /// Key.
        key: Text,
        /// Roots that verify clients; may be empty.
        roots: Text,
    },
    /// In a Secret.
    Credential(Text),
}

/// Mode of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerTlsMode {
    /// TLS passes through, routed by SNI.
    #[default]
    Passthrough,
    /// TLS ends here.
    Simple,
    /// TLS ends here, clients need a certificate.
    Mutual,
    /// TLS passes through to the service that the SNI names.
    AutoPassthrough,
    /// Mutual TLS with the mesh's certificates.
    IstioMutual,
    /// TLS ends here, clients may show a certificate.
    OptionalMutual,
}

/// A TLS version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// The default.
    #[default]
    Auto,
    /// 1.0
    V1_0,
    /// 1.1
    V1_1,
    /// 1.2
    V1_2,
    /// 1.3
    V1_3,
}
