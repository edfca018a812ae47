//! The mesh of pods as the stage of the tour.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result, ensure};
use http::Uri;
use serde_json::Value;
use tokio::net::TcpStream;

use super::{Member, Pods, SOON, install};
use crate::cluster::node::ADDRESS;
use crate::envoy::Admin;
use crate::http::Call;
use crate::process::eventually;
use crate::tour::stage::{Application, PATIENCE, Stage, difference};

/// Where the applications listen.
const PORT: u16 = 9080;

impl Stage for Pods<'_> {
    fn get(&self, path: &str) -> Result<Call> {
        Call::get(SocketAddr::new(self.front, 80), path)
    }

    fn get_https(&self, path: &str) -> Result<Call> {
        Call::get(SocketAddr::new(self.front, 443), path)
    }

    fn bind(&self) -> Option<IpAddr> {
        None
    }

    fn elsewhere(&self) -> IpAddr {
        ADDRESS.parse().unwrap_or(IpAddr::from([0, 0, 0, 0]))
    }

    fn unknown(&self) -> (SocketAddr, &'static str) {
        // A port for which the sidecars have routes, so that an unknown host is refused by an answer.
        (SocketAddr::new(self.elsewhere(), 80), "unknown.example.com")
    }

    fn ingress(&self, workload: &str) -> Result<SocketAddr> {
        Ok(SocketAddr::new(self.member(workload)?.pod.ip()?, PORT))
    }

    fn application(&self, workload: &str) -> Result<Application> {
        let place = Some(self.member(workload)?.place.clone());
        Ok(Application { name: workload.to_owned(), address: SocketAddr::from(([127, 0, 0, 1], PORT)), place })
    }

    fn admin(&self, workload: &str) -> Result<Admin> {
        Ok(self.member(workload)?.admin())
    }

    fn log(&self, workload: &str) -> Result<String> {
        self.node.log(&self.member(workload)?.pod, "istio-proxy")
    }

    async fn call_from(&self, workload: &str, url: &str) -> Result<Call> {
        let place = &self.member(workload)?.place;
        let uri: Uri = url.parse()?;
        let host = uri.host().with_context(|| format!("{url} names no host"))?;
        let name = if host.contains('.') { host.to_owned() } else { format!("{host}.default.svc.cluster.local") };
        let to = SocketAddr::new(place.lookup(&name).await?, uri.port_u16().unwrap_or(80));
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        Ok(Call::get(to, path)?.header("host", &authority).within_pod(place))
    }

    async fn put(&self, _: &str, text: &str) -> Result<()> {
        self.objects.put(text).await
    }

    async fn edit(&self, kind: &str, name: &str, change: impl FnOnce(&mut Value)) -> Result<()> {
        let namespace = if kind == "ConfigMap" { "istio-system" } else { "default" };
        self.objects.edit(kind, namespace, name, change).await
    }

    async fn restore(&self) -> Result<()> {
        self.objects.restore().await?;
        for workload in self.workloads.keys() {
            self.application(workload)?.reset().await?;
        }
        let mut differs = String::new();
        let restored = eventually("configuration of before", PATIENCE, async || match self.configured().await {
            Ok(now) => {
                differs = difference(&self.pristine, &now);
                differs.is_empty()
            }
            Err(_) => false,
        });
        restored.await.map_err(|error| error.context(differs))
    }

    async fn page(&self, path: &str) -> Result<Value> {
        let call = Call::get(SocketAddr::from(([127, 0, 0, 1], 8080)), path)?.within_pod(&self.control.place);
        let answer = call.send().await?;
        ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.body);
        answer.json()
    }

    async fn crash(&mut self) -> Result<()> {
        let path = format!("/api/v1/namespaces/istio-system/pods/{}?gracePeriodSeconds=0", self.control.pod.name);
        self.api.call(http::Method::DELETE, &path, None).await.map(drop)
    }

    async fn recover(&mut self) -> Result<()> {
        install::until_ready(self.node, "istio-system", "app=istiod", &["1/1"]).await?;
        self.control = Member::find(self.node, "istio-system", "app=istiod").await?;
        // Until kube-proxy leads to the new pod, the API server cannot ask its webhook, and takes no edit.
        let service = self.api.get("/api/v1/namespaces/istio-system/services/istiod").await?;
        let ip: IpAddr = service.body["spec"]["clusterIP"].as_str().context("the Service istiod")?.parse()?;
        eventually("way to the control plane", SOON, async || TcpStream::connect((ip, 443)).await.is_ok()).await
    }
}
