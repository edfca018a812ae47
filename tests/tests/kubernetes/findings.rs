//! Each row of the table of docs/day-two.md, on a real API server: what is wrong with an object shows in the condition,
//! the event, the log, the debug page, `heddlectl analyze` and `heddlectl check`, and in the answer to `kubectl apply`.

#[path = "findings/rows.rs"]
mod rows;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use heddle_tests::cluster::{Cluster, own};
use heddle_tests::control::Control;
use heddle_tests::process::eventually;
use heddle_tests::product;
use heddle_tests::xds_client::CLUSTER;
use serde_json::{Value, json};

use self::rows::{CASES, COMMON, Case, Row, rows};
use super::watcher::{SOON, Watcher, start};
use super::webhook::validator;

/// How long it may take until everything shows.
const LIMIT: Duration = Duration::from_secs(2);
/// How often an object is applied until the answer warns.
const TRIES: usize = 20;
/// The row that needs a proxy.
const REJECTED: &str = "proxies reject a resource of the object";

#[test]
fn the_table_has_a_case_for_each_row() -> Result<()> {
    for row in rows()? {
        let has_case = CASES.iter().any(|case| case.row == (row.object.as_str(), row.cause.as_str()));
        ensure!(has_case || row.cause == REJECTED, "no case for {row:?}");
    }
    for case in &CASES {
        row_of(case)?;
    }
    Ok(())
}

#[test]
fn each_cause_shows_where_the_table_says() -> Result<()> {
    own(async |cluster| {
        cluster.install_crds()?;
        let control = start(cluster, &[]).await?;
        let mut spaces = Vec::new();
        for number in 1..=CASES.len() {
            spaces.push(namespace(cluster, &format!("row{number}"), number).await?);
        }
        // An invalid object can only be there if nobody validated it.
        let mut seen = Seen { cluster, control: &control };
        let before = |case: &&(&Case, &String)| row_of(case.0).is_ok_and(|row| row.apply == "error");
        let all: Vec<(&Case, &String)> = CASES.iter().zip(&spaces).collect();
        for (case, space) in all.iter().filter(before) {
            seen.check(case, space, false).await?;
        }
        validate(cluster, &control).await?;
        for (case, space) in &all {
            seen.check(case, space, true).await?;
        }
        for (case, space) in &all {
            seen.recorded(case, space)?;
        }
        seen.commands(&all)
    })
}

/// One proxy of another namespace does not decide about an object; one of its own namespace does.
#[test]
fn a_rejection_shows_where_the_table_says() -> Result<()> {
    own(async |cluster| {
        cluster.install_crds()?;
        let control = start(cluster, &[]).await?;
        for (number, name) in (1..).zip(["shop", "evil"]) {
            namespace(cluster, name, number).await?;
        }
        let mut evil = Watcher::connect(&control, "evil").await?;
        let mut own = Watcher::connect(&control, "shop").await?;
        let entry = "{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: target, \
                     namespace: shop}, spec: {hosts: [a.shop.example], resolution: STATIC, ports: [{number: 80, \
                     name: http, protocol: HTTP}], endpoints: [{address: 10.0.0.1}]}}";
        cluster.apply(entry)?;
        reject(&mut evil, "call +1 555\n\u{1b}[31mnow: outbound|80||a.shop.example").await?;
        own.until(&["a.shop.example", "web.shop.svc.cluster.local"]).await?;
        let seen = Seen { cluster, control: &control };
        let few = seen.condition("serviceentry", "shop", "1 of 2 proxies rejects", SOON).await?;
        let text = few["message"].as_str().unwrap_or_default();
        ensure!(few["status"] == "True" && text.contains("web.evil says: \"call +1 555"), "{few}");
        ensure!(!text.contains('\u{1b}'), "{few}");
        drop(evil);
        seen.condition("serviceentry", "shop", "\"Reconciled\"", SOON).await?;

        let other = entry.replace("10.0.0.1", "10.0.0.2").replace("resolution: STATIC", "resolution: DNS");
        cluster.apply(&other)?;
        reject(&mut own, "no such cluster: outbound|80||a.shop.example").await?;
        let row = rows()?.into_iter().find(|row| row.cause == REJECTED).context("the row")?;
        seen.shown(&row, "serviceentry", "shop").await?;
        ensure!(control.process.log().contains("no such cluster"), "{}", control.process.log());
        Ok(())
    })
}

/// Rejects the next clusters.
async fn reject(watcher: &mut Watcher, words: &str) -> Result<()> {
    loop {
        let response = watcher.stream.next(SOON).await?;
        if response.type_url == CLUSTER {
            return watcher.stream.nack(&response, words).await;
        }
        watcher.stream.ack(&response).await?;
    }
}

/// Makes a namespace with what all cases need. Its pod runs nowhere, and has an address all the same.
async fn namespace(cluster: &Cluster, name: &str, number: usize) -> Result<String> {
    cluster.apply(&format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}"))?;
    apply(cluster, name, COMMON)?;
    let address = format!("10.9.0.{number}");
    let status = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "gate"},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}});
    let path = format!("/api/v1/namespaces/{name}/pods/gate/status");
    let answer = cluster.api().await?.apply(&path, &status).await?;
    ensure!(answer.accepted(), "{answer:?}");
    Ok(name.to_owned())
}

/// Applies objects in a namespace with kubectl. Gives what it says on its standard error.
fn apply(cluster: &Cluster, namespace: &str, objects: &str) -> Result<String> {
    let objects = objects.replace("NAMESPACE", namespace);
    let out = cluster.kubectl(&["apply", "-n", namespace, "-f", "-"], &objects)?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    ensure!(out.status.success(), "{said}");
    Ok(said)
}

/// Lets the API server ask the control plane about all objects, and waits until it does.
async fn validate(cluster: &Cluster, control: &Control) -> Result<()> {
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let api = cluster.api().await?;
    let made = api.post(path, &validator(&control.address("https")?)).await?;
    ensure!(made.accepted(), "{made:?}");
    let one = format!("{path}/istio-validator-istio-system");
    let is_asked =
        async || api.get(&one).await.is_ok_and(|answer| answer.body["webhooks"][0]["failurePolicy"] == "Fail");
    eventually("failurePolicy Fail", SOON, async || is_asked().await).await
}

fn row_of(case: &Case) -> Result<Row> {
    let row = rows()?.into_iter().find(|row| (row.object.as_str(), row.cause.as_str()) == case.row);
    row.with_context(|| format!("the table of docs/day-two.md has no row {:?}", case.row))
}

/// What shows on a cluster.
struct Seen<'a> {
    cluster: &'a Cluster,
    control: &'a Control,
}

impl Seen<'_> {
    /// Applies the objects of a case and looks at the answer. Unless the answer refuses them, looks at the condition.
    async fn check(&mut self, case: &Case, space: &str, is_validated: bool) -> Result<()> {
        let row = row_of(case)?;
        // Of an object that is there already kubectl would change nothing.
        let is_again = row.apply == "error" && is_validated;
        let objects = if is_again { case.objects.replace("target", "again") } else { case.objects.to_owned() };
        let mut answer = apply(self.cluster, space, &objects);
        let is_it =
            |line: &str| line.starts_with("Warning: ") && (line.contains(&row.code) || row.code == "NotSupported");
        let is_warned = |answer: &Result<String>| answer.as_ref().is_ok_and(|said| said.lines().any(is_it));
        // heddled may not have seen the first object of a case yet when kubectl applies the second.
        for number in 0..TRIES {
            if row.apply != "warning" || is_warned(&answer) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            let annotated = format!("name: target, annotations: {{number: \"{number}\"}}}}");
            answer = apply(self.cluster, space, &objects.replace("name: target}", &annotated));
        }
        match (row.apply.as_str(), answer) {
            ("error", Err(error)) if is_validated => {
                ensure!(error.to_string().contains("denied the request"), "{row:?}: {error:#}");
                return Ok(());
            }
            ("error", Ok(_)) if !is_validated => {}
            ("warning", Ok(said)) => ensure!(said.lines().any(is_it), "{row:?}: {said}"),
            (_, answer) => bail!("{row:?}: {answer:?}"),
        }
        self.shown(&row, case.kind, space).await
    }

    /// Waits for the condition, the event, the log and the debug page.
    async fn shown(&self, row: &Row, kind: &str, space: &str) -> Result<()> {
        let begin = Instant::now();
        let status = format!("\"status\":\"{}\"", row.condition);
        let said = self.condition(kind, space, &status, SOON).await.with_context(|| format!("{row:?}"))?;
        let reason = said["reason"].as_str().unwrap_or_default().to_owned();
        ensure!(row.reasons.iter().any(|word| reason.starts_with(word.as_str())), "{row:?}: {said}");
        let (name, word) = (format!("{space}/target"), reason.as_str());
        let is_recorded = async || self.events(space).await.is_ok_and(|all| all.contains(&reason));
        eventually("an event", SOON, is_recorded).await.with_context(|| format!("{row:?}"))?;
        let took = begin.elapsed();
        // On a busy machine each look takes long itself.
        let again = Instant::now();
        self.condition(kind, space, &status, SOON).await?;
        self.events(space).await?;
        let looks = again.elapsed() * 2;
        ensure!(took <= LIMIT + looks, "{row:?}: it took {took:?}, of which looking may have taken {looks:?}");
        let log = self.control.process.log();
        let is_logged = |line: &&str| line.contains(&name) && (line.contains(word) || line.contains("rejected"));
        ensure!(log.lines().any(|line| is_logged(&line)), "{row:?} is not in the log:\n{log}");
        let page = self.control.json("/debug/issuez").await?;
        let is_it = |one: &&Value| one["object"]["namespace"] == *space && one["reason"] == *word;
        ensure!(page.as_array().into_iter().flatten().any(|one| is_it(&one)), "{row:?}: {page}");
        Ok(())
    }

    /// Our condition of the target of a namespace, when it contains a text.
    async fn condition(&self, kind: &str, space: &str, text: &str, limit: Duration) -> Result<Value> {
        let mut last = Value::Null;
        let read = || -> Result<Value> {
            let out = self.cluster.kubectl(&["get", kind, "target", "-n", space, "-o", "json"], "")?;
            let object: Value = serde_json::from_slice(&out.stdout)?;
            let conditions = object["status"]["conditions"].as_array().context("conditions")?.clone();
            let ours = conditions.into_iter().find(|one| one["type"] == "Reconciled").context("ours")?;
            ensure!(ours["observedGeneration"] == object["metadata"]["generation"], "{object}");
            Ok(ours)
        };
        let found = eventually("the condition", limit, async || {
            last = read().unwrap_or_default();
            last.to_string().contains(text)
        });
        found.await.with_context(|| format!("{text} of {kind} {space}/target: {last}"))?;
        Ok(last)
    }

    /// The reasons of the events about the target of a namespace.
    async fn events(&self, space: &str) -> Result<Vec<String>> {
        let path = format!("/api/v1/namespaces/{space}/events?fieldSelector=involvedObject.name%3Dtarget");
        let all = self.cluster.api().await?.get(&path).await?.body;
        let reasons = all["items"].as_array().context("items")?.iter().filter_map(|one| one["reason"].as_str());
        Ok(reasons.map(str::to_owned).collect())
    }

    /// `kubectl describe` shows the event.
    fn recorded(&self, case: &Case, space: &str) -> Result<()> {
        let out = self.cluster.kubectl(&["describe", case.kind, "target", "-n", space], "")?;
        let said = String::from_utf8_lossy(&out.stdout);
        let events = said.split_once("Events:").context("events")?.1;
        let row = row_of(case)?;
        ensure!(row.reasons.iter().any(|word| events.contains(word.as_str())), "{row:?}: {said}");
        Ok(())
    }

    /// `heddlectl analyze` and `heddlectl check` show all rows.
    fn commands(&self, all: &[(&Case, &String)]) -> Result<()> {
        let run = |arguments: &[&str]| -> Result<Vec<Value>> {
            let out = self.cluster.command(product::binary("heddlectl")?).args(arguments).output()?;
            serde_json::from_slice(&out.stdout).with_context(|| String::from_utf8_lossy(&out.stderr).into_owned())
        };
        let found = run(&["analyze", "--all-namespaces", "-o", "json"])?;
        let checked = run(&["check", "-o", "json"])?;
        for (case, space) in all {
            let row = row_of(case)?;
            let is_it = |one: &&Value| {
                one["code"] == *row.code
                    && one["resource"].as_str().is_some_and(|of| of.ends_with(&format!("{space}/target")))
            };
            let of_space: Vec<&Value> =
                found.iter().filter(|one| one["resource"].to_string().contains(&format!("{space}/"))).collect();
            ensure!(found.iter().any(|one| is_it(&one)), "{row:?} is not in analyze: {of_space:#?}");
            let is_told = |one: &&Value| {
                let (place, text) = (one["place"].as_str().unwrap_or_default(), one["message"].to_string());
                match row.code.as_str() {
                    "NotSupported" => text.contains(&format!("{space}/target")) && one["level"] == "error",
                    code => place == "analysis" && text.contains(code),
                }
            };
            ensure!(checked.iter().any(|one| is_told(&one)), "{row:?} is not in check: {checked:#?}");
        }
        Ok(())
    }
}
