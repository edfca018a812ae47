//! Whether a stream may be sent secrets: decided before anything is looked up for it, and again from time to time.

use std::time::{Duration, Instant};

use heddle_model::identity::Identity;

use crate::auth::Authenticate;

/// How often it is asked again.
const LOOK: Duration = Duration::from_mins(1);

/// What one caller may.
pub(crate) struct Rights<'a, A> {
    authenticate: &'a A,
    identity: Option<Identity>,
    /// Whether it may be sent the secrets of its namespace.
    pub(crate) secrets: bool,
    look: Instant,
}

impl<'a, A: Authenticate> Rights<'a, A> {
    /// Those of a caller. Of gateways it is asked at once: they wait for their certificates. Sidecars hardly ever want
    /// any, and there are many, so of them it is asked when they do.
    pub(crate) async fn of(authenticate: &'a A, identity: Option<Identity>, is_gateway: bool) -> Self {
        let secrets = match &identity {
            // In a box: a stream is not to have room for this as long as it lives.
            Some(identity) => Box::pin(authenticate.reads_secrets(identity, is_gateway)).await,
            None => false,
        };
        let now = Instant::now();
        Self { authenticate, identity, secrets, look: if is_gateway || secrets { now + LOOK } else { now } }
    }

    /// Ends when the rights have changed. Only for callers that ask for secrets.
    pub(crate) async fn changed(mut self) {
        let Some(identity) = &self.identity else { return std::future::pending().await };
        loop {
            tokio::time::sleep_until(self.look.into()).await;
            if Box::pin(self.authenticate.reads_secrets(identity, true)).await != self.secrets {
                return;
            }
            self.look = Instant::now() + LOOK;
        }
    }
}
