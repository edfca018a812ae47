//! Leader election: the replica that holds a Lease writes. Reading and serving need no leader.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use ring::rand::SystemRandom;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::reason;

/// The lifetime of the Lease without a renewal.
const LIFE: Duration = Duration::from_secs(15);
/// The interval of renewals and of attempts to take the Lease.
const BEAT: Duration = Duration::from_secs(4);
/// The longest attempt. A holder that cannot renew must stop before another one starts.
const PATIENCE: Duration = Duration::from_secs(4);

/// The name of this process in the Lease: that of its pod, with a random suffix as client-go makes it.
fn identity(pod: &str) -> String {
    let random = ring::rand::generate::<[u8; 8]>(&SystemRandom::new()).map(ring::rand::Random::expose);
    // Without random numbers nothing else of the process would work either.
    let suffix = random.map_or_else(|_| u64::from(std::process::id()), u64::from_ne_bytes);
    format!("{pod}_{suffix:016x}")
}

/// Takes part in the election.
pub(crate) struct Candidate {
    api: Api<Lease>,
    name: String,
    identity: String,
    /// The last observed state of the Lease, with the local time since when it is unchanged. The clocks of machines
    /// differ.
    seen: Option<(LeaseSpec, Instant)>,
    renewed: Option<Instant>,
}

impl Candidate {
    /// Creates a candidate for the Lease with this name. `pod` need not be unique: outside a pod every process has the
    /// same default.
    pub(crate) fn new(client: Client, namespace: &str, name: impl Into<String>, pod: &str) -> Self {
        let (api, identity) = (Api::namespaced(client, namespace), identity(pod));
        Self { api, name: name.into(), identity, seen: None, renewed: None }
    }

    /// Sends on `leads` whether this process leads, until `end`. Then it releases the Lease.
    pub(crate) async fn run(mut self, leads: watch::Sender<bool>, end: CancellationToken) {
        loop {
            let held = match tokio::time::timeout(PATIENCE, self.attempt()).await {
                Ok(Ok(held)) => held,
                failed => {
                    let error =
                        failed.map_or("timeout".into(), |error| error.map_or_else(|e| reason(&e), |_| String::new()));
                    tracing::debug!(error, lease = self.name, "cannot take or renew a Lease");
                    self.renewed.is_some_and(|at| at.elapsed() + PATIENCE < LIFE)
                }
            };
            leads.send_if_modified(|leads| {
                let changed = *leads != held;
                if changed {
                    tracing::info!(lease = self.name, held, "the holder of a Lease changed");
                }
                *leads = held;
                changed
            });
            tokio::select! {
                () = end.cancelled() => break,
                () = tokio::time::sleep(BEAT) => {}
            }
        }
        if *leads.borrow() {
            leads.send_replace(false);
            let _ = tokio::time::timeout(PATIENCE, self.give_back()).await;
        }
    }

    /// Renews or takes the Lease. Returns whether this process holds it.
    async fn attempt(&mut self) -> Result<bool, kube::Error> {
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
            let lease = Lease { metadata, spec: Some(self.spec(None)) };
            return self.written(self.api.create(&PostParams::default(), &lease).await);
        };
        let spec = lease.spec.take().unwrap_or_default();
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        if holder != self.identity && !holder.is_empty() && !self.is_over(&spec) {
            self.renewed = None;
            return Ok(false);
        }
        lease.spec = Some(self.spec(Some(&spec)));
        self.written(self.api.replace(&self.name, &PostParams::default(), &lease).await)
    }

    /// Whether the holder has not renewed it for its lifetime.
    fn is_over(&mut self, spec: &LeaseSpec) -> bool {
        let now = Instant::now();
        let since = self.seen.as_ref().filter(|(seen, _)| seen == spec).map_or(now, |(_, since)| *since);
        self.seen = Some((spec.clone(), since));
        let life = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        now.duration_since(since) > life.map_or(LIFE, Duration::from_secs)
    }

    /// A conflict is not an error: another replica was faster.
    fn written(&mut self, written: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
        match written {
            Ok(_) => {
                self.renewed = Some(Instant::now());
                Ok(true)
            }
            Err(kube::Error::Api(status)) if status.code == 409 => {
                self.renewed = None;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn spec(&self, old: Option<&LeaseSpec>) -> LeaseSpec {
        let now = Some(MicroTime(Timestamp::now()));
        let ours = old.filter(|old| old.holder_identity.as_deref() == Some(&self.identity));
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LIFE.as_secs()).ok(),
            acquire_time: ours.map_or_else(|| now.clone(), |old| old.acquire_time.clone()),
            renew_time: now,
            lease_transitions: Some(old.and_then(|old| old.lease_transitions).unwrap_or(0) + i32::from(ours.is_none())),
            ..LeaseSpec::default()
        }
    }

    async fn give_back(&self) -> Result<(), kube::Error> {
        let mut lease = self.api.get(&self.name).await?;
        if let Some(spec) = lease.spec.as_mut().filter(|spec| spec.holder_identity.as_deref() == Some(&self.identity)) {
            spec.holder_identity = Some(String::new());
            self.api.replace(&self.name, &PostParams::default(), &lease).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_with_one_pod_name_are_told_apart() {
        let (one, other) = (identity("heddled"), identity("heddled"));
        assert!(one.starts_with("heddled_") && one != other, "{one}");
    }
}
