//! Checks the templates of the injector. Heddle does not run Go templates.

use anyhow::Result;
use heddle_inject::Settings;
use serde_json::Value;

use super::Report;
use crate::chart;
use crate::release::title;
use crate::server::Server;

/// Finds Go templates in the injector's ConfigMaps.
pub(super) async fn templates(server: &Server, namespace: &str, report: &mut Report) -> Result<()> {
    for map in server.list(&format!("/api/v1/namespaces/{namespace}/configmaps")).await? {
        if !map["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("istio-sidecar-injector")) {
            continue;
        }
        let key = |key: &str| map["data"][key].as_str().map_or(Ok(Value::Null), chart::yaml);
        let read = || -> Result<Vec<String>> {
            Ok(Settings::new(&Value::Null, &key("values")?)?.with_config(&key("config")?)?.go_templates())
        };
        match read() {
            Ok(names) if names.is_empty() => report.ok(title(&map), "it has no Go templates"),
            Ok(names) => report.warn(
                title(&map),
                format!(
                    "key config has Go templates, which are not run: {}. Use values and overlays (docs/injection.md)",
                    names.join(", ")
                ),
            ),
            Err(error) => report.error(title(&map), format!("invalid data: {error:#}")),
        }
    }
    Ok(())
}
