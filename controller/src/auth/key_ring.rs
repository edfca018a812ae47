//! Keeps the keys of the API server up to date.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use kube::Client;
use serde::Deserialize;
use tokio::sync::{Notify, watch};

use super::counts::Counts;
use super::jwks::{Keys, Verdict};
use crate::cluster::reason;

/// The interval for reading the keys.
const INTERVAL: Duration = Duration::from_mins(5);
/// The delay before the first read is retried.
const RETRY: Duration = Duration::from_secs(5);
/// The shortest time between two reads. Anybody can ask for a read with an invented key.
const REST: Duration = Duration::from_secs(2);
/// How long a read may take, and how long a token waits for one.
const PATIENCE: Duration = Duration::from_secs(5);

/// The result of the last read.
#[derive(Debug)]
struct Known {
    /// The keys; those of an earlier read if the last one failed.
    keys: Option<Arc<Keys>>,
    begun: Instant,
}

/// The keys of the moment.
#[derive(Debug)]
pub(crate) struct KeyRing {
    /// `None` until a read has ended.
    known: watch::Sender<Option<Known>>,
    /// Asks for a read.
    wanted: Notify,
    counts: Arc<Counts>,
}

#[derive(Deserialize)]
struct Configuration {
    issuer: String,
}

impl KeyRing {
    /// Nothing was read yet.
    pub(crate) fn new(counts: Arc<Counts>) -> Arc<Self> {
        Arc::new(Self { known: watch::Sender::new(None), wanted: Notify::new(), counts })
    }

    /// Verifies a token. One of an unknown key that says it is the API server's waits until the keys were read again.
    pub(super) async fn verify(&self, token: &str, audiences: &[String]) -> Verdict {
        self.wait_for(|_| true).await;
        let first = self.judge(token, audiences);
        if first != Verdict::UnknownKey {
            return first;
        }
        let asked = Instant::now();
        self.wanted.notify_one();
        self.wait_for(|known| known.begun >= asked).await;
        self.judge(token, audiences)
    }

    /// Waits for the end of a read, no longer than a token waits.
    async fn wait_for(&self, is_it: impl Fn(&Known) -> bool) {
        let mut known = self.known.subscribe();
        let found = known.wait_for(|known| known.as_ref().is_some_and(&is_it));
        let _ = tokio::time::timeout(PATIENCE, found).await.is_ok();
    }

    fn judge(&self, token: &str, audiences: &[String]) -> Verdict {
        let keys = self.known.borrow().as_ref().and_then(|known| known.keys.clone());
        keys.map_or(Verdict::Unverifiable, |keys| keys.verify(token, audiences))
    }

    /// Reads the keys again and again.
    pub(crate) async fn follow(self: Arc<Self>, client: Client) {
        loop {
            let has_keys = self.read(&client).await;
            tokio::time::sleep(REST).await;
            let _ = tokio::time::timeout(if has_keys { INTERVAL } else { RETRY }, self.wanted.notified()).await;
        }
    }

    /// Reads the keys once. Returns whether there are any.
    async fn read(&self, client: &Client) -> bool {
        let begun = Instant::now();
        self.counts.reads.add(1);
        let error = match tokio::time::timeout(PATIENCE, read(client)).await {
            Ok(Ok(keys)) => {
                self.known.send_replace(Some(Known { keys: Some(Arc::new(keys)), begun }));
                return true;
            }
            Ok(Err(error)) => reason(&error),
            Err(_) => "timeout".into(),
        };
        let keys = self.known.borrow().as_ref().and_then(|known| known.keys.clone());
        let has_keys = keys.is_some();
        tracing::warn!(error, has_keys, "cannot read the keys of the API server; without keys each token is reviewed");
        self.known.send_replace(Some(Known { keys, begun }));
        has_keys
    }
}

async fn read(client: &Client) -> Result<Keys, kube::Error> {
    let get = |path: &'static str| http::Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError);
    let Configuration { issuer } = client.request(get("/.well-known/openid-configuration")?).await?;
    let keys: JwkSet = client.request(get("/openid/v1/jwks")?).await?;
    Ok(Keys { issuer, keys })
}
