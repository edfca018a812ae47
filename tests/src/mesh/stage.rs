//! The mesh of processes as the stage of the tour.

use std::net::{IpAddr, SocketAddr};

use anyhow::Result;
use serde_json::Value;

use super::Mesh;
use crate::envoy::Admin;
use crate::http::Call;
use crate::process::eventually;
use crate::tour::stage::{Application, PATIENCE, Stage, difference};

impl Stage for Mesh {
    fn get(&self, path: &str) -> Result<Call> {
        Call::get(self.layout.gateway_http(), path)
    }

    fn get_https(&self, path: &str) -> Result<Call> {
        Call::get(self.layout.gateway_https(), path)
    }

    fn bind(&self) -> Option<IpAddr> {
        Some(self.layout.gateway())
    }

    fn elsewhere(&self) -> IpAddr {
        self.layout.elsewhere()
    }

    fn unknown(&self) -> (SocketAddr, &'static str) {
        // A name that every machine resolves, even one without a network.
        (SocketAddr::from(([127, 0, 0, 1], 0)), "localhost")
    }

    fn ingress(&self, workload: &str) -> Result<SocketAddr> {
        Ok(self.workload(workload)?.ingress)
    }

    fn application(&self, workload: &str) -> Result<Application> {
        Ok(self.workload(workload)?.application())
    }

    fn admin(&self, workload: &str) -> Result<Admin> {
        Ok(self.workload(workload)?.proxy.admin.clone())
    }

    fn log(&self, workload: &str) -> Result<String> {
        Ok(self.workload(workload)?.proxy.agent.log())
    }

    async fn call_from(&self, workload: &str, url: &str) -> Result<Call> {
        Call::proxied(self.workload(workload)?.egress, url)
    }

    async fn put(&self, file: &str, text: &str) -> Result<()> {
        self.config.put(file, text).map(drop)
    }

    async fn edit(&self, kind: &str, name: &str, change: impl FnOnce(&mut Value)) -> Result<()> {
        self.config.edit(kind, name, change).map(drop)
    }

    async fn restore(&self) -> Result<()> {
        self.config.restore()?;
        for workload in &self.workloads {
            workload.application().reset().await?;
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
        self.heddled.json(path).await
    }

    async fn crash(&mut self) -> Result<()> {
        self.heddled.process.kill();
        Ok(())
    }

    async fn recover(&mut self) -> Result<()> {
        self.heddled.start_again().await
    }
}
