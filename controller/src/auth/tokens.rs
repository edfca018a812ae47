//! Tokens of a cluster's workloads: verified here where the API server's keys are known, else by the API server itself.
//!
//! A token is good only as long as its service account and its pod exist. What was found out is kept for a minute at
//! most.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use heddle_model::identity::Identity;
use kube::Client;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::accounts::{Accounts, Presence};
use super::bearer::Bearer;
use super::counts::Counts;
use super::jwks::Verdict;
use super::key_ring::KeyRing;
use super::reviewer::{ReviewError, Reviewer, Trust};
use crate::source::pod_index::PodIndex;

/// How long an answer counts, and how long a refusal.
const KEPT: (Duration, Duration) = (Duration::from_mins(1), Duration::from_secs(5));
/// Answers kept at most.
const MAX_KEPT: usize = 10_000;
/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;

/// Judges tokens.
pub(crate) struct Tokens {
    reviewer: Reviewer,
    keys: Arc<KeyRing>,
    pod_index: PodIndex,
    accounts: Arc<Accounts>,
    audiences: Vec<String>,
    /// By the tokens' hashes. A mutex, because callers come on any thread; it is held for a look, not for a review.
    kept: Mutex<BTreeMap<[u8; 32], CachedReview>>,
}

#[derive(Clone)]
struct CachedReview {
    bearer: Result<Bearer, String>,
    until: Instant,
}

impl Tokens {
    /// Judges tokens that name one of these audiences.
    pub(crate) fn new(
        client: Client,
        (keys, counts): (Arc<KeyRing>, Arc<Counts>),
        (pod_index, accounts): (PodIndex, Arc<Accounts>),
        audiences: Vec<String>,
    ) -> Self {
        let reviewer = Reviewer::new(client, audiences.clone(), counts);
        Self { reviewer, keys, pod_index, accounts, audiences, kept: Mutex::default() }
    }

    /// The service account of a token, as an identity of this trust domain.
    pub(super) async fn identity(&self, token: &str, trust_domain: &str) -> Result<Identity, String> {
        if token.len() > MAX_TOKEN {
            return Err("token: it is too long".into());
        }
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let bearer = match self.known(&hash) {
            Some(known) => known?,
            None => self.judge(token, hash).await?,
        };
        Identity::new(trust_domain, &bearer.namespace, &bearer.service_account)
            .map_err(|error| format!("token: {error}"))
    }

    /// The answer that is kept, if it still counts.
    fn known(&self, hash: &[u8; 32]) -> Option<Result<Bearer, String>> {
        let known = self.kept.lock().get(hash).cloned()?;
        let counts = known.bearer.as_ref().map_or(true, |bearer| self.is_alive(bearer));
        (counts && known.until > Instant::now()).then_some(known.bearer)
    }

    /// Whose the token is. The answer is kept.
    async fn judge(&self, token: &str, hash: [u8; 32]) -> Result<Bearer, String> {
        let mut life = KEPT.0;
        let trust = match self.keys.verify(token, &self.audiences).await {
            Verdict::Refused(reason) => return Err(reason),
            Verdict::UnknownKey => return Err("token: its key is not a key of the API server".into()),
            Verdict::Valid(claims) => {
                let bearer = Bearer::claimed(&claims)?;
                life = life.min(left(claims.exp));
                // Of a pod that we know nothing of (our watch may lag), or of none, the API server knows more.
                if bearer.pod.is_some() && self.is_alive(&bearer) {
                    self.keep(hash, Ok(bearer.clone()), life);
                    return Ok(bearer);
                }
                Trust::Signed
            }
            Verdict::OtherIssuer => Trust::Signed,
            Verdict::Unverifiable => Trust::Unverifiable,
            Verdict::Stranger => Trust::Stranger,
        };
        match self.reviewer.review(token, trust, || self.known(&hash)).await {
            Ok(bearer) if !self.accounts.confirm(&bearer.namespace, &bearer.service_account, &bearer.uid).await => {
                Err("token: its service account does not exist".into())
            }
            Ok(bearer) => {
                self.keep(hash, Ok(bearer.clone()), life);
                Ok(bearer)
            }
            Err(ReviewError::Refused(reason)) => {
                self.keep(hash, Err(reason.clone()), KEPT.1);
                Err(reason)
            }
            Err(ReviewError::Failed(reason)) => Err(reason),
        }
    }

    /// Whether the service account and the pod of a token exist, as far as the watches know. If the accounts are not
    /// known, only the pod of a token vouches for it.
    fn is_alive(&self, bearer: &Bearer) -> bool {
        let has_account = match self.accounts.presence(&bearer.namespace, &bearer.service_account) {
            Presence::Exists(uid) => bearer.uid.is_empty() || uid == bearer.uid,
            Presence::Missing => false,
            Presence::Unknown => bearer.pod.is_some(),
        };
        let is_of = |(key, uid): &(_, String)| {
            let pod = self.pod_index.get(key);
            pod.is_some_and(|pod| *pod.uid == **uid && *pod.service_account == *bearer.service_account)
        };
        has_account && bearer.pod.as_ref().is_none_or(is_of)
    }

    fn keep(&self, hash: [u8; 32], bearer: Result<Bearer, String>, life: Duration) {
        let now = Instant::now();
        let mut kept = self.kept.lock();
        if kept.len() >= MAX_KEPT {
            kept.retain(|_, kept| kept.until > now);
        }
        if kept.len() < MAX_KEPT {
            kept.insert(hash, CachedReview { bearer, until: now + life });
        }
    }
}

/// How long it is until then.
fn left(until: i64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_secs(u64::try_from(until).unwrap_or(0)).saturating_sub(now)
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("audiences", &self.audiences).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
