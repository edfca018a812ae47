//! Step 1: without any route, requests spread over all versions.

use anyhow::Result;

use super::stage::Stage;
use super::tally::Tally;

pub(super) async fn run(mesh: &mut impl Stage) -> Result<String> {
    let tally = Tally::of(&mesh.get("/api/v1/products/0/reviews")?, 60, 4).await?;
    tally.each_at_least(6)?;
    Ok(tally.to_string())
}
