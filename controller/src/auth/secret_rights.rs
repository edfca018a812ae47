//! Whether a service account may read the Secrets of its namespace: the API server's rules decide, as for any other
//! reader. A proxy that is broken into must not be a way to certificates that its pod has no right to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use heddle_model::identity::Identity;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};
use parking_lot::Mutex;

use crate::cluster::reason;

/// How long a yes holds, and how long a no: somebody may be waiting for the latter to change.
const KEPT: (Duration, Duration) = (Duration::from_mins(5), Duration::from_mins(1));
/// Decisions that are kept at most.
const MAX_KEPT: usize = 10_000;
/// How long the API server may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the API server, and remembers.
pub(crate) struct SecretRights {
    reviews: Api<SubjectAccessReview>,
    // A mutex: streams begin on any thread, and hold it for one look.
    kept: Mutex<BTreeMap<Identity, Decision>>,
}

#[derive(Clone, Copy)]
struct Decision {
    allowed: bool,
    until: Instant,
}

impl SecretRights {
    /// Nothing is known as yet.
    pub(crate) fn new(client: Client) -> Self {
        Self { reviews: Api::all(client), kept: Mutex::default() }
    }

    /// Whether it may. Unless it is to `ask`, by what is known. Where the API server does not answer, what it said last
    /// holds.
    pub(crate) async fn allow(&self, identity: &Identity, ask: bool) -> bool {
        let known = self.kept.lock().get(identity).copied();
        if let Some(known) = known.filter(|known| !ask || known.until > Instant::now()) {
            return known.allowed;
        }
        if !ask {
            return false;
        }
        match tokio::time::timeout(PATIENCE, self.review(identity)).await {
            Ok(Ok(allowed)) => {
                self.keep(identity, allowed);
                if !allowed {
                    tracing::warn!(%identity, "the proxy may not list secrets in its namespace; it gets no secrets");
                }
                allowed
            }
            failed => {
                let error = match failed {
                    Ok(Err(error)) => reason(&error),
                    _ => "timeout".into(),
                };
                tracing::error!(%identity, error, "cannot check whether the proxy may list secrets");
                known.is_some_and(|known| known.allowed)
            }
        }
    }

    async fn review(&self, identity: &Identity) -> Result<bool, kube::Error> {
        let (namespace, account) = (identity.namespace(), identity.service_account());
        let groups = ["serviceaccounts".into(), format!("serviceaccounts:{namespace}"), "authenticated".into()];
        let asked = ResourceAttributes {
            namespace: Some(namespace.to_owned()),
            verb: Some("list".into()),
            resource: Some("secrets".into()),
            ..ResourceAttributes::default()
        };
        let spec = SubjectAccessReviewSpec {
            user: Some(format!("system:serviceaccount:{namespace}:{account}")),
            groups: Some(groups.map(|group| format!("system:{group}")).into()),
            resource_attributes: Some(asked),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let answer = self.reviews.create(&PostParams::default(), &review).await?;
        Ok(answer.status.is_some_and(|status| status.allowed && status.denied != Some(true)))
    }

    fn keep(&self, identity: &Identity, allowed: bool) {
        let now = Instant::now();
        let mut kept = self.kept.lock();
        if kept.len() >= MAX_KEPT {
            kept.retain(|_, decision| decision.until > now);
        }
        if kept.len() < MAX_KEPT {
            let until = now + if allowed { KEPT.0 } else { KEPT.1 };
            kept.insert(identity.clone(), Decision { allowed, until });
        }
    }
}
