//! The same from manifests: `heddlectl manifest generate | kubectl apply -f -`, and `heddlectl uninstall`, which leaves
//! nothing but what it says.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use heddle_tests::cluster::Api;
use heddle_tests::cluster::node::Node;
use heddle_tests::http::Call;
use heddle_tests::pods::{GATEWAYS, SOON, guide, helm, kubectl, until_ready, until_rolled_out};
use heddle_tests::process::eventually;
use heddle_tests::product;
use serde_json::Value;

/// The sample: what is of the mesh, and the pods.
const SAMPLE: &str = "deploy/samples/bookinfo";
const PODS: &str = "deploy/samples/bookinfo/kubernetes";
/// Kinds that come and go by themselves.
const PASSING: [&str; 5] = ["Event", "EndpointSlice", "Endpoints", "IPAddress", "APIService"];
/// What Kubernetes gives every namespace: to `istio-system`, which stays, and to others maybe after `before` was read.
const OF_A_NAMESPACE: [(&str, &str); 2] = [("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")];

/// What istiod left, whose takeover comes before: it is not ours to remove.
const OF_ISTIOD: [&str; 5] =
    ["leader", "-election", "-autoallocate", "istio-ca-crl", "istio-gateway-deployment-default"];

pub(super) async fn come_and_go(node: &Node, before: &BTreeSet<String>) -> Result<String> {
    for release in ["istio-ingressgateway", "istio-egressgateway", "istiod", "istio-base"] {
        helm(node, &format!("uninstall {release} --namespace istio-system"))?;
    }
    until_ready(node, "istio-system", "", &[]).await?;
    let text = heddlectl(node, &["manifest", "generate", "--set", "profile=demo"])?;
    kubectl(node, &["apply", "-f", "-"], &text)?;
    for name in ["istiod"].iter().chain(&GATEWAYS) {
        until_rolled_out(node, "istio-system", name).await?;
    }
    let api = node.cluster.api().await?;
    let service = api.get("/api/v1/namespaces/istio-system/services/istio-ingressgateway").await?;
    let front: IpAddr = service.body["spec"]["clusterIP"].as_str().context("the gateway's Service")?.parse()?;
    let page = Call::get(SocketAddr::new(front, 80), "/productpage")?;
    eventually("answer through the gateway", SOON, async || page.succeeds().await).await?;

    let said = heddlectl(node, &["uninstall", "-y"])?;
    let staying = left(node, before, &said).await?;
    let named = names_what_is_wrong(node)?;
    kubectl(node, &["delete", "-f", SAMPLE, "-f", PODS, "--ignore-not-found"], "")?;
    kubectl(node, &["label", "namespace", "default", "istio-injection-"], "")?;
    let said = heddlectl(node, &["uninstall", "-y", "--purge"])?;
    let purged = left(node, before, &said).await?;
    ensure!(staying > 15 && purged == 1, "{staying} objects stay, and {purged} once all is purged");
    Ok(format!(
        "manifest generate | kubectl apply: gateways and six pods are ready, and answer; uninstall leaves {staying} \
         objects that it names; heddlectl install names {named}; --purge leaves the namespace"
    ))
}

/// The document of the first steps, on a node that has nothing of Heddle but its images.
pub(super) async fn getting_started(node: &Node, before: &BTreeSet<String>) -> Result<String> {
    for section in ["Install Heddle", "Start Bookinfo", "Open the page", "Change a route"] {
        guide::follow(node, section)?;
    }
    let again = heddlectl(node, &["install", "-y", "--set", "profile=demo"])?;
    ensure!(again.contains("Nothing was written."), "{again}");
    let said = guide::follow(node, "Remove everything")?;
    left(node, before, &said).await?;
    Ok("docs/getting-started.md: from nothing to the page of Bookinfo, and back; a second install wrote nothing".into())
}

/// Two control planes that cannot start: one without its image, one that ends at once. An installation tells it as the
/// kubelet does.
fn names_what_is_wrong(node: &Node) -> Result<String> {
    let install = |revision: &str, values: &str| {
        let mut command = node.cluster.command(product::binary("heddlectl")?);
        command.args(["install", "-y", "--readiness-timeout", "6", "--revision", revision]);
        command.args(["--set", &format!("profile=minimal,autoscaleEnabled=false,defaultRevision=,{values}")]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        anyhow::Ok(command.spawn()?)
    };
    let running =
        [install("unknown", "global.hub=localhost:1")?, install("ending", "extraContainerArgs={--httpAddr=nowhere}")?];
    let mut said = Vec::new();
    for command in running {
        let out = command.wait_with_output()?;
        ensure!(out.status.code() == Some(2), "{}", out.status);
        said.push(format!("{}{}", String::from_utf8(out.stdout)?, String::from_utf8(out.stderr)?));
    }
    let has = |said: &str, parts: &[&str]| {
        let missing: Vec<_> = parts.iter().filter(|part| !said.contains(**part)).collect();
        ensure!(missing.is_empty(), "{missing:?} is not in {said}");
        Ok(())
    };
    has(
        &said[0],
        &["Deployment istio-system/istiod-unknown: 0 of 1 pods are ready", "container discovery: ErrImagePull: "],
    )?;
    has(&said[0], &["localhost:1/heddled:"])?;
    has(&said[1], &["container discovery: ", "it ended with exit code ", "Its last lines:\n", "nowhere"])?;
    Ok("an image that is missing, and a container that ends, with its log".to_owned())
}

/// Waits until nothing is there that was not before but what a command said stays; how much that is.
async fn left(node: &Node, before: &BTreeSet<String>, said: &str) -> Result<usize> {
    let stays = |name: &String| said.lines().any(|line| line.starts_with(&format!("{name} stays")));
    let api = node.cluster.api().await?;
    let (mut staying, mut other) = (Vec::new(), Vec::new());
    let done = eventually("state in which nothing more is left", SOON, async || {
        let Ok(now) = objects(&api).await else { return false };
        (staying, other) = now.difference(before).cloned().partition(stays);
        other.is_empty()
    });
    done.await.with_context(|| format!("{other:?} is left, and not named in {said}"))?;
    Ok(staying.len())
}

/// All that an API server has, as heddlectl names it, without what comes and goes and what the sample's user made.
pub(super) async fn objects(api: &Api) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let groups = api.get("/apis").await?.body;
    let groups = groups["groups"].as_array().into_iter().flatten();
    let versions = groups.filter_map(|group| group["preferredVersion"]["groupVersion"].as_str());
    let folders = versions.map(|version| format!("/apis/{version}")).chain(["/api/v1".to_owned()]);
    for folder in folders {
        let known = api.get(&folder).await?.body;
        for kind in known["resources"].as_array().into_iter().flatten() {
            let [kind, plural, verbs] = ["kind", "name", "verbs"].map(|key| kind[key].clone());
            let (Some(kind), Some(plural)) = (kind.as_str(), plural.as_str()) else { continue };
            if plural.contains('/') || PASSING.contains(&kind) || !verbs.to_string().contains("\"list\"") {
                continue;
            }
            let all = api.get(&format!("{folder}/{plural}")).await?.body;
            found.extend(all["items"].as_array().into_iter().flatten().filter_map(|object| name(kind, object)));
        }
    }
    Ok(found)
}

fn name(kind: &str, object: &Value) -> Option<String> {
    let [namespace, name] = ["namespace", "name"].map(|key| object["metadata"][key].as_str().unwrap_or_default());
    match namespace {
        "" => Some(format!("{kind} {name}")),
        _ if OF_A_NAMESPACE.contains(&(kind, name)) => None,
        _ if name.starts_with("istio-") && OF_ISTIOD.iter().any(|part| name.contains(part)) => None,
        // The sample, but not what we tell each namespace.
        "default" if kind != "ConfigMap" => None,
        // The kubelet's.
        "kube-node-lease" if kind == "Lease" => None,
        _ => Some(format!("{kind} {namespace}/{name}")),
    }
}

fn heddlectl(node: &Node, arguments: &[&str]) -> Result<String> {
    let out = node.cluster.command(product::binary("heddlectl")?).args(arguments).output()?;
    let refused = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "heddlectl {}: {refused}", arguments.join(" "));
    Ok(String::from_utf8(out.stdout)?)
}
