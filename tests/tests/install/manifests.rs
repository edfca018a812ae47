//! `heddlectl manifest`: the charts rendered without Helm are what Helm makes of them, `deploy/manifests/` is what they
//! give by profile, and an API server takes it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use heddle_tests::{cluster, product};
use heddle_yaml::{Budget, Schema};
use serde_json::{Value, json};

const PROFILES: [&str; 4] = ["default", "minimal", "demo", "empty"];
/// Values over those of a profile.
const CASES: [(&str, &str); 21] = [
    ("default", "{}"),
    ("minimal", "{}"),
    ("demo", "{}"),
    ("empty", "{}"),
    (
        "minimal",
        "{revision: canary, autoscaleEnabled: false, replicaCount: 3, defaultRevision: canary, global: {logAsJson: \
            true}}",
    ),
    (
        "minimal",
        "{sidecarInjectorWebhook: {enableNamespacesByDefault: true}, global: {imagePullSecrets: [one, two], \
            imagePullPolicy: Always}}",
    ),
    (
        "minimal",
        "{pilot: {env: {A: 1, B: 'true', C: \"x: 'y'\\n\"}}, env: {B: false, D: 2.5}, configMap: false, \
            defaultRevision: ''}",
    ),
    ("minimal", "{global: {istioNamespace: mesh, hub: a/b, tag: '1.10'}, image: heddled}"),
    (
        "minimal",
        "{image: 'a.io:5000/b@sha256:0', hub: x, tag: 7.0-x, podLabels: {a: b, c: 'yes'}, podAnnotations: {d: 'e f'}}",
    ),
    (
        "minimal",
        "{nodeSelector: {a/b: c}, tolerations: [{operator: Exists}], affinity: {nodeAffinity: {a: [1, {b: 2}]}}, \
            topologySpreadConstraints: [{maxSkew: 1}]}",
    ),
    (
        "minimal",
        "{meshConfig: {trustDomain: '', defaultConfig: {proxyMetadata: {A: 'off'}, discoveryAddress: null}, \
            defaultProviders: null, extensionProviders: [{name: x, zipkin: {port: 1}}], regex: '^(a|b)\\.c$'}}",
    ),
    (
        "minimal",
        "{serviceAnnotations: {a: '1'}, serviceAccountAnnotations: {b: '<&>'}, extraContainerArgs: ['--a=\"b\"', -c], \
            resources: {limits: {cpu: 1}}, cpu: {targetAverageUtilization: 55}}",
    ),
    (
        "minimal",
        "{sidecarInjectorWebhook: {neverInjectSelector: [{matchLabels: {a: b}}], injectedAnnotations: {a: '<b>'}}, \
            global: {proxy: {lifecycle: {preStop: {exec: {command: [sleep, '5']}}}}}}",
    ),
    (
        "minimal",
        "{base: {excludedCRDs: [wasmplugins.extensions.istio.io, sidecars.networking.istio.io], validationURL: \
            'https://a/validate', validationCABundle: YQ==}}",
    ),
    (
        "minimal",
        "{revisionTags: [default, prod], revision: r1, gateways: {securityContext: {fsGroup: 1}}, global: \
            {istioNamespace: mesh, meshNetworks: {n1: {endpoints: [{fromRegistry: c}]}}}}",
    ),
    (
        "minimal",
        "{global: {configValidation: false, operatorManageWebhooks: true, omitSidecarInjectorConfigMap: true, \
            defaultPodDisruptionBudget: {enabled: false}, priorityClassName: high, multiCluster: {clusterName: c1}}}",
    ),
    (
        "demo",
        "{global: {networkPolicy: {enabled: true}, imagePullPolicy: Never}, gateways: {istio-egressgateway: \
            {imagePullPolicy: Always, ports: [{name: udp, port: 53, targetPort: dns, protocol: UDP}, {name: h, port: \
            80}]}}}",
    ),
    (
        "minimal",
        "{resources: {requests: {cpu: 4, ephemeral-storage: 1Gi}, limits: {ephemeral-storage: 2Gi}}, cni: {enabled: \
            true}, pilot: {cni: {provider: multus}, crlConfigMapName: crl}, global: {proxy: {autoInject: disabled}}}",
    ),
    ("minimal", "{resources: {requests: {memory: 4Gi, cpu: null}, limits: {memory: 8Gi}}}"),
    (
        "demo",
        "{gateways: {istio-ingressgateway: {autoscaleEnabled: true, autoscaleMin: 2, autoscaleMax: 4, cpu: \
            {targetAverageUtilization: 70}, serviceAnnotations: {a: b}, labels: {app: gw, istio: gw}, env: {A: 1}, \
            loadBalancerIP: 10.0.0.1, loadBalancerSourceRanges: [10.0.0.0/8], externalTrafficPolicy: Local, ports: \
            [{name: tcp, port: 9000, targetPort: 9000}]}, istio-egressgateway: {enabled: false}}}",
    ),
    (
        "empty",
        "{revision: r1, gateways: {gw-1: {enabled: true, kind: DaemonSet, networkGateway: east, serviceAccount: \
            {create: false}, type: NodePort, nodeSelector: {a: b}, podAnnotations: {x: why}, priorityClassName: high, \
            imagePullSecrets: [{name: s}]}, gw-2: {enabled: true, name: named, rbac: {enabled: false}, type: None, \
            tolerations: [{key: k}]}}}",
    ),
];

#[test]
fn what_is_rendered_is_what_helm_renders() -> Result<()> {
    let mut failed = Vec::new();
    for (profile, values) in CASES {
        let (ours, helms) = (ours(profile, values)?, helms(profile, values)?);
        for (name, object) in &helms {
            match ours.get(name) {
                Some(same) if same == object => {}
                other => failed.push(format!("{profile} {values}: {name}\n  helm: {object}\n  ours: {other:?}")),
            }
        }
        let more = ours.keys().filter(|name| !helms.contains_key(*name) && !name.starts_with("Namespace "));
        failed.extend(more.map(|name| format!("{profile} {values}: {name} is not Helm's")));
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

#[test]
fn deploy_holds_what_the_charts_give() -> Result<()> {
    for profile in PROFILES {
        let arguments = ["--set", &format!("profile={profile}"), "--set", "base.enableCRDTemplates=false"];
        let text = generate(&arguments)?;
        ensure!(text == generate(&arguments)?, "{profile}: twice is not the same");
        // Else a gateway's pod could be made that nobody was asked to inject.
        let place = |kind: &str| text.find(&format!("\nkind: {kind}\n"));
        ensure!(
            place("Deployment").is_none() || place("MutatingWebhookConfiguration") < place("Deployment"),
            "{profile}"
        );
        let path = product::root()?.join(format!("deploy/manifests/{profile}.yaml"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &text)?;
        }
        let there = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        ensure!(there == text, "{}: write it anew with UPDATE_GOLDEN=1", path.display());
    }
    Ok(())
}

/// The order is such that one pass of kubectl is enough, and then nothing differs.
#[test]
fn kubectl_applies_it_at_once() -> Result<()> {
    cluster::own(async |cluster| {
        let text = generate(&["--set", "profile=demo"])?;
        let out = cluster.kubectl(&["apply", "-f", "-"], &text)?;
        let (said, refused) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        ensure!(out.status.success(), "{refused}");
        let other: Vec<&str> = said.lines().filter(|line| !line.ends_with(" created")).collect();
        ensure!(other.is_empty() && said.lines().count() > 30, "not created: {other:?}");
        let out = cluster.kubectl(&["diff", "-f", "-"], &text)?;
        ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
        Ok(())
    })
}

#[test]
fn what_nobody_reads_is_named_and_what_cannot_be_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let operator = folder.path().join("operator.yaml");
    let spec = "{profile: minimal, hub: docker.io/istio, revision: r2, meshConfig: {accessLogFile: /x}, values: \
        {global: {proxy: {logLevel: info}}, pilot: {env: {PILOT_X: 1}}},
        components: {ingressGateways: [{name: gw, enabled: true, k8s: {}}], cni: {enabled: true}, \
        pilot: {k8s: {replicaCount: 2}}}}";
    std::fs::write(&operator, format!("{{apiVersion: install.istio.io/v1alpha1, kind: IstioOperator, spec: {spec}}}"))?;
    let file = operator.display().to_string();
    let unread = "values.autoscaleMin=2,traceSampling=1,gateways.gw.runAsRoot=true,global.proxy.tracer=,\
                  meshConfig.acessLogFile=/x";
    let out = product::heddlectl(["manifest", "generate", "-f", &file, "--set", unread])?;
    let out = { out }.output()?;
    let (said, text) = (String::from_utf8(out.stderr)?, String::from_utf8(out.stdout)?);
    for part in [
        "PILOT_X",
        "hub of the IstioOperator",
        "k8s of the gateway gw",
        "the value traceSampling has no effect: tracing is not supported yet",
        "the value gateways.gw.runAsRoot has no effect: the proxy is never root",
        "the value meshConfig.acessLogFile has no effect: Heddle does not read it",
        "components.cni has no effect",
        "components.pilot.k8s has no effect",
    ] {
        ensure!(said.contains(part), "{part:?} is not in {said}");
    }
    ensure!(said.lines().count() == 8, "{said}");
    for part in ["name: istiod-r2", "accessLogFile: /x", "minReplicas: 2", "name: gw", "registry.heddle.dev/heddled"] {
        ensure!(text.contains(part), "{part:?} is not there");
    }
    for (argument, reason) in [
        ("autoscaleMin=many", "autoscaleMin must be of type integer, and is \"many\""),
        ("meshConfig.connectTimeout=soon", "meshConfig.connectTimeout: "),
        ("profile=large", "the profile \"large\" is unknown"),
        ("global.proxy=null", "global"),
        ("globl.hub=x", "neither Heddle nor istiod knows these values:\n  globl; did you mean global?"),
        ("gateways.istio-ingressgateway.servce.type=x", "did you mean gateways.istio-ingressgateway.service?"),
        ("components.pilt.enabled=true", "components.pilt is unknown; the components are base, pilot, "),
        ("a", "has no `=`"),
    ] {
        let out = product::heddlectl(["manifest", "generate", "--set", argument])?.output()?;
        let said = String::from_utf8(out.stderr)?;
        ensure!(out.status.code() == Some(2) && said.contains(reason), "{argument}: {said}");
    }
    Ok(())
}

#[test]
fn diff_names_what_differs() -> Result<()> {
    let folder = product::root()?.join("deploy/manifests");
    let path = |profile: &str| folder.join(format!("{profile}.yaml")).display().to_string();
    let same = product::heddlectl(["manifest", "diff", &path("demo"), &path("demo")])?.output()?;
    ensure!(same.status.success() && same.stdout.is_empty());
    let out = product::heddlectl(["manifest", "diff", &path("default"), &path("demo")])?.output()?;
    let said = String::from_utf8(out.stdout)?;
    ensure!(out.status.code() == Some(1), "{}", out.status);
    for part in [
        "v1 ConfigMap istio-system/istio:\n  data.mesh|.accessLogFile: (not set) -> \"/dev/stdout\"",
        "Deployment istio-system/istio-egressgateway: only in",
    ] {
        ensure!(said.contains(part), "{part:?} is not in {said}");
    }
    Ok(())
}

fn generate(arguments: &[&str]) -> Result<String> {
    let out = product::heddlectl(["manifest", "generate"].into_iter().chain(arguments.iter().copied()))?.output()?;
    ensure!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    Ok(String::from_utf8(out.stdout)?)
}

/// Objects by kind and name.
type Objects = BTreeMap<String, Value>;

fn ours(profile: &str, values: &str) -> Result<Objects> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("values.yaml");
    std::fs::write(&file, values)?;
    let set = format!("profile={profile},components.base.enabled={}", has_base(profile, values));
    objects(&generate(&["--set", &set, "-f", &file.display().to_string()])?)
}

/// The definitions take most of the time, and only few values concern them.
fn has_base(profile: &str, values: &str) -> bool {
    profile != "empty" && ["{}", "base:", "defaultRevision"].iter().any(|part| values.contains(part))
}

/// What an installer with Helm does: the same values for each chart, and a gateway's by its name.
fn helms(profile: &str, values: &str) -> Result<Objects> {
    let folder = tempfile::tempdir()?;
    let charts = product::root()?.join("charts");
    let with_base = has_base(profile, values);
    let below = charts.join(format!("profiles/{profile}.yaml"));
    let over = folder.path().join("values.yaml");
    std::fs::write(&over, values)?;
    let (profile, values) = (yaml(&std::fs::read_to_string(&below)?)?, yaml(values)?);
    let namespace = values["global"]["istioNamespace"].as_str().unwrap_or("istio-system");
    let render = |name: &str, chart: &str, files: [PathBuf; 2]| -> Result<Objects> {
        let mut helm = Command::new(cluster::program("helm")?);
        helm.args(["template", name, "--namespace", namespace]).arg(charts.join(chart));
        let out = helm.args(files.iter().flat_map(|file| ["-f".into(), file.clone().into_os_string()])).output()?;
        ensure!(out.status.success(), "helm template {chart}: {}", String::from_utf8_lossy(&out.stderr));
        let text = String::from_utf8(out.stdout)?;
        objects(&text.replace("app.kubernetes.io/managed-by: Helm", "app.kubernetes.io/managed-by: heddlectl"))
    };
    let mut found = Objects::new();
    let is_on = |value: &Value| value["enabled"] == true;
    for (component, name, chart) in [("base", "istio-base", "base"), ("pilot", "istiod", "heddled")] {
        if is_on(&profile["components"][component]) && (chart != "base" || with_base) {
            found.extend(render(name, chart, [below.clone(), over.clone()])?);
        }
    }
    let mut gateways: BTreeMap<&String, bool> = BTreeMap::new();
    for values in [&profile, &values] {
        let named = values["gateways"].as_object().into_iter().flatten();
        for (name, gateway) in named.filter(|(_, gateway)| gateway.get("enabled").is_some()) {
            gateways.insert(name, is_on(gateway));
        }
    }
    for name in gateways.iter().filter(|(_, on)| **on).map(|(name, _)| *name) {
        let files = [("below", &profile), ("over", &values)].map(|(file, values)| {
            let path = folder.path().join(file);
            let mut only = json!({"gateways": values.get("gateways").unwrap_or(&json!({})),
                    "revision": values["revision"].as_str().unwrap_or_default()});
            for key in ["imagePullPolicy", "networkPolicy"] {
                if let Some(value) = values["global"].get(key) {
                    only["global"][key] = value.clone();
                }
            }
            (path, only)
        });
        for (path, only) in &files {
            std::fs::write(path, only.to_string())?;
        }
        found.extend(render(name, "gateway", files.map(|(path, _)| path))?);
    }
    Ok(found)
}

fn yaml(text: &str) -> Result<Value> {
    Ok(heddle_yaml::value(text, Schema::Yaml11, &Budget::FILE)?)
}

/// The objects of a file; configuration within configuration is read as well, as its layout says nothing.
fn objects(text: &str) -> Result<Objects> {
    let mut out = Objects::new();
    for mut object in heddle_yaml::values(text, Schema::Yaml11)? {
        if object.is_null() {
            continue;
        }
        for (_, text) in object["data"].as_object_mut().into_iter().flatten() {
            if let Some(inner) = text.as_str() {
                *text = yaml(inner)?;
            }
        }
        let meta = &object["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let name = format!("{} {}/{}", text(&object["kind"]), text(&meta["namespace"]), text(&meta["name"]));
        ensure!(out.insert(name.clone(), object).is_none(), "{name} is there twice");
    }
    Ok(out)
}
