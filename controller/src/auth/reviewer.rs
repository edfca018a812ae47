//! Asks the API server whose a token is, with a TokenReview.
//!
//! Anybody may present a token. So tokens that nothing speaks for get few reviews, and never those of the others.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::Semaphore;

use super::bearer::Bearer;
use super::call_limit::CallLimit;
use super::counts::Counts;

/// How long the API server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Reviews at a time, of each [`Trust`].
const MAX_CALLS: usize = 32;
/// Reviews of tokens that cannot be verified here: so many at once, and so many a second. istiod asks that often.
const UNVERIFIABLE: (u32, u32) = (160, 80);
/// The same for tokens of unknown issuers.
const STRANGE: (u32, u32) = (20, 10);

/// What is known of a token before its review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// The API server signed it.
    Signed,
    /// It could not be verified here.
    Unverifiable,
    /// Its issuer and its key are unknown.
    Stranger,
}

/// Why there is no bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReviewError {
    /// The API server refused the token, or what it says of it.
    Refused(String),
    /// There was no answer. Another attempt may have one.
    Failed(String),
}

/// Asks for reviews.
pub(super) struct Reviewer {
    reviews: Api<TokenReview>,
    audiences: Vec<String>,
    signed: Semaphore,
    others: Semaphore,
    unverifiable: CallLimit,
    strange: CallLimit,
    counts: Arc<Counts>,
}

impl Reviewer {
    /// Asks about tokens that name one of these audiences.
    pub(super) fn new(client: Client, audiences: Vec<String>, counts: Arc<Counts>) -> Self {
        let limit = |(burst, per_second)| CallLimit::new(burst, per_second);
        Self {
            reviews: Api::all(client),
            audiences,
            signed: Semaphore::new(MAX_CALLS),
            others: Semaphore::new(MAX_CALLS),
            unverifiable: limit(UNVERIFIABLE),
            strange: limit(STRANGE),
            counts,
        }
    }

    /// Whose the token is. `known` is asked once more after a wait: another call may have had the same token reviewed.
    pub(super) async fn review(
        &self,
        token: &str,
        trust: Trust,
        known: impl Fn() -> Option<Result<Bearer, String>>,
    ) -> Result<Bearer, ReviewError> {
        let is_within = match trust {
            Trust::Signed => true,
            Trust::Unverifiable => self.unverifiable.take(),
            Trust::Stranger => self.strange.take(),
        };
        if !is_within {
            self.counts.limited.add(1);
            return Err(ReviewError::Failed("token: there are too many tokens of unknown keys".into()));
        }
        let places = if trust == Trust::Signed { &self.signed } else { &self.others };
        let late = |_| ReviewError::Failed("token: the API server did not respond in time".into());
        let asked = tokio::time::timeout(PATIENCE, async {
            let _place = places.acquire().await.map_err(|error| ReviewError::Failed(error.to_string()))?;
            match known() {
                Some(answer) => answer.map_err(ReviewError::Refused),
                None => self.ask(token).await,
            }
        });
        let answer = asked.await.map_err(late).flatten();
        if matches!(answer, Err(ReviewError::Failed(_))) {
            self.counts.failed.add(1);
        }
        answer
    }

    async fn ask(&self, token: &str) -> Result<Bearer, ReviewError> {
        let spec = TokenReviewSpec { token: Some(token.into()), audiences: Some(self.audiences.clone()) };
        let review = TokenReview { spec, ..TokenReview::default() };
        let answer = self.reviews.create(&PostParams::default(), &review).await;
        let answer = answer.map_err(|error| ReviewError::Failed(format!("token: {error}")))?;
        let bearer = Bearer::reviewed(answer.status.unwrap_or_default(), &self.audiences);
        let counter = if bearer.is_ok() { &self.counts.accepted } else { &self.counts.refused };
        counter.add(1);
        bearer.map_err(ReviewError::Refused)
    }
}
