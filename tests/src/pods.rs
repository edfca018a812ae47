//! Bookinfo as a mesh of pods: Heddle installed by its charts on a real node, the sample applied by kubectl, its
//! sidecars injected, its traffic captured.

pub mod guide;
mod install;
mod objects;
mod stage;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cluster::Api;
use crate::cluster::node::{Node, Pod, PodNetwork};
use crate::envoy::Admin;
use crate::http::Call;
use crate::mesh::WORKLOADS;
use crate::process::eventually;
use crate::tour::stage::Stage as _;

pub use install::{GATEWAYS, build_images, helm, install, kubectl, renew, until_ready, until_rolled_out};
use objects::Objects;

/// How long pods may take until they are what they are to be.
pub const SOON: Duration = Duration::from_mins(2);

/// A running mesh of pods.
#[derive(Debug)]
pub struct Pods<'a> {
    /// Where they run.
    pub node: &'a Node,
    /// The API server, by a connection that is kept.
    pub api: Api,
    objects: Objects,
    /// By name, such as `reviews-v2`.
    workloads: BTreeMap<String, Member>,
    gateway: Member,
    control: Member,
    /// Where the gateway's Service is.
    front: std::net::IpAddr,
    /// What every Envoy was configured with before anybody changed anything.
    pristine: Vec<Value>,
}

/// A pod, and its network to call from.
#[derive(Clone, Debug)]
pub struct Member {
    /// The pod, as it was when it was found.
    pub pod: Pod,
    /// Its network.
    pub place: PodNetwork,
}

impl<'a> Pods<'a> {
    /// Finds the pods of the sample, of the ingress gateway and of the control plane, all of which must be ready, and
    /// waits until the gateway serves the product page.
    pub async fn find(node: &'a Node) -> Result<Self> {
        let api = node.cluster.api().await?;
        let mut workloads = BTreeMap::new();
        for (service, version) in WORKLOADS {
            let member = Member::find(node, "default", &format!("app={service},version={version}")).await?;
            workloads.insert(format!("{service}-{version}"), member);
        }
        let gateway = Member::find(node, "istio-system", "istio=ingressgateway").await?;
        let control = Member::find(node, "istio-system", "app=istiod").await?;
        let service = api.get("/api/v1/namespaces/istio-system/services/istio-ingressgateway").await?;
        let front = service.body["spec"]["clusterIP"].as_str().context("the gateway's Service")?.parse()?;
        let objects = Objects::new(api.clone());
        let mut pods = Self { node, api, objects, workloads, gateway, control, front, pristine: Vec::new() };
        let page = Call::get(SocketAddr::new(front, 80), "/productpage")?;
        eventually("product page at the gateway", SOON, async || page.succeeds().await).await?;
        pods.until_settled().await?;
        pods.pristine = pods.configured().await?;
        Ok(pods)
    }

    /// The pod of a workload.
    pub fn member(&self, workload: &str) -> Result<&Member> {
        self.workloads.get(workload).with_context(|| format!("no workload {workload}"))
    }

    /// Waits until every proxy has acknowledged all that was sent to it.
    async fn until_settled(&self) -> Result<()> {
        eventually("state in which all proxies acknowledged everything", SOON, async || {
            self.page("/debug/syncz").await.is_ok_and(|page| {
                let proxies = page.as_array().map(Vec::as_slice).unwrap_or_default();
                let types = proxies.iter().filter_map(|proxy| proxy["resources"].as_object());
                proxies.len() > WORKLOADS.len()
                    && types.flat_map(|types| types.values()).all(|state| state["sent"] == state["acked"])
            })
        })
        .await
    }

    /// What every Envoy is configured with, gateway last.
    async fn configured(&self) -> Result<Vec<Value>> {
        let admins: Vec<_> = self.workloads.values().chain([&self.gateway]).map(Member::admin).collect();
        futures_util::future::try_join_all(admins.iter().map(Admin::configured)).await
    }
}

impl Member {
    /// The one pod with those labels.
    pub async fn find(node: &Node, namespace: &str, labels: &str) -> Result<Self> {
        let mut pods = node.pods(namespace, labels).await?;
        pods.retain(|pod| pod.object["metadata"]["deletionTimestamp"].is_null());
        ensure!(pods.len() == 1, "{} pods have the labels {labels}", pods.len());
        let pod = pods.pop().context("a pod")?;
        let place = node.network(&pod)?;
        Ok(Self { pod, place })
    }

    /// Its Envoy.
    #[must_use]
    pub fn admin(&self) -> Admin {
        Admin::of_pod(self.place.clone())
    }
}
