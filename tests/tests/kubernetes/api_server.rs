//! What a real API server says of our resource definitions, and the harness that runs it.

#[path = "api_server/agreement.rs"]
mod agreement;
#[path = "api_server/chance.rs"]
mod chance;
#[path = "api_server/generate.rs"]
mod generate;
#[path = "api_server/mutate.rs"]
mod mutate;
#[path = "api_server/path.rs"]
mod path;
#[path = "api_server/programs.rs"]
mod programs;
#[path = "api_server/round_trip.rs"]
mod round_trip;
#[path = "api_server/schema_values.rs"]
mod schema_values;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, ensure};
use heddle_crds::kind::IstioKind;
use heddle_tests::cluster;

const ROUTE: &str = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: kept}\n\
                     spec: {hosts: [shop], http: [{route: [{destination: {host: shop}}]}]}\n";

#[test]
fn the_definitions_install_and_serve_every_version() -> Result<()> {
    cluster::shared(async |cluster| {
        cluster.install_crds()?;
        let api = cluster.api().await?;
        for kind in IstioKind::ALL {
            for version in kind.info().versions {
                let path = format!("/apis/{}/{version}/{}", kind.info().group, kind.info().plural);
                let answer = api.get(&path).await?;
                ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.message());
            }
        }
        // Applying them once more changes nothing: what the server keeps is what was sent.
        let folder = heddle_tests::product::root()?.join("crds/yaml");
        let out = cluster.kubectl(&["diff", "-f", &folder.to_string_lossy()], "")?;
        ensure!(out.status.success(), "kubectl diff:\n{}", String::from_utf8_lossy(&out.stdout));
        Ok(())
    })
}

/// The examples of the reference, by kubectl and by `heddlectl validate`.
#[test]
fn the_examples_of_the_reference_are_accepted() -> Result<()> {
    let folder = heddle_tests::product::root()?.join("docs/reference/examples").display().to_string();
    cluster::shared(async |cluster| {
        cluster.install_crds()?;
        let namespaces =
            ["shop"].map(|name| format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}\n"));
        cluster.apply(&namespaces.join("---\n"))?;
        let out = cluster.kubectl(&["apply", "-f", &folder], "")?;
        ensure!(out.status.success(), "kubectl: {}", String::from_utf8_lossy(&out.stderr));
        Ok(())
    })?;
    let out = heddle_tests::product::heddlectl(["validate", "-f", &folder])?.output()?;
    ensure!(out.status.success(), "heddlectl: {}", String::from_utf8_lossy(&out.stdout));
    Ok(())
}

#[test]
fn objects_outlive_the_server() -> Result<()> {
    cluster::own(async |cluster| {
        cluster.install_crds()?;
        cluster.apply(ROUTE)?;
        cluster.stop_server().await?;
        ensure!(cluster.api().await.is_err(), "it answers after it was stopped");
        cluster.start_server().await?;
        let path = "/apis/networking.istio.io/v1/namespaces/default/virtualservices/kept";
        let api = cluster.api().await?;
        ensure!(api.get(path).await?.body["spec"]["hosts"][0] == "shop", "the object is lost");
        Ok(())
    })
}

#[test]
fn a_panicking_test_keeps_the_logs_and_ends_the_processes() -> Result<()> {
    let seen = Mutex::new((PathBuf::new(), Vec::new()));
    let panicked = std::panic::catch_unwind(|| {
        cluster::own(async |cluster| -> Result<()> {
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = (cluster.folder().to_owned(), cluster.processes());
            std::panic::resume_unwind(Box::new("as intended"))
        })
    });
    ensure!(panicked.is_err(), "the panic did not come through");
    let (folder, ids) = seen.into_inner()?;
    ensure!(ids.len() == 2, "etcd and kube-apiserver ran, as {ids:?}");
    ensure!(!ids.iter().any(|id| Path::new(&format!("/proc/{id}")).exists()), "{ids:?} outlived the cluster");
    ensure!(folder.join("kube-apiserver.log").is_file(), "no log in {}", folder.display());
    Ok(std::fs::remove_dir_all(folder)?)
}
