//! The charts and the images that they name. The charts are rendered by real Helm: what their values say is what their
//! READMEs and schemas say, what they install is taken by a real API server, and no role of theirs asks for more than
//! it names.

mod images;
mod readme;

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use heddle_tests::{cluster, product};
use heddle_yaml::{Budget, Schema};
use serde_json::Value;

const CHARTS: [&str; 3] = ["base", "heddled", "gateway"];
/// Values that make a chart emit what it leaves out by default.
const VARIANTS: [(&str, &[&str]); 11] = [
    ("base", &[]),
    ("base", &["--set", "defaultRevision=canary"]),
    ("heddled", &[]),
    ("heddled", &["--set", "revision=canary,autoscaleEnabled=false,global.logAsJson=true"]),
    ("heddled", &["--set", "sidecarInjectorWebhook.enableNamespacesByDefault=true,global.imagePullSecrets={regcred}"]),
    ("heddled", &["--set", "pilot.env.MAX_WORKLOAD_CERT_TTL=48h,env.HEDDLE_LOG=debug,configMap=false"]),
    ("heddled", &["--set", "global.networkPolicy.enabled=true,resources.requests.cpu=4,resources.limits.memory=2Gi"]),
    ("gateway", &[]),
    ("gateway", &["--set", "global.networkPolicy.enabled=true"]),
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

/// A schema knows what the chart reads, what it names as not read, what other charts read, and nothing else.
#[test]
fn schemas_know_every_value() -> Result<()> {
    for chart in CHARTS {
        let folder = folder(chart)?;
        let values = yaml(&read(&folder.join("values.yaml"))?)?;
        let schema: Value = serde_json::from_str(&read(&folder.join("values.schema.json"))?)?;
        let defined = read(&folder.join("templates/_unread.tpl"))?;
        let unread = definition(&defined, &format!("{chart}.unread"))?;
        let others = definition(&defined, &format!("{chart}.others"))?;
        let mut wrong = Vec::new();
        compare(&values, &unread, &schema, "", &mut wrong);
        let others = others.as_array().into_iter().flatten().filter_map(Value::as_str).chain(OF_HELM);
        for key in others {
            let at = wrong.iter().position(|wrong| *wrong == format!(".{key}"));
            wrong.remove(at.with_context(|| format!("{chart}: {key} is not in the schema, or is a value of its own"))?);
        }
        ensure!(wrong.is_empty(), "{chart}: the schema differs from the values, read and unread, at {wrong:?}");
        if chart == "heddled" {
            let known = definition(&defined, "heddled.global")?;
            let known: Vec<&str> = known.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let of_schema = schema["properties"]["global"]["properties"].as_object().context("global")?;
            let differ = of_schema.keys().filter(|key| !known.contains(&key.as_str())).count();
            ensure!(differ == 0 && known.len() == of_schema.len(), "heddled.global is {known:?}");
        }
        if chart == "gateway" {
            let older = definition(&defined, "gateway.unreadOlder")?;
            let one = &schema["properties"]["gateways"]["additionalProperties"]["properties"];
            let missing: Vec<_> =
                older.as_object().into_iter().flatten().filter(|(key, _)| one[*key].is_null()).collect();
            ensure!(missing.is_empty(), "gateways.NAME: {missing:?}");
        }
    }
    Ok(())
}

/// What Helm itself gives to a chart.
const OF_HELM: [&str; 2] = ["enabled", "_internal_defaults_do_not_set"];

/// The YAML of a named template.
fn definition(text: &str, name: &str) -> Result<Value> {
    let start = format!("{{{{- define \"{name}\" -}}}}\n");
    let after = text.split_once(&start).with_context(|| format!("no template {name}"))?.1;
    yaml(after.split("{{- end").next().unwrap_or_default())
}

#[test]
fn an_unknown_value_is_refused_by_its_key() -> Result<()> {
    for (chart, key) in [
        ("heddled", "globl.hub"),
        ("heddled", "global.proxy.logLevle"),
        ("heddled", "global.hubb"),
        ("gateway", "autoscaling.minReplica"),
        ("gateway", "gateways.istio-ingressgateway.autoscaleMinn"),
        ("base", "base.excludedCRD"),
    ] {
        let out = helm(&["template", "x", &folder(chart)?.to_string_lossy(), "--set", &format!("{key}=1")])?;
        let said = String::from_utf8_lossy(&out.stderr);
        let by_schema = key.split('.').any(|name| said.contains(&format!("'{name}' not allowed")));
        let is_named = by_schema || said.contains(&format!("the value {key} is unknown"));
        ensure!(!out.status.success() && is_named, "{chart} {key}: helm said: {said}");
    }
    Ok(())
}

/// A chart that has ours as parts shares its own keys of `global` with them.
#[test]
fn charts_are_parts_of_another() -> Result<()> {
    let whole = tempfile::tempdir()?;
    std::fs::create_dir(whole.path().join("charts"))?;
    for chart in CHARTS {
        symlink(folder(chart)?, whole.path().join("charts").join(chart))?;
    }
    std::fs::write(whole.path().join("Chart.yaml"), "{apiVersion: v2, name: whole, version: 1.0.0}")?;
    let values = "{global: {storageClass: fast}, heddled: {enabled: true, autoscaleMin: 2}}";
    std::fs::write(whole.path().join("values.yaml"), values)?;
    let out = helm(&["template", "x", &whole.path().to_string_lossy()])?;
    let said = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "{said}");
    ensure!(String::from_utf8(out.stdout)?.contains("minReplicas: 2"));
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

fn yaml(text: &str) -> Result<Value> {
    Ok(heddle_yaml::value(text, Schema::Yaml11, &Budget::FILE)?)
}

/// Notes each key that the schema has and the values, read or unread, have not, and the other way round. Lists and open
/// maps (`{}`) hold what the user puts there.
fn compare(values: &Value, unread: &Value, schema: &Value, path: &str, wrong: &mut Vec<String>) {
    let Some(properties) = schema["properties"].as_object() else { return };
    let map = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let (values, unread) = (map(values), map(unread));
    let keys: BTreeSet<&String> = values.keys().chain(unread.keys()).chain(properties.keys()).collect();
    for key in keys {
        let path = format!("{path}.{key}");
        match (values.get(key), unread.get(key), properties.get(key)) {
            (Some(_), Some(Value::String(_)), _) | (None, None, _) | (_, _, None) => wrong.push(path),
            (Some(value), below, Some(schema)) if value.as_object().is_some_and(|value| !value.is_empty()) => {
                compare(value, below.unwrap_or(&Value::Null), schema, &path, wrong);
            }
            (None, Some(below), Some(schema)) => compare(&Value::Null, below, schema, &path, wrong),
            _ => {}
        }
    }
}
