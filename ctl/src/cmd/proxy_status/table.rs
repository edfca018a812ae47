//! The table of `proxy-status`. It has a line for each proxy and a column for each type, and the rejections below.

use std::fmt::Write;

use serde_json::Value;

/// Columns of types, by the name of the message that ends their type URL.
const TYPES: [(&str, &str); 6] = [
    ("CDS", "envoy.config.cluster.v3.Cluster"),
    ("LDS", "envoy.config.listener.v3.Listener"),
    ("EDS", "envoy.config.endpoint.v3.ClusterLoadAssignment"),
    ("RDS", "envoy.config.route.v3.RouteConfiguration"),
    ("VHDS", "envoy.config.route.v3.VirtualHost"),
    ("ECDS", "envoy.config.core.v3.TypedExtensionConfig"),
];

/// The table, with a line for each rejection after it.
pub(super) fn table(proxies: &[&Value]) -> String {
    let head =
        ["NAME", "CLUSTER", "TYPE"].into_iter().chain(TYPES.map(|(column, _)| column)).chain(["VERSION", "HEDDLED"]);
    let mut rows = vec![head.map(str::to_owned).collect::<Vec<_>>()];
    rows.extend(proxies.iter().map(|proxy| row(proxy)));
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    for proxy in proxies {
        for (kind, state) in rejections(proxy) {
            let _ = writeln!(text, "\n{} rejected {kind}: {}", word(proxy, "proxy"), word(state, "lastError"));
            for object in state["objects"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                let _ = writeln!(text, "  from {object}");
            }
        }
    }
    text
}

/// What a proxy has rejected, by type.
pub(super) fn rejections(proxy: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let types = proxy["resources"].as_object().into_iter().flatten();
    let rejected = types.filter(|(_, state)| state["lastError"].is_string());
    rejected.map(|(url, state)| (url.rsplit('.').next().unwrap_or(url), state))
}

fn row(proxy: &Value) -> Vec<String> {
    let of = |name: &str| word(proxy, name).to_owned();
    let state = |(_, message): &(&str, &str)| {
        let status = proxy["resources"][format!("type.googleapis.com/{message}")]["status"].as_str();
        status.map_or("-".to_owned(), |status| status.replace('_', " "))
    };
    let types = TYPES.iter().map(state);
    [of("proxy"), of("cluster_id"), of("proxy_type")]
        .into_iter()
        .chain(types)
        .chain([of("proxy_version"), of("heddled")])
        .collect()
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_a_proxy_and_a_line_a_rejection() {
        let proxy = json!({
            "proxy": "web-1.shop", "cluster_id": "Kubernetes", "proxy_type": "sidecar", "proxy_version": "1.40.0",
            "heddled": "istiod-1",
            "resources": {
                "type.googleapis.com/envoy.config.cluster.v3.Cluster": {"status": "SYNCED"},
                "type.googleapis.com/envoy.config.listener.v3.Listener": {"status": "NOT_SENT"},
                "type.googleapis.com/envoy.config.route.v3.RouteConfiguration":
                    {"status": "ERROR", "lastError": "bad regex", "objects": ["VirtualService shop/web"]},
            },
        });
        let want = "NAME        CLUSTER     TYPE     CDS     LDS       EDS  RDS    VHDS  ECDS  VERSION  HEDDLED\n\
                    web-1.shop  Kubernetes  sidecar  SYNCED  NOT SENT  -    ERROR  -     -     1.40.0   istiod-1\n\
                    \nweb-1.shop rejected RouteConfiguration: bad regex\n  from VirtualService shop/web\n";
        assert_eq!(table(&[&proxy]), want);
    }
}
