//! What can go wrong, by stage. What a caller of the network gets to see of it is decided elsewhere.

/// Why an authority could not be loaded or made. The operator must act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// Some files are there and some are not: neither layout is whole.
    #[error("the certificate authority's files are incomplete: {} missing", names.join(", "))]
    Missing {
        /// The names of the missing files, in order.
        names: Vec<String>,
    },
    /// A file of certificates cannot be read.
    #[error("{file}: {error}")]
    Certificates {
        /// The file's name.
        file: String,
        /// What is wrong with it.
        error: BundleError,
    },
    /// The private key cannot be read.
    #[error("{file}: {error}")]
    Key {
        /// The file's name.
        file: String,
        /// What is wrong with it.
        error: KeyError,
    },
    /// Key and certificate are not of one pair.
    #[error("the private key does not belong to the signing certificate")]
    KeyMismatch,
    /// The signing certificate may not sign: `CA:true` or `keyCertSign` is missing.
    #[error("the signing certificate is not one of an authority")]
    NotAnAuthority,
    /// The signing certificate is not valid at the time given.
    #[error("the signing certificate is expired or not yet valid")]
    NotValidNow,
    /// No path leads from the signing certificate to a root.
    #[error("the signing certificate does not lead to any of the root certificates")]
    NoPath,
    /// The trust domain has characters or a length that no certificate may carry.
    #[error("the trust domain is not valid")]
    TrustDomain,
    /// The random number generator or the signing itself failed.
    #[error("the cryptographic library failed")]
    Crypto,
}

/// Why a file of certificates is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The file or the number of certificates in it is beyond all reason.
    #[error("too large")]
    TooLarge,
    /// The text is not PEM.
    #[error("not PEM")]
    NotPem,
    /// There is no certificate in it.
    #[error("no certificate in it")]
    Empty,
    /// A certificate in it cannot be decoded.
    #[error("not a certificate")]
    NotACertificate,
}

/// Why a private key is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no private key in the text.
    #[error("no private key in it")]
    NotPem,
    /// Neither ECDSA P-256, ECDSA P-384 nor RSA of 2048 bits or more.
    #[error("the key is neither ECDSA P-256 or P-384 nor RSA of 2048 bits or more")]
    Unsupported,
}

/// Why a signing request is refused. Its sender is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// The text is longer than any request needs.
    #[error("the request is too large")]
    TooLarge,
    /// The text is not one PEM section `CERTIFICATE REQUEST`.
    #[error("the request is not PEM")]
    NotPem,
    /// The section is not a certificate signing request.
    #[error("the request cannot be decoded")]
    NotDer,
    /// The key is neither ECDSA P-256 or P-384 nor RSA of 2048 to 8192 bits, or the digest is too weak.
    #[error("the request's key or digest is not supported")]
    Unsupported,
    /// The request is not signed with the key in it.
    #[error("the request's signature is wrong")]
    Signature,
}

/// Why a lifetime is refused. Its sender is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LifetimeError {
    /// More was asked for than is ever given. It is refused, not shortened, as istiod does.
    #[error("a lifetime of {asked} s was asked for, {most} s are the most")]
    TooLong {
        /// Seconds asked for.
        asked: i64,
        /// The most that is given, in seconds.
        most: i64,
    },
}

/// Why no certificate was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The request is at fault.
    #[error(transparent)]
    Csr(#[from] CsrError),
    /// The authority's own certificate, or one on its path, has expired.
    #[error("the authority's certificate has expired")]
    Expired,
    /// A name in a serving certificate has characters that no certificate may carry.
    #[error("a name is not valid")]
    Name,
    /// The random number generator or the signing itself failed.
    #[error("the cryptographic library failed")]
    Crypto,
}

/// Why a running authority may not be replaced by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotateError {
    /// A root that workloads still use would be gone: their certificates could no longer be verified.
    #[error("a root certificate in use is missing from the new bundle")]
    RootDropped,
    /// Only a self-signed root can be renewed by the authority itself.
    #[error("the signing certificate is not a root")]
    NotARoot,
    /// The new root could not be signed.
    #[error("the cryptographic library failed")]
    Crypto,
}

/// Why a certificate is not the X.509-SVID of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SvidError {
    /// The bytes are not a certificate.
    #[error("not a certificate")]
    NotACertificate,
    /// The certificate is one of an authority, or may sign certificates or revocation lists.
    #[error("the certificate may sign others")]
    Authority,
    /// The certificate may not be used for signatures.
    #[error("the certificate may not be used for signatures")]
    Usage,
    /// There is not exactly one URI among the names.
    #[error("the certificate does not have exactly one URI")]
    NotOneUri,
    /// The URI is not the id of a workload.
    #[error(transparent)]
    Identity(#[from] heddle_model::identity::IdentityError),
}
