//! Heddle as its users run it: on a real node, installed by its charts, configured by kubectl, with sidecars injected
//! into real pods whose traffic is captured.
//!
//! It needs root, for namespaces, mounts and cgroups, and fails without.

mod authority;
mod egress;
mod inspect;
mod log;
mod manifests;
mod offline;
mod refusal;
mod restarts;
mod takeover;

use std::time::Instant;

use anyhow::{Result, ensure};
use heddle_tests::cluster::node;
use heddle_tests::pods::{Pods, install};
use heddle_tests::tour::stage::Stage as _;
use heddle_tests::tour::{self, STEPS};

#[test]
fn bookinfo_in_pods() -> Result<()> {
    let start = Instant::now();
    let said = |what: &str| println!("{:6.1} s  {what}", start.elapsed().as_secs_f32());
    node::run(async |node| {
        said("the node is ready");
        let before = manifests::objects(&node.cluster.api().await?).await?;
        let root = authority::of_istiod(node)?;
        install(node, said).await?;
        said(&authority::kept(node, &root)?);
        let mut pods = Pods::find(node).await?;
        said("the product page comes through the ingress gateway");
        let mut failed = Vec::new();
        for (number, step) in (1..).zip(STEPS) {
            match tour::take(number, &mut pods).await {
                Ok(seen) => said(&format!("tour {number}, {}: {seen}", step.title)),
                Err(error) => failed.push(format!("tour {number}, {}: {error:#}", step.title)),
            }
        }
        ensure!(failed.is_empty(), "{}", failed.join("\n"));
        said(&egress::through_the_gateway(&pods).await?);
        said(&refusal::by_webhook_and_without(&pods).await?);
        let page = pods.get("/api/v1/products/0/reviews")?;
        let details = pods.get("/api/v1/products/0")?;
        said(&inspect::proxies(&pods).await?);
        drop(pods);
        said(&log::is_read_and_changed(node).await?);
        said(&restarts::of_each_part(node, &page).await?);
        said(&offline::injected_twice(node).await?);
        said(&offline::without_a_webhook(node, &page).await?);
        said(&takeover::and_back(node, &page, &details, &root).await?);
        said(&manifests::come_and_go(node, &before).await?);
        said(&manifests::getting_started(node, &before).await?);
        Ok(())
    })?;
    said("all is taken back");
    Ok(())
}
