//! Tokens of a cluster's workloads: verified here where the API server's keys are known, else by the API server itself.
//!
//! A token is good only as long as its pod exists. What was found out is kept for a minute at most.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use heddle_model::identity::Identity;
use heddle_model::object::{Kind, ObjectRef};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus, UserInfo};
use kube::api::PostParams;
use kube::{Api, Client};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::jwks::{Claims, Keys, Verdict};
use crate::source::pod_index::PodIndex;

/// How long an answer counts.
const KEPT: Duration = Duration::from_mins(1);
/// Answers kept at most.
const MAX_KEPT: usize = 10_000;
/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// How long the API server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The beginning of a service account's name as a user.
const USER: &str = "system:serviceaccount:";
/// The group of all service accounts.
const GROUP: &str = "system:serviceaccounts";
/// Where the API server says to which pod a token is bound.
const POD: (&str, &str) = ("authentication.kubernetes.io/pod-name", "authentication.kubernetes.io/pod-uid");

/// Judges tokens.
pub(crate) struct Tokens {
    reviews: Api<TokenReview>,
    keys: watch::Receiver<Option<Keys>>,
    pod_index: PodIndex,
    audiences: Vec<String>,
    /// By the tokens' hashes. A mutex, because callers come on any thread; it is held for a look, not for a review.
    kept: Mutex<BTreeMap<[u8; 32], CachedReview>>,
}

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bearer {
    namespace: String,
    service_account: String,
    /// The pod that it is bound to, with its unique name.
    pod: Option<(ObjectRef, String)>,
}

#[derive(Clone)]
struct CachedReview {
    bearer: Bearer,
    until: Instant,
}

impl Tokens {
    /// Judges tokens that name one of these audiences.
    pub(crate) fn new(
        client: Client,
        keys: watch::Receiver<Option<Keys>>,
        pod_index: PodIndex,
        audiences: Vec<String>,
    ) -> Self {
        Self { reviews: Api::all(client), keys, pod_index, audiences, kept: Mutex::default() }
    }

    /// The service account of a token, as an identity of this trust domain.
    pub(super) async fn identity(&self, token: &str, trust_domain: &str) -> Result<Identity, String> {
        if token.len() > MAX_TOKEN {
            return Err("token: it is too long".into());
        }
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let known = self.kept.lock().get(&hash).cloned();
        let known = known.filter(|known| known.until > Instant::now() && self.is_alive(&known.bearer));
        let bearer = if let Some(known) = known {
            known.bearer
        } else {
            let (bearer, life) = self.judge(token).await?;
            self.keep(hash, &bearer, life);
            bearer
        };
        Identity::new(trust_domain, &bearer.namespace, &bearer.service_account)
            .map_err(|error| format!("token: {error}"))
    }

    /// Whose the token is, and how long that holds.
    async fn judge(&self, token: &str) -> Result<(Bearer, Duration), String> {
        let keys = self.keys.borrow().clone();
        match keys.map_or(Verdict::Unknown, |keys| keys.verify(token, &self.audiences)) {
            Verdict::Refused(reason) => Err(reason),
            Verdict::Valid(claims) => {
                let bearer = bearer(&claims)?;
                // Of a pod that we know nothing of (our watch may lag), or of none, the API server knows more.
                if bearer.pod.is_some() && self.is_alive(&bearer) {
                    return Ok((bearer, left(claims.exp).min(KEPT)));
                }
                self.review(token).await
            }
            Verdict::Unknown => self.review(token).await,
        }
    }

    async fn review(&self, token: &str) -> Result<(Bearer, Duration), String> {
        let spec = TokenReviewSpec { token: Some(token.into()), audiences: Some(self.audiences.clone()) };
        let review = TokenReview { spec, ..TokenReview::default() };
        let parameters = PostParams::default();
        let answer = tokio::time::timeout(PATIENCE, self.reviews.create(&parameters, &review)).await;
        let answer = answer.map_err(|_| "token: the API server did not respond in time".to_owned())?;
        let status = answer.map_err(|error| format!("token: {error}"))?.status.unwrap_or_default();
        Ok((reviewed(status, &self.audiences)?, KEPT))
    }

    fn is_alive(&self, bearer: &Bearer) -> bool {
        let Some((key, uid)) = &bearer.pod else { return true };
        self.pod_index.get(key).is_some_and(|pod| *pod.uid == **uid && *pod.service_account == *bearer.service_account)
    }

    fn keep(&self, hash: [u8; 32], bearer: &Bearer, life: Duration) {
        let now = Instant::now();
        let mut kept = self.kept.lock();
        if kept.len() >= MAX_KEPT {
            kept.retain(|_, kept| kept.until > now);
        }
        if kept.len() < MAX_KEPT {
            kept.insert(hash, CachedReview { bearer: bearer.clone(), until: now + life });
        }
    }
}

fn bearer(claims: &Claims) -> Result<Bearer, String> {
    let (namespace, service_account) = account(&claims.sub)?;
    let pod = claims.bound.pod.as_ref();
    let pod =
        pod.map(|pod| (ObjectRef::new(Kind::Pod, claims.bound.namespace.clone(), pod.name.clone()), pod.uid.clone()));
    if pod.is_some() && claims.bound.namespace != namespace {
        return Err("token: the pod and the service account are in different namespaces".into());
    }
    Ok(Bearer { namespace, service_account, pod })
}

fn reviewed(status: TokenReviewStatus, audiences: &[String]) -> Result<Bearer, String> {
    if status.authenticated != Some(true) {
        return Err(format!("token: {}", status.error.unwrap_or_else(|| "the API server refused it".into())));
    }
    if !status.audiences.unwrap_or_default().iter().any(|audience| audiences.contains(audience)) {
        return Err("token: the API server does not confirm the audience".into());
    }
    let user: UserInfo = status.user.unwrap_or_default();
    if !user.groups.unwrap_or_default().iter().any(|group| group == GROUP) {
        return Err("token: it does not belong to a service account".into());
    }
    let (namespace, service_account) = account(user.username.as_deref().unwrap_or_default())?;
    let extra = user.extra.unwrap_or_default();
    let first = |key: &str| extra.get(key).and_then(|values| values.first()).cloned();
    let pod = first(POD.0).zip(first(POD.1));
    let pod = pod.map(|(name, uid)| (ObjectRef::new(Kind::Pod, namespace.clone(), name), uid));
    Ok(Bearer { namespace, service_account, pod })
}

fn account(user: &str) -> Result<(String, String), String> {
    let names = user.strip_prefix(USER).and_then(|names| names.split_once(':'));
    let (namespace, name) = names.ok_or("token: it does not belong to a service account")?;
    Ok((namespace.into(), name.into()))
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
