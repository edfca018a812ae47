//! Every step of the tour, through real Envoys. A mesh is started once, as on a machine of its own, and each step puts
//! back what it changed.

use anyhow::Result;
use heddle_tests::mesh::{Layout, Mesh};
use heddle_tests::tour::{self, STEPS};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_shows_what_it_must() -> Result<()> {
    let run = tempfile::tempdir()?;
    let mut mesh = Mesh::start(Layout::free()?, run.path()).await?;
    let mut failed = Vec::new();
    for (number, step) in (1..).zip(STEPS) {
        match tour::take(number, &mut mesh).await {
            Ok(seen) => println!("{number} {}: {seen}", step.title),
            Err(error) => failed.push(format!("{number} {}: {error:#}", step.title)),
        }
    }
    mesh.stop().await?;
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}
