//! The tour: fifteen things that a mesh does, each shown at work through real Envoys and checked, on any [`Stage`].
//!
//! A step edits the objects as a person would, waits until the Envoy concerned has the edit, and measures then. What it
//! returns is what it saw; an error is a step that failed, in words.

mod authorization;
mod bad_edit;
mod balancer;
mod canary;
mod circuit_breaker;
mod external;
mod fault;
mod header_route;
mod https;
mod mirror;
mod mutual_tls;
mod outlier;
mod restart;
mod retry;
mod spread;
pub mod stage;
pub mod table;
mod tally;

use std::time::Duration;

use anyhow::{Result, anyhow};

use stage::Stage;

/// How long one step may take before it counts as failed.
const LIMIT: Duration = Duration::from_mins(1);

/// A step as the table names it.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What is shown.
    pub title: &'static str,
    /// What must be seen.
    pub expected: &'static str,
}

/// All steps, in order.
pub const STEPS: [Step; 15] = [
    Step { title: "spread over versions", expected: "reviews v1, v2 and v3 each answer at least 6 of 60" },
    Step { title: "route by header", expected: "end-user jason: 20 of 20 from v2; others: 40 of 40 from v1" },
    Step { title: "canary 90/10", expected: "of 1000 requests 100 ± 40 from v3, the rest from v1" },
    Step { title: "delay and abort", expected: "jason waits 700 ms; abort answers 418, ratings sees none" },
    Step { title: "timeout and retries", expected: "504 after 300 ms; 10 of 10 answered in 30 attempts" },
    Step { title: "mirroring", expected: "30 of 30 from v1; v3 sees all 30 too" },
    Step { title: "circuit breaking", expected: "of 10 at once 2 answered, 8 refused by overflow" },
    Step { title: "outlier detection", expected: "failing v1 out: 20 of 20 answered by others; healed: back" },
    Step {
        title: "load balancers",
        expected: "round robin 10/10/10; least request, random each ≥ a fifth; a cookie always one",
    },
    Step { title: "external services", expected: "ServiceEntry 200; unknown host 200, then 502 once registry only" },
    Step { title: "HTTPS from a Secret", expected: "certificate A, then B; no request fails meanwhile" },
    Step { title: "STRICT mutual TLS", expected: "plain text refused; caller is productpage; log shows HTTP" },
    Step { title: "authorization", expected: "reviews: productpage 200, ratings 403; the log names the policy" },
    Step { title: "bad edit", expected: "unknown subset and bad regex reported by path; no request fails" },
    Step { title: "control plane killed", expected: "no request fails; an edit after its return arrives" },
];

/// Takes the step of that number, from 1, and puts everything back as it was.
pub async fn take(number: usize, mesh: &mut impl Stage) -> Result<String> {
    let seen = tokio::time::timeout(LIMIT, run(number, mesh)).await;
    let restored = mesh.restore().await;
    let seen = seen.map_err(|_| anyhow!("not done within {LIMIT:?}"))??;
    restored.map_err(|error| error.context("putting things back"))?;
    Ok(seen)
}

async fn run(number: usize, mesh: &mut impl Stage) -> Result<String> {
    match number {
        1 => spread::run(mesh).await,
        2 => header_route::run(mesh).await,
        3 => canary::run(mesh).await,
        4 => fault::run(mesh).await,
        5 => retry::run(mesh).await,
        6 => mirror::run(mesh).await,
        7 => circuit_breaker::run(mesh).await,
        8 => outlier::run(mesh).await,
        9 => balancer::run(mesh).await,
        10 => external::run(mesh).await,
        11 => https::run(mesh).await,
        12 => mutual_tls::run(mesh).await,
        13 => authorization::run(mesh).await,
        14 => bad_edit::run(mesh).await,
        15 => restart::run(mesh).await,
        _ => Err(anyhow!("the tour has {} steps", STEPS.len())),
    }
}
