//! Why a discovery stream ends, and what its client is told.

use heddle_model::node::NodeError;
use heddle_xds_api::subscription::TooManyNames;
use tonic::Status;

use crate::auth::AuthError;

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// The client could not be understood, or is gone.
    #[error("{0}")]
    Transport(Box<Status>),
    /// It does not say which proxy it is.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// It may not have that proxy's configuration.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// It asks for more than anyone could need.
    #[error(transparent)]
    TooManyNames(#[from] TooManyNames),
    /// The process ends.
    #[error("shutting down")]
    ShuttingDown,
    /// Configuration that cannot be compiled or said: a fault of ours.
    #[error("{0}")]
    Internal(&'static str),
}

impl StreamError {
    /// What the client is told.
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Transport(status) => (**status).clone(),
            Self::Node(error @ NodeError::Proxyless) => Status::unimplemented(error.to_string()),
            Self::Node(error) => Status::invalid_argument(error.to_string()),
            Self::Auth(error) => error.status(),
            Self::TooManyNames(error) => Status::resource_exhausted(error.to_string()),
            Self::ShuttingDown => Status::unavailable("shutting down"),
            Self::Internal(reason) => Status::internal(*reason),
        }
    }
}

impl From<Status> for StreamError {
    fn from(status: Status) -> Self {
        Self::Transport(Box::new(status))
    }
}
