//! What keeps the pods of a workload from being ready, in the words of the kubelet, the scheduler and the API server.

use anyhow::Result;
use serde_json::Value;

use crate::server::Server;

/// The states of a container that starts.
const STARTING: [&str; 3] = ["ContainerCreating", "PodInitializing", ""];
/// How many lines of a log are shown.
const LINES: usize = 5;
/// The longest line that is shown, in characters.
const LONGEST: usize = 300;

/// Something that is wrong with a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// The same for one problem at different times, although its text may change.
    pub(super) key: String,
    /// The object, the reason and the message. Further lines are indented by two columns more.
    pub(super) text: String,
}

impl Problem {
    fn new(place: &str, reason: &str, message: &str) -> Self {
        let message = message.trim().replace('\n', "\n    ");
        let separator = if message.is_empty() { "" } else { ": " };
        Self { key: format!("{place} {reason}"), text: format!("{place}: {reason}{separator}{message}") }
    }
}

/// The problems of a workload that is not ready. `is_late` adds what is normal for a moment while pods start.
pub(super) async fn find(server: &Server, live: &Value, is_late: bool) -> Vec<Problem> {
    let mut found = refused(live);
    match pods(server, live).await {
        Ok(pods) => {
            for pod in pods.iter().filter(|pod| !is_ready(pod)) {
                found.extend(of_pod(server, pod, is_late).await);
            }
            if pods.is_empty() && found.is_empty() && is_late {
                found.extend(event(server, live).await);
            }
        }
        Err(error) => found.push(Problem::new("the pods", "they cannot be read", &format!("{error:#}"))),
    }
    found
}

/// Pods that the API server refuses to create.
fn refused(live: &Value) -> Vec<Problem> {
    let conditions = list(&live["status"]["conditions"]);
    let failed = conditions.filter(|one| one["type"] == "ReplicaFailure" && one["status"] == "True");
    failed.map(|one| Problem::new("the pods", text(&one["reason"]), text(&one["message"]))).collect()
}

/// The pods of the newest template. Those of an older one end by themselves.
async fn pods(server: &Server, live: &Value) -> Result<Vec<Value>> {
    let namespace = text(&live["metadata"]["namespace"]);
    let labels = live["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten();
    let labels: Vec<String> = labels.map(|(key, value)| format!("{}%3D{}", escaped(key), text(value))).collect();
    let selector = format!("labelSelector={}", labels.join("%2C"));
    let mut pods = server.list(&format!("/api/v1/namespaces/{namespace}/pods?{selector}")).await?;
    pods.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    let hash = "pod-template-hash";
    let revision = |object: &Value| object["metadata"]["annotations"]["deployment.kubernetes.io/revision"].clone();
    if live["kind"] == "Deployment" && revision(live).is_string() {
        let sets = server.list(&format!("/apis/apps/v1/namespaces/{namespace}/replicasets?{selector}")).await?;
        let newest = sets.iter().find(|set| revision(set) == revision(live));
        if let Some(newest) = newest.map(|set| &set["metadata"]["labels"][hash]).filter(|hash| hash.is_string()) {
            pods.retain(|pod| pod["metadata"]["labels"][hash] == *newest);
        }
    }
    Ok(pods)
}

async fn of_pod(server: &Server, pod: &Value, is_late: bool) -> Vec<Problem> {
    let (place, status) = (format!("pod {}", text(&pod["metadata"]["name"])), &pod["status"]);
    let mut found = Vec::new();
    if status["phase"] == "Failed" {
        found.push(Problem::new(&place, text(&status["reason"]), text(&status["message"])));
    }
    let mut conditions = list(&status["conditions"]);
    if let Some(unscheduled) = conditions.find(|one| one["type"] == "PodScheduled" && one["status"] == "False") {
        found.push(Problem::new(&place, text(&unscheduled["reason"]), text(&unscheduled["message"])));
    }
    for container in list(&status["initContainerStatuses"]).chain(list(&status["containerStatuses"])) {
        found.extend(of_container(server, pod, container).await);
    }
    if found.is_empty() && is_late {
        found.extend(event(server, pod).await);
    }
    found
}

async fn of_container(server: &Server, pod: &Value, status: &Value) -> Option<Problem> {
    let name = text(&status["name"]);
    let place = format!("pod {}: container {name}", text(&pod["metadata"]["name"]));
    let (waiting, ended) = (&status["state"]["waiting"], &status["state"]["terminated"]);
    let is_crash = |ended: &Value| ended["exitCode"].as_i64().is_some_and(|code| code != 0);
    if is_crash(ended) {
        let log = log(server, pod, name, false).await;
        return Some(Problem::new(&place, text(&ended["reason"]), &ending(status, ended, &log)));
    }
    let reason = text(&waiting["reason"]);
    if STARTING.contains(&reason) {
        return None;
    }
    let last = &status["lastState"]["terminated"];
    if reason == "CrashLoopBackOff" && last.is_object() {
        let log = log(server, pod, name, true).await;
        return Some(Problem::new(&place, reason, &ending(status, last, &log)));
    }
    Some(Problem::new(&place, reason, text(&waiting["message"])))
}

/// How a container ended, with its last words.
fn ending(status: &Value, ended: &Value, log: &str) -> String {
    let reason = ended["reason"].as_str().filter(|reason| *reason != "Error");
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let restarts = status["restartCount"].as_u64().filter(|restarts| *restarts > 0);
    let restarts = restarts.map(|restarts| format!(", and was restarted {restarts} times")).unwrap_or_default();
    let text = format!("it ended with exit code {}{reason}{restarts}", ended["exitCode"]);
    let said = [ended["message"].as_str().unwrap_or_default(), log];
    let lines: Vec<String> =
        said.iter().flat_map(|text| text.lines()).map(|line| line.chars().take(LONGEST).collect()).collect();
    if lines.is_empty() { text } else { format!("{text}. Its last lines:\n{}", lines.join("\n")) }
}

/// The last lines of a container, now or before its last restart.
async fn log(server: &Server, pod: &Value, container: &str, previous: bool) -> String {
    let [namespace, name] = ["namespace", "name"].map(|key| text(&pod["metadata"][key]));
    let query = format!("container={container}&tailLines={LINES}&previous={previous}");
    // A log that cannot be read must not hide the problem itself.
    server.text(&format!("/api/v1/namespaces/{namespace}/pods/{name}/log?{query}")).await.unwrap_or_default()
}

/// The newest warning among the Events of an object.
async fn event(server: &Server, object: &Value) -> Option<Problem> {
    let [kind, namespace, name] =
        [&object["kind"], &object["metadata"]["namespace"], &object["metadata"]["name"]].map(text);
    let fields = format!("involvedObject.kind%3D{kind}%2CinvolvedObject.name%3D{name}%2Ctype%3DWarning");
    let events = server.list(&format!("/api/v1/namespaces/{namespace}/events?fieldSelector={fields}")).await.ok()?;
    let newest = events.iter().max_by_key(|event| text(&event["lastTimestamp"]).to_owned())?;
    let place = format!("{} {name}", kind.to_lowercase());
    Some(Problem::new(&place, text(&newest["reason"]), text(&newest["message"])))
}

fn is_ready(pod: &Value) -> bool {
    list(&pod["status"]["conditions"]).any(|one| one["type"] == "Ready" && one["status"] == "True")
}

/// A label's key in a query: it may have a slash.
fn escaped(key: &str) -> String {
    key.replace('/', "%2F")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_ending_names_its_code_and_its_last_lines() {
        let ended = json!({"exitCode": 137, "reason": "OOMKilled"});
        let status = json!({"restartCount": 3});
        let want = "it ended with exit code 137 (OOMKilled), and was restarted 3 times. Its last lines:\none\ntwo";
        assert_eq!(ending(&status, &ended, "one\ntwo\n"), want);
        assert_eq!(ending(&json!({}), &json!({"exitCode": 1, "reason": "Error"}), ""), "it ended with exit code 1");
    }

    #[test]
    fn a_pod_that_is_refused_is_named_by_the_api_server() {
        let live = json!({"status": {"conditions": [
            {"type": "Available", "status": "False", "message": "no"},
            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: small"},
        ]}});
        let problem = Problem {
            key: "the pods FailedCreate".into(),
            text: "the pods: FailedCreate: exceeded quota: small".into(),
        };
        assert_eq!(refused(&live), [problem]);
    }
}
