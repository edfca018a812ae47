//! An AdmissionReview: read in bounded memory, and answered.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

/// The most values that an object may be made of: JSON that fills three megabytes with brackets would take a hundred
/// times that in memory. An object that etcd takes has some ten thousand.
const MAX_VALUES: usize = 300_000;
/// Warnings shown at most; `kubectl` prints each on a line.
const MAX_WARNINGS: usize = 20;

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    /// Names the question; the answer repeats it.
    pub uid: String,
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    #[serde(default)]
    pub operation: String,
    /// Where the object is to be.
    #[serde(default)]
    pub namespace: String,
    /// The object as it is to be.
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

/// What is said to the question.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Why the object is refused; none: it is taken.
    pub refused: Option<String>,
    /// What its author is told besides.
    pub warnings: Vec<String>,
    /// What is changed of it, as JSON Patch.
    pub patch: Option<Value>,
}

/// Reads a review. The parser ends at a depth of 128.
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

/// The review that answers.
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
        let text = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"a","operation":"CREATE"}}"#;
        let request = read(text.as_bytes()).unwrap();
        assert_eq!((request.uid.as_str(), request.operation.as_str(), &request.object), ("a", "CREATE", &Value::Null));
        let answer = write("a", Answer { refused: Some("no".into()), warnings: vec!["w".into(); 30], patch: None });
        assert_eq!((&answer["response"]["allowed"], &answer["response"]["uid"]), (&json!(false), &json!("a")));
        assert_eq!(answer["response"]["warnings"].as_array().map(Vec::len), Some(MAX_WARNINGS));
    }
}
