//! What the steps of the tour need of a mesh, be it one of processes on loopback or one of pods.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::Value;

use crate::cluster::node::PodNetwork;
use crate::envoy::Admin;
use crate::http::Call;
use crate::process::eventually;

/// How long an edit may take to be seen at an Envoy before a step gives up. Far above what it takes, since a test
/// machine may be busy; how fast it is, the latency bench says.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Bookinfo in a mesh, with an ingress gateway. Workloads are named by service and version, such as `reviews-v2`.
pub trait Stage {
    /// A GET of `path` at the gateway's port for HTTP.
    fn get(&self, path: &str) -> Result<Call>;
    /// A GET of `path` at its port for HTTPS, once it is told to listen there.
    fn get_https(&self, path: &str) -> Result<Call>;
    /// The address that a server of the gateway must name, where it must.
    fn bind(&self) -> Option<IpAddr>;
    /// An address outside of the mesh, where a test may listen.
    fn elsewhere(&self) -> IpAddr;
    /// Where a test may listen for calls to a host that the mesh does not know, and the host's name.
    fn unknown(&self) -> (SocketAddr, &'static str);
    /// Where the mesh calls a workload.
    fn ingress(&self, workload: &str) -> Result<SocketAddr>;
    /// The application of a workload.
    fn application(&self, workload: &str) -> Result<Application>;
    /// The Envoy of a workload.
    fn admin(&self, workload: &str) -> Result<Admin>;
    /// What a workload's agent and Envoy have written.
    fn log(&self, workload: &str) -> Result<String>;
    /// A GET that the application of a workload would make, of an absolute URL, through its sidecar.
    fn call_from(&self, workload: &str, url: &str) -> impl Future<Output = Result<Call>>;
    /// Puts the object of a text in place, whatever was there, in a file of that name where there are files.
    fn put(&self, file: &str, text: &str) -> impl Future<Output = Result<()>>;
    /// Changes the object of that kind and name.
    fn edit(&self, kind: &str, name: &str, change: impl FnOnce(&mut Value)) -> impl Future<Output = Result<()>>;
    /// Takes back all edits and all faults, and waits until every Envoy is configured as it was at first.
    fn restore(&self) -> impl Future<Output = Result<()>>;
    /// A page of the control plane's, which is JSON: `/debug/issuez` or the like.
    fn page(&self, path: &str) -> impl Future<Output = Result<Value>>;
    /// Kills the control plane.
    fn crash(&mut self) -> impl Future<Output = Result<()>>;
    /// Waits for its return.
    fn recover(&mut self) -> impl Future<Output = Result<()>>;

    /// Puts a route in place and waits until `workload`'s Envoy has it; `mark` is a word that only the new route says,
    /// by custom its name.
    fn route(&self, workload: &str, file: &str, mark: &str, text: &str) -> impl Future<Output = Result<()>> {
        async move {
            self.put(file, text).await?;
            self.until_routed(workload, mark).await
        }
    }

    /// Waits until the routes of `workload`'s Envoy say `mark`.
    fn until_routed(&self, workload: &str, mark: &str) -> impl Future<Output = Result<()>> {
        async move {
            let admin = self.admin(workload)?;
            let what = format!("route {mark} at {workload}");
            eventually(&what, PATIENCE, async || admin.routes_say(mark).await.unwrap_or(false)).await
        }
    }

    /// Changes the DestinationRule of `service` by its traffic policy, and waits until `workload`'s Envoy uses another
    /// cluster than before.
    fn traffic_policy(&self, workload: &str, service: &str, policy: &Value) -> impl Future<Output = Result<()>> {
        async move {
            let admin = self.admin(workload)?;
            let cluster = format!("outbound|9080||{service}.default.svc.cluster.local");
            let before = admin.active_cluster(&cluster).await?.with_context(|| format!("no cluster {cluster}"))?;
            self.edit("DestinationRule", service, |rule| rule["spec"]["trafficPolicy"] = policy.clone()).await?;
            let differs = |now: &Value| now["cluster"] != before["cluster"];
            eventually(
                &format!("new cluster {cluster} at {workload}"),
                PATIENCE,
                async || matches!(admin.active_cluster(&cluster).await, Ok(Some(now)) if differs(&now)),
            )
            .await
        }
    }
}

/// The application of a workload, asked on its own address, beside the sidecar and not through it.
#[derive(Clone, Debug)]
pub struct Application {
    /// The workload's name.
    pub name: String,
    /// Where the application listens.
    pub address: SocketAddr,
    /// The pod that it must be asked from within.
    pub place: Option<PodNetwork>,
}

impl Application {
    /// What the application saw since the last reset.
    pub async fn seen(&self) -> Result<Value> {
        let answer = self.call("/control/seen")?.send().await?;
        ensure!(answer.status == 200, "{}: {}", self.name, answer.status);
        answer.json()
    }

    /// How many requests the application saw since the last reset.
    pub async fn requests(&self) -> Result<u64> {
        self.seen().await?["requests"].as_u64().context("no count of requests")
    }

    /// Tells the application to do wrong; `fault` is in its own words.
    pub async fn fault(&self, fault: &Value) -> Result<()> {
        let call = self.call("/control/fault")?.send_as(Method::PUT, fault.to_string());
        self.told(call.header("content-type", "application/json")).await
    }

    /// Makes the application forget what it saw and do right again.
    pub async fn reset(&self) -> Result<()> {
        self.told(self.call("/control/reset")?.send_as(Method::POST, "")).await
    }

    /// A GET of a page of the application.
    pub fn call(&self, path: &str) -> Result<Call> {
        let call = Call::get(self.address, path)?;
        Ok(self.place.iter().fold(call, Call::within_pod))
    }

    async fn told(&self, call: Call) -> Result<()> {
        let answer = call.send().await?;
        ensure!(answer.status == 200, "{}: {} {}", self.name, answer.status, answer.body);
        Ok(())
    }
}

/// Where two states of a mesh, an entry a proxy as [`Admin::configured`] has it, first differ, in words; empty if they
/// do not.
#[must_use]
pub fn difference(before: &[Value], now: &[Value]) -> String {
    let sections = before.iter().zip(now).enumerate().flat_map(|(index, (before, now))| {
        let sections = before.as_object().into_iter().flatten();
        sections.map(move |(section, value)| (index + 1, section, value, &now[section]))
    });
    let mut differing = sections.filter(|(_, _, before, now)| before != now);
    differing.next().map_or_else(String::new, |(place, section, ..)| format!("{section} of proxy {place} differ"))
}
