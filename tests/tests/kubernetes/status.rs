//! What becomes of an object is said in its status, by a control plane beside a real API server.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use heddle_tests::cluster::{Cluster, own};
use heddle_tests::control::Control;
use heddle_tests::process::eventually;
use heddle_tests::xds_client::{CLUSTER, LISTENER, ROUTE};
use serde_json::{Value, json};

use super::watcher::{SOON, Watcher, start};

const POLICIES: &str = "/apis/security.istio.io/v1/namespaces/default";
const GATEWAYS: &str = "/apis/networking.istio.io/v1/namespaces/default/gateways";
const RULES: &str = "/apis/networking.istio.io/v1/namespaces/default/destinationrules";
const ROUTES: &str = "/apis/networking.istio.io/v1/namespaces/default/virtualservices";

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": name, "namespace": "default"},
        "spec": spec})
}

/// The condition that we write, where it is about the object as it is.
async fn condition(cluster: &Cluster, path: &str) -> Result<Value> {
    let body = cluster.api().await?.get(path).await?.body;
    let conditions = body["status"]["conditions"].as_array().context("conditions")?;
    let ours = conditions.iter().find(|condition| condition["type"] == "Reconciled").context("ours")?;
    let current = &body["metadata"]["generation"];
    ensure!(&ours["observedGeneration"] == current && &body["status"]["observedGeneration"] == current, "{body}");
    Ok(ours.clone())
}

async fn until(cluster: &Cluster, path: &str, status: &str, word: &str) -> Result<Value> {
    let mut last = String::new();
    let what = format!("{status} of {path}");
    let found = eventually(&what, SOON, async || {
        let found = condition(cluster, path).await;
        last = format!("{found:?}");
        found.is_ok_and(|found| found["status"] == status && found.to_string().contains(word))
    })
    .await;
    found.with_context(|| last)?;
    condition(cluster, path).await
}

async fn put(cluster: &Cluster, path: &str, object: &Value) -> Result<Value> {
    let answer = cluster.api().await?.apply(path, object).await?;
    ensure!(answer.accepted(), "{path}: {answer:?}");
    Ok(answer.body)
}

async fn version(cluster: &Cluster, path: &str) -> Result<String> {
    let body = cluster.api().await?.get(path).await?.body;
    Ok(body["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned())
}

/// A route to a subset of a host, and where it is.
fn route(name: &str, subset: &str) -> (String, Value) {
    let host = "a.default.example";
    let spec = json!({"hosts": [host], "http": [{"route": [{"destination": {"host": host, "subset": subset}}]}]});
    (format!("{ROUTES}/{name}"), object("VirtualService", name, &spec))
}

fn entry() -> (String, Value) {
    let spec = json!({"hosts": ["a.default.example"], "resolution": "STATIC",
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}], "endpoints": [{"address": "10.0.0.1"}]});
    let path = "/apis/networking.istio.io/v1/namespaces/default/serviceentries/a".to_owned();
    (path, object("ServiceEntry", "a", &spec))
}

#[test]
fn an_object_says_what_became_of_it_and_saying_so_changes_nothing() -> Result<()> {
    own(async |cluster| {
        cluster.install_crds()?;
        let control = start(cluster, &["--podName=one"]).await?;
        let mut stream = Watcher::connect(&control, "default").await?;
        let (at, good) = entry();
        put(cluster, &at, &good).await?;
        stream.until(&["a.default.example"]).await?;
        until(cluster, &at, "True", "Reconciled").await?;
        // What nobody else may write to stays.
        let addresses = json!({"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
            "metadata": {"name": "a"},
            "status": {"addresses": [{"value": "240.240.0.1", "host": "a.default.example"}]}});
        let written = cluster.api().await?;
        let path = format!("{at}/status?fieldManager=allocator");
        ensure!(written.call(http::Method::PATCH, &path, Some(&addresses)).await?.accepted());
        stream.drain().await?;

        stream.stream.subscribe(LISTENER, &[]).await?;
        stream.stream.accept(LISTENER, SOON).await?;
        stream.stream.subscribe(ROUTE, &["80"]).await?;
        stream.stream.accept(ROUTE, SOON).await?;
        let (path, bad) = route("reviews", "v9");
        put(cluster, &path, &bad).await?;
        let said = until(cluster, &path, "False", "UnknownSubset").await?;
        ensure!(said["message"].as_str().unwrap_or_default().contains("spec.http[0].route[0].destination.subset"));
        let body = cluster.api().await?.get(&path).await?.body;
        ensure!(body["status"]["validationMessages"][0]["type"]["code"] == "IST0101", "{body}");
        stream.drain().await?;

        // Written once, and neither pushed nor committed.
        let versions = (version(cluster, &at).await?, version(cluster, &path).await?);
        let pushes = control.json("/debug/syncz").await?;
        stream.stream.silent(Duration::from_secs(3)).await?;
        ensure!(versions == (version(cluster, &at).await?, version(cluster, &path).await?));
        ensure!(pushes == control.json("/debug/syncz").await?);
        let kept = cluster.api().await?.get(&at).await?.body;
        ensure!(kept["status"]["addresses"][0]["value"] == "240.240.0.1", "{kept}");

        // The rule that was missing comes, and the route is well without having been touched.
        let rule = object("DestinationRule", "a", &json!({"host": "a.default.example", "subsets": [{"name": "v9"}]}));
        put(cluster, &format!("{RULES}/a"), &rule).await?;
        let well = until(cluster, &path, "True", "Reconciled").await?;
        ensure!(well["lastTransitionTime"] != said["lastTransitionTime"], "{well}");
        Ok(())
    })
}

#[test]
fn what_a_proxy_rejects_is_said_and_taken_back() -> Result<()> {
    own(async |cluster| {
        cluster.install_crds()?;
        let control = start(cluster, &[]).await?;
        let mut stream = Watcher::connect(&control, "default").await?;
        let (at, good) = entry();
        put(cluster, &at, &good).await?;
        loop {
            let response = stream.stream.next(SOON).await?;
            if response.type_url == CLUSTER {
                stream.stream.nack(&response, "no cluster of this kind here: outbound|80||a.default.example").await?;
                break;
            }
            stream.stream.ack(&response).await?;
        }
        let said = until(cluster, &at, "False", "Rejected").await?;
        let message = said["message"].as_str().unwrap_or_default();
        ensure!(message.contains("web.default") && message.contains("no cluster of this kind here"), "{message}");
        // It is gone with the proxy that says so.
        drop(stream);
        until(cluster, &at, "True", "Reconciled").await.map(|_| ())
    })
}

/// An Ingress is told the addresses of the service in front of its gateways.
#[test]
fn an_ingress_says_where_it_is_served() -> Result<()> {
    own(async |cluster| {
        let _control = start(cluster, &[]).await?;
        let api = cluster.api().await?;
        let class = json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "istio"},
            "spec": {"controller": "istio.io/ingress-controller"}});
        ensure!(api.post("/apis/networking.k8s.io/v1/ingressclasses", &class).await?.accepted());
        let ingress = |name: &str, class: &str| {
            let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name},
                "spec": {"ingressClassName": class, "defaultBackend": backend}})
        };
        let ingresses = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
        for (name, class) in [("ours", "istio"), ("theirs", "nginx")] {
            let made = api.post(ingresses, &ingress(name, class)).await?;
            ensure!(made.accepted(), "{made:?}");
        }
        let services = "/api/v1/namespaces/istio-system/services";
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "istio-ingressgateway"},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 80}], "externalIPs": ["192.0.2.7"]}});
        ensure!(api.post(services, &service).await?.accepted());
        let said = async |name: &str| {
            Ok::<_, anyhow::Error>(api.get(&format!("{ingresses}/{name}")).await?.body["status"].clone())
        };
        let ours = async |want: Value| said("ours").await.is_ok_and(|said| said["loadBalancer"]["ingress"] == want);
        eventually("an external address", SOON, async || ours(json!([{"ip": "192.0.2.7"}])).await).await?;
        let status = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "istio-ingressgateway"},
            "status": {"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}}});
        let path = format!("{services}/istio-ingressgateway/status?fieldManager=balancer");
        ensure!(api.call(http::Method::PATCH, &path, Some(&status)).await?.accepted());
        let both = json!([{"hostname": "lb.example"}, {"ip": "192.0.2.7"}]);
        eventually("the balancer's name", SOON, async || ours(both.clone()).await).await?;
        ensure!(said("theirs").await? == json!({"loadBalancer": {}}), "{}", said("theirs").await?);
        Ok(())
    })
}

/// A storm of edits costs a few writes, and the last generation is what is told of. Another revision's objects, and all
/// objects where it is turned off, stay as they are.
#[test]
fn storms_cost_little_and_objects_of_others_nothing() -> Result<()> {
    own(async |cluster| {
        cluster.install_crds()?;
        let control = start(cluster, &["--podName=one", "--log_output_level=info,heddled=debug"]).await?;
        let (at, mut foreign) = entry();
        foreign["metadata"]["labels"] = json!({"istio.io/rev": "other"});
        put(cluster, &at, &foreign).await?;
        let path = format!("{ROUTES}/reviews");
        for number in 0..150 {
            let route = json!({"match": [{"uri": {"regex": format!("({number}")}}],
                "route": [{"destination": {"host": "a.default.example"}}]});
            let spec = json!({"hosts": ["a.default.example"], "http": [route]});
            put(cluster, &path, &object("VirtualService", "reviews", &spec)).await?;
        }
        let said = until(cluster, &path, "False", "BadRegex").await?;
        ensure!(said["observedGeneration"] == 150, "{said}");
        let writes = control.process.log().lines().filter(|line| line.contains("wrote a status")).count();
        println!("150 edits, {writes} writes of the status");
        ensure!((1..=30).contains(&writes), "{writes} writes");
        ensure!(cluster.api().await?.get(&at).await?.body["status"] == Value::Null);
        drop(control);

        let _silent = start(cluster, &["--podName=two", "--status=false"]).await?;
        let (path, later) = route("later", "v9");
        put(cluster, &path, &later).await?;
        tokio::time::sleep(Duration::from_secs(3)).await;
        ensure!(cluster.api().await?.get(&path).await?.body["status"] == Value::Null);
        Ok(())
    })
}

fn policy(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "security.istio.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// A kind without effect is watched, and its objects say what they do not do.
#[test]
fn a_kind_without_effect_says_so() -> Result<()> {
    own(async |cluster| {
        cluster.install_crds()?;
        let control = start(cluster, &[]).await?;
        let path = format!("{POLICIES}/authorizationpolicies/deny");
        put(cluster, &path, &policy("AuthorizationPolicy", "deny", &json!({"action": "DENY", "rules": [{}]}))).await?;
        let said = until(cluster, &path, "False", "NotSupported").await?;
        ensure!(said["message"].as_str().is_some_and(|text| text.contains("requests that it denies are allowed")));
        ensure!(control.process.log().contains("requests that it denies are allowed"), "{}", control.process.log());
        // Its own status is no reason to write it again.
        let before = version(cluster, &path).await?;
        tokio::time::sleep(Duration::from_secs(3)).await;
        ensure!(before == version(cluster, &path).await?);
        let claim = json!({"headers": {"@request.auth.claims.role": {"exact": "admin"}}});
        let http = json!({"match": [claim], "route": [{"destination": {"host": "a.default.example"}}]});
        let spec = json!({"hosts": ["a.default.example"], "http": [http]});
        let path = format!("{ROUTES}/claims");
        put(cluster, &path, &object("VirtualService", "claims", &spec)).await?;
        until(cluster, &path, "False", "NotSupported").await?;
        Ok(())
    })
}

/// What is bound to nothing, leads to nothing or is overruled is not True, though no proxy is connected.
#[test]
fn an_object_that_leads_to_nothing_is_not_true() -> Result<()> {
    own(async |cluster| {
        cluster.install_crds()?;
        let _control = start(cluster, &[]).await?;
        let (at, good) = entry();
        put(cluster, &at, &good).await?;
        until(cluster, &at, "True", "NoProxies").await?;
        let route = json!({"hosts": ["a.default.example"], "gateways": ["edge"],
            "http": [{"route": [{"destination": {"host": "a.default.example"}}]}]});
        let path = format!("{ROUTES}/edge");
        put(cluster, &path, &object("VirtualService", "edge", &route)).await?;
        until(cluster, &path, "False", "UnknownGateway").await?;
        let server = json!({"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]});
        let gateway = json!({"selector": {"app": "edge"}, "servers": [server]});
        put(cluster, &format!("{GATEWAYS}/edge"), &object("Gateway", "edge", &gateway)).await?;
        until(cluster, &format!("{GATEWAYS}/edge"), "Unknown", "NoWorkloads").await?;
        until(cluster, &path, "Unknown", "NoWorkloads").await?;

        let (path, bad) = self::route("subset", "v9");
        put(cluster, &path, &bad).await?;
        until(cluster, &path, "False", "UnknownSubset").await?;
        let rule = json!({"host": "a.default.example", "subsets": [{"name": "v9", "labels": {"version": "v9"}}]});
        put(cluster, &format!("{RULES}/a"), &object("DestinationRule", "a", &rule)).await?;
        until(cluster, &format!("{RULES}/a"), "False", "EmptySubset").await?;
        until(cluster, &path, "True", "NoProxies").await?;
        Ok(())
    })
}

/// Of two policies of one scope the older one counts; a selector without workloads is not known to work.
#[test]
fn an_overruled_policy_is_not_true() -> Result<()> {
    own(async |cluster| {
        cluster.install_crds()?;
        let _control = start(cluster, &[]).await?;
        let mode = |mode: &str| json!({"mtls": {"mode": mode}});
        let at = |name: &str| format!("{POLICIES}/peerauthentications/{name}");
        put(cluster, &at("first"), &policy("PeerAuthentication", "first", &mode("STRICT"))).await?;
        until(cluster, &at("first"), "True", "NoProxies").await?;
        // Creation times have whole seconds.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        put(cluster, &at("second"), &policy("PeerAuthentication", "second", &mode("DISABLE"))).await?;
        let said = until(cluster, &at("second"), "False", "Overruled").await?;
        ensure!(said["message"].as_str().is_some_and(|text| text.contains("default/first")), "{said}");
        let selector = json!({"selector": {"matchLabels": {"app": "none"}}, "mtls": {"mode": "STRICT"}});
        put(cluster, &at("none"), &policy("PeerAuthentication", "none", &selector)).await?;
        until(cluster, &at("none"), "Unknown", "NoWorkloads").await?;
        let api = cluster.api().await?;
        ensure!(api.call(http::Method::DELETE, &at("first"), None).await?.accepted());
        until(cluster, &at("second"), "True", "NoProxies").await.map(|_| ())
    })
}

/// Outside a pod every process has the same default name. Only one of them may write.
#[test]
fn of_two_processes_with_one_name_one_leads() -> Result<()> {
    own(async |cluster| {
        cluster.install_crds()?;
        let both = [start(cluster, &["--podName=same"]).await?, start(cluster, &["--podName=same"]).await?];
        for lease in ["heddle-leader", "heddle-status-leader"] {
            let leads = |control: &&Control| {
                let log = control.process.log();
                let name = format!("\"lease\":\"{lease}\"");
                log.lines().any(|line| line.contains(&name) && line.contains("\"held\":true"))
            };
            eventually(lease, SOON, async || both.iter().any(|one| leads(&one))).await?;
            // Each has tried again meanwhile.
            tokio::time::sleep(Duration::from_secs(5)).await;
            ensure!(both.iter().filter(leads).count() == 1, "{lease}: {} lead", both.iter().filter(leads).count());
        }
        Ok(())
    })
}
