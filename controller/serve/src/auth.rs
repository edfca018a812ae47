//! What a caller brings to prove who it is, and the trait by which the daemon decides.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use heddle_model::identity::Identity;
use http::{Extensions, HeaderMap, header::AUTHORIZATION};

/// What a connection says of its peer. Put into each request's extensions by whoever accepts connections.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The peer's address.
    pub peer: SocketAddr,
    /// Whether it is TLS.
    pub secure: bool,
    /// The client's certificates in DER, leaf first, verified in the TLS handshake; empty when it sent none.
    pub chain: Vec<Vec<u8>>,
}

/// What one call brings: its connection and its bearer token.
#[derive(Clone)]
pub struct Credentials {
    /// The connection that it came on; none is nobody's, and is refused everything.
    pub connection: Option<Arc<Connection>>,
    /// The token after `Bearer `.
    pub bearer: Option<String>,
}

/// Why a caller was refused. For the log: the caller is told nothing but the code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Neither certificate nor token.
    #[error("the caller brought neither a client certificate nor a token")]
    Missing,
    /// It brought something that does not hold.
    #[error("{0}")]
    Refused(String),
    /// The plain-text port serves this machine only.
    #[error("{0} is not a loopback address, and the port is not encrypted")]
    NotLoopback(SocketAddr),
    /// Nothing is known of the connection.
    #[error("the connection is unknown")]
    Unknown,
    /// The identity is not that of the node it speaks for.
    #[error("{identity} may not speak for a node of namespace `{namespace}`, service account `{service_account}`")]
    WrongNode {
        /// Who the caller is.
        identity: Box<Identity>,
        /// The node's namespace.
        namespace: String,
        /// The node's service account.
        service_account: String,
    },
}

/// Decides who a caller is.
pub trait Authenticate: Send + Sync + 'static {
    /// The identity that the caller has proved.
    fn authenticate(&self, call: &Credentials) -> impl Future<Output = Result<Identity, AuthError>> + Send;

    /// Whether an identity may read the Secrets of its namespace. Unless it is to `ask`, only what is known already
    /// counts. Where there is nobody to ask, who has proved who it is may.
    fn reads_secrets(&self, identity: &Identity, ask: bool) -> impl Future<Output = bool> + Send {
        let _ = (identity, ask);
        std::future::ready(true)
    }

    /// Whether the service account of an identity exists. A certificate proves that it existed once. Where there is
    /// nobody to ask, it does.
    fn exists(&self, identity: &Identity) -> impl Future<Output = bool> + Send {
        let _ = identity;
        std::future::ready(true)
    }
}

impl Credentials {
    /// Reads them from a request. Only `Bearer ` counts, as in istiod.
    #[must_use]
    pub fn of(extensions: &Extensions, headers: &HeaderMap) -> Self {
        let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        Self { connection: extensions.get::<Arc<Connection>>().cloned(), bearer: bearer.map(str::to_owned) }
    }

    /// The peer's address, for the log.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.connection.as_ref().map(|connection| connection.peer)
    }
}

impl AuthError {
    /// What the caller is told.
    #[must_use]
    pub fn code(&self) -> tonic::Code {
        match self {
            Self::Missing | Self::Refused(_) | Self::Unknown => tonic::Code::Unauthenticated,
            Self::NotLoopback(_) | Self::WrongNode { .. } => tonic::Code::PermissionDenied,
        }
    }

    /// The code as an answer, without a word that would help a caller to guess.
    #[must_use]
    pub fn status(&self) -> tonic::Status {
        match self.code() {
            tonic::Code::PermissionDenied => tonic::Status::permission_denied("permission denied"),
            _ => tonic::Status::unauthenticated("unauthenticated"),
        }
    }
}

impl std::fmt::Debug for Credentials {
    /// Without the token: a log must not hold one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("connection", &self.connection)
            .field("bearer", &self.bearer.as_ref().map(|_| "…"))
            .finish()
    }
}
