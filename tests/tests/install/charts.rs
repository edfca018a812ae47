//! The charts and the images that they name. The charts are rendered by real Helm: what their values say is what their
//! READMEs and schemas say, what they install is taken by a real API server, and no role of theirs asks for more than
//! it names.

mod images;
mod readme;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use heddle_tests::{cluster, product};
use heddle_yaml::{Budget, Schema};
use serde_json::Value;

const CHARTS: [&str; 3] = ["base", "heddled", "gateway"];
/// Values that make a chart emit what it leaves out by default.
const VARIANTS: [(&str, &[&str]); 9] = [
    ("base", &[]),
    ("base", &["--set", "defaultRevision=canary"]),
    ("heddled", &[]),
    ("heddled", &["--set", "revision=canary,autoscaleEnabled=false,global.logAsJson=true"]),
    ("heddled", &["--set", "sidecarInjectorWebhook.enableNamespacesByDefault=true,global.imagePullSecrets={regcred}"]),
    ("heddled", &["--set", "pilot.env.MAX_WORKLOAD_CERT_TTL=48h,env.HEDDLE_LOG=debug,configMap=false"]),
    ("gateway", &[]),
    ("gateway", &["--set", "kind=DaemonSet,networkGateway=east,env.ISTIO_META_X=y,service.type=ClusterIP"]),
    ("gateway", &["--set", "autoscaling.enabled=false,revision=canary,service.type=None,rbac.enabled=false"]),
];

#[test]
fn readmes_are_made_from_the_values() -> Result<()> {
    for chart in CHARTS {
        let folder = folder(chart)?;
        let (meta, values) = (read(&folder.join("Chart.yaml"))?, read(&folder.join("values.yaml"))?);
        let want = readme::readme(chart, &meta, &values)?;
        let path = folder.join("README.md");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &want)?;
        }
        ensure!(read(&path)? == want, "{}: write it anew with UPDATE_GOLDEN=1", path.display());
    }
    Ok(())
}

#[test]
fn schemas_know_every_value() -> Result<()> {
    for chart in CHARTS {
        let folder = folder(chart)?;
        let values: Value = heddle_yaml::value(&read(&folder.join("values.yaml"))?, Schema::Yaml11, &Budget::FILE)?;
        let schema: Value = serde_json::from_str(&read(&folder.join("values.schema.json"))?)?;
        let mut unknown = Vec::new();
        compare(&values, &schema, "", &mut unknown);
        ensure!(unknown.is_empty(), "{chart}: values.yaml and values.schema.json differ at {unknown:?}");
    }
    Ok(())
}

#[test]
fn a_wrong_type_is_refused_by_its_key() -> Result<()> {
    let out = helm(&["template", "heddled", &folder("heddled")?.to_string_lossy(), "--set", "autoscaleMin=many"])?;
    let said = String::from_utf8_lossy(&out.stderr);
    ensure!(!out.status.success() && said.contains("autoscaleMin"), "helm said: {said}");
    Ok(())
}

#[test]
fn roles_name_what_they_may() -> Result<()> {
    for (chart, values) in VARIANTS {
        for object in render(chart, values)? {
            let text = object["rules"].to_string();
            let role = object["kind"].as_str().is_some_and(|kind| kind.ends_with("Role"));
            ensure!(!role || !text.contains("\"*\""), "{chart}: {} has a wildcard: {text}", object["metadata"]["name"]);
        }
    }
    Ok(())
}

/// Rendering once more gives the same bytes, so that what Git keeps does not change by itself.
#[test]
fn rendering_is_deterministic() -> Result<()> {
    for (chart, values) in VARIANTS {
        ensure!(render(chart, values)? == render(chart, values)?, "{chart} {values:?} differs");
    }
    Ok(())
}

#[test]
fn an_api_server_takes_all_of_it() -> Result<()> {
    cluster::shared(async |cluster| {
        cluster.install_crds()?;
        cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: istio-system}}")?;
        for (chart, values) in VARIANTS {
            let objects = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": render(chart, values)?});
            let apply = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"];
            let out = cluster.kubectl(&apply, &objects.to_string())?;
            ensure!(out.status.success(), "{chart} {values:?}: {}", String::from_utf8_lossy(&out.stderr));
        }
        Ok(())
    })
}

/// The objects of a chart, as Helm renders them.
fn render(chart: &str, values: &[&str]) -> Result<Vec<Value>> {
    let folder = folder(chart)?.display().to_string();
    let name = if chart == "gateway" { "istio-ingressgateway" } else { chart };
    let mut arguments = vec!["template", name, &folder, "--namespace", "istio-system"];
    arguments.extend(values);
    let out = helm(&arguments)?;
    ensure!(out.status.success(), "helm template {chart}: {}", String::from_utf8_lossy(&out.stderr));
    let objects = heddle_yaml::values(std::str::from_utf8(&out.stdout)?, Schema::Yaml11)?;
    Ok(objects.into_iter().filter(|object| !object.is_null()).collect())
}

fn helm(arguments: &[&str]) -> Result<std::process::Output> {
    Command::new(cluster::program("helm")?).args(arguments).output().context("run helm")
}

fn folder(chart: &str) -> Result<PathBuf> {
    Ok(product::root()?.join("charts").join(chart))
}

fn read(path: &std::path::Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

/// Notes each key that one has and the other has not. Lists and open maps (`{}`) hold what the user puts there.
fn compare(values: &Value, schema: &Value, path: &str, unknown: &mut Vec<String>) {
    let (Some(values), Some(properties)) = (values.as_object(), schema["properties"].as_object()) else { return };
    for key in values.keys().chain(properties.keys()) {
        let path = format!("{path}.{key}");
        match (values.get(key), properties.get(key)) {
            (Some(value), Some(schema)) => compare(value, schema, &path, unknown),
            _ => unknown.push(path),
        }
    }
}
