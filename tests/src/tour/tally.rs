//! Counting who answered.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::http::Call;

/// How many calls each instance answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally(BTreeMap<String, usize>);

impl Tally {
    /// Makes the call `times` times, `at_once` at a time. Any answer but 200 is an error.
    pub(super) async fn of(call: &Call, times: usize, at_once: usize) -> Result<Self> {
        let answers = stream::iter(0..times).map(|_| async { instance(call.clone()).await }).buffer_unordered(at_once);
        answers
            .try_fold(Self::default(), |mut tally, instance| async {
                *tally.0.entry(instance).or_default() += 1;
                Ok(tally)
            })
            .await
    }

    /// How many the instance answered.
    pub(super) fn count(&self, instance: &str) -> usize {
        self.0.get(instance).copied().unwrap_or_default()
    }

    /// The instances that answered at all.
    pub(super) fn instances(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// An error unless each of reviews v1, v2, v3 answered at least so many.
    pub(super) fn each_at_least(&self, least: usize) -> Result<()> {
        for version in ["reviews-v1", "reviews-v2", "reviews-v3"] {
            ensure!(self.count(version) >= least, "{version} answered {} times: {self}", self.count(version));
        }
        Ok(())
    }

    /// An error unless only that instance answered.
    pub(super) fn only(&self, instance: &str) -> Result<()> {
        ensure!(self.instances().eq([instance]), "not only {instance} answered: {self}");
        Ok(())
    }
}

impl fmt::Display for Tally {
    /// `v1 30, v2 12`: without the service's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.0.iter().map(|(name, count)| {
            let version = name.rsplit_once('-').map_or(name.as_str(), |(_, version)| version);
            format!("{version} {count}")
        });
        f.write_str(&parts.collect::<Vec<_>>().join(", "))
    }
}

async fn instance(call: Call) -> Result<String> {
    let answer = call.send().await?;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.body);
    Ok(answer.json()?["podname"].as_str().context("no podname in the answer")?.to_owned())
}
