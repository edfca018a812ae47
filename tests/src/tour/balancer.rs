//! Step 9: the load balancers, each by what sets it apart.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::stage::Stage;
use super::tally::Tally;
use crate::http::Call;

pub(super) async fn run(mesh: &mut impl Stage) -> Result<String> {
    let call = mesh.call_from("productpage-v1", "http://reviews:9080/reviews/0").await?;
    balance(mesh, &json!({"simple": "ROUND_ROBIN"})).await?;
    let robin = Tally::of(&call, 30, 1).await?;
    robin.each_at_least(10)?;
    balance(mesh, &json!({"simple": "LEAST_REQUEST"})).await?;
    let least = Tally::of(&call, 300, 1).await?;
    least.each_at_least(60)?;
    balance(mesh, &json!({"simple": "RANDOM"})).await?;
    let random = Tally::of(&call, 300, 4).await?;
    random.each_at_least(60)?;
    balance(mesh, &json!({"consistentHash": {"httpCookie": {"name": "user", "ttl": "0s"}}})).await?;
    let users = by_cookie(&call).await?;
    Ok(format!(
        "round robin {robin}; least request {least}; random {random}; 12 cookies on {users} instances, each on one"
    ))
}

async fn balance(mesh: &impl Stage, balancer: &Value) -> Result<()> {
    mesh.traffic_policy("productpage-v1", "reviews", &json!({"loadBalancer": balancer})).await
}

/// Twelve users call ten times each; a user must always meet the same instance, and not all of them the same.
async fn by_cookie(call: &Call) -> Result<usize> {
    let mut instances = BTreeSet::new();
    for user in 0..12 {
        let tally = Tally::of(&call.clone().header("cookie", &format!("user=reader{user}")), 10, 2).await?;
        let mut met = tally.instances();
        instances.extend(met.next().map(str::to_owned));
        ensure!(met.next().is_none(), "user {user} met several instances: {tally}");
    }
    ensure!(instances.len() > 1, "all users met {instances:?}");
    Ok(instances.len())
}
