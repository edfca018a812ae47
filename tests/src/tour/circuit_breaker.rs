//! Step 7: one connection and one pending request are let through to a slow ratings, the rest is refused at once.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::stage::Stage;

pub(super) async fn run(mesh: &mut impl Stage) -> Result<String> {
    let policy = json!({"connectionPool": {"tcp": {"maxConnections": 1}, "http": {"http1MaxPendingRequests": 1}}});
    mesh.traffic_policy("productpage-v1", "ratings", &policy).await?;
    let call = mesh.call_from("productpage-v1", "http://ratings:9080/ratings/0").await?;
    // The one connection is there before the rush: a request that waits for it to open would be the pending one.
    ensure!(call.clone().send().await?.status == 200, "ratings does not answer");
    mesh.application("ratings-v1")?.fault(&json!({"delay_ms": 700})).await?;
    let answers = futures_util::future::join_all((0..10).map(|_| call.clone().send())).await;
    let answers = answers.into_iter().collect::<Result<Vec<_>>>().context("one of ten calls at once")?;
    let answered = answers.iter().filter(|answer| answer.status == 200).count();
    let overflow =
        |answer: &&crate::http::Answer| answer.status == 503 && answer.header("x-envoy-overloaded") == Some("true");
    let refused = answers.iter().filter(overflow).count();
    ensure!(answered == 2 && refused == 8, "{answered} answered, {refused} refused by overflow");
    Ok(format!("{answered} answered, {refused} refused by overflow"))
}
