//! The version of this process, in the forms that tools take apart.

use serde_json::{Value, json};

/// What stands where istiod has the revision of its source.
const PROGRAM: &str = "heddle";
/// What istiod says of a build without changes of its source.
const STATUS: &str = "Clean";

/// As `/version` says it: version, revision and status. `istioctl version` splits it at the dashes, Kiali takes the
/// three numbers.
pub(super) fn text() -> String {
    format!("{}-{PROGRAM}-{STATUS}", env!("CARGO_PKG_VERSION"))
}

/// Who answers a discovery request, in istiod's words: tools show it beside each proxy.
pub(super) fn identifier(pod: &str) -> String {
    json!({"Component": "istiod", "ID": pod, "Info": info()}).to_string()
}

fn info() -> Value {
    let version = env!("CARGO_PKG_VERSION");
    json!({"version": version, "revision": PROGRAM, "golang_version": "", "status": STATUS, "tag": version})
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_text_has_the_three_parts_that_istioctl_splits() {
        let text = super::text();
        assert_eq!(text.split('-').collect::<Vec<_>>(), [env!("CARGO_PKG_VERSION"), "heddle", "Clean"]);
    }
}
