//! Reads an AdmissionReview in bounded memory, and writes the response.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

/// The most values of an object. Three megabytes of brackets in JSON would take a hundred times that in memory. An
/// object that etcd accepts has some ten thousand values.
const MAX_VALUES: usize = 300_000;
/// The most warnings. `kubectl` prints each on a line.
const MAX_WARNINGS: usize = 20;

/// The request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    /// The id of the request. The response repeats it.
    pub uid: String,
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    #[serde(default)]
    pub operation: String,
    /// The namespace of the object.
    #[serde(default)]
    pub namespace: String,
    /// The new object.
    #[serde(default)]
    pub object: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    request: Request,
}

/// The response to a request.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Why the object is refused. `None` accepts it.
    pub refused: Option<String>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// The change of the object, as JSON Patch.
    pub patch: Option<Value>,
}

/// Reads a review. The parser has a depth limit of 128.
pub(super) fn read(body: &[u8]) -> Result<Request, String> {
    let values = body.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
    if values > MAX_VALUES {
        return Err(format!("the object has more than {MAX_VALUES} values"));
    }
    let review: Review =
        serde_json::from_slice(body).map_err(|error| format!("the request is not an AdmissionReview: {error}"))?;
    if review.kind != "AdmissionReview" || review.api_version != "admission.k8s.io/v1" {
        return Err("the request is not an AdmissionReview of admission.k8s.io/v1".into());
    }
    Ok(review.request)
}

/// The review with the response.
pub(super) fn write(uid: &str, answer: Answer) -> Value {
    let mut response = json!({"uid": uid, "allowed": answer.refused.is_none()});
    if let Some(reason) = answer.refused {
        response["status"] = json!({"status": "Failure", "message": reason, "reason": "Invalid", "code": 422});
    }
    if let Some(patch) = answer.patch {
        response["patchType"] = "JSONPatch".into();
        response["patch"] = STANDARD.encode(patch.to_string()).into();
    }
    if !answer.warnings.is_empty() {
        response["warnings"] = answer.warnings.into_iter().take(MAX_WARNINGS).collect();
    }
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The class of ISTIO-SECURITY-2022-004: a body that is nested without end.
    #[test]
    fn what_is_no_review_is_refused_and_takes_no_memory() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let wide = format!("[{}1]", "1,".repeat(MAX_VALUES));
        for body in ["", "{", "null", "{}", r#"{"kind": "Pod", "request": {"uid": "a"}}"#, &deep, &wide] {
            assert!(read(body.as_bytes()).is_err(), "{body:.40}");
        }
        let deep = format!(
            r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"a","object":{deep}}}}}"#
        );
        assert!(read(deep.as_bytes()).is_err());
    }

    #[test]
    fn the_answer_names_the_question() {
        let text = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview",
            "request":{"uid":"a","operation":"CREATE"}}"#;
        let request = read(text.as_bytes()).unwrap();
        assert_eq!((request.uid.as_str(), request.operation.as_str(), &request.object), ("a", "CREATE", &Value::Null));
        let answer = write("a", Answer { refused: Some("no".into()), warnings: vec!["w".into(); 30], patch: None });
        assert_eq!((&answer["response"]["allowed"], &answer["response"]["uid"]), (&json!(false), &json!("a")));
        assert_eq!(answer["response"]["warnings"].as_array().map(Vec::len), Some(MAX_WARNINGS));
    }
}
