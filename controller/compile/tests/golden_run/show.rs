//! What a case is made of, and which part of the output it looks at.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::Output;

/// A case as its files state it.
pub(crate) struct Show {
    /// The objects, the base's first.
    pub(crate) mesh: String,
    /// Envoy's Node.
    pub(crate) node: Value,
    chosen: Map<String, Value>,
}

impl Show {
    pub(crate) fn read(case: &Path) -> Result<Self, String> {
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/base");
        let proxy = yaml(&case.join("proxy.yaml"))?;
        let node = match proxy["proxy"].as_str() {
            Some(name) => yaml(&base.join("proxies.yaml"))?[name].clone(),
            None => proxy["node"].clone(),
        };
        if !node.is_object() {
            return Err("proxy.yaml names no proxy of base/proxies.yaml and has no node".to_owned());
        }
        let own = text(&case.join("mesh.yaml"))?;
        let mesh = if proxy["base"] == "none" { own } else { format!("{}---\n{own}", text(&base.join("shop.yaml"))?) };
        let show = proxy["show"].as_object().cloned().ok_or("proxy.yaml shows nothing")?;
        Ok(Self { mesh, node, chosen: show })
    }

    /// The part to look at, a YAML file a kind. Kinds that `show` does not name are left out, issues never are.
    pub(crate) fn select(&self, output: &Output) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for (kind, resources) in output {
            let mut chosen: Vec<_> = resources.iter().filter(|one| self.chooses(kind, one)).cloned().collect();
            if *kind == "routes" {
                for route in &mut chosen {
                    self.narrow(route);
                }
            }
            if !chosen.is_empty() {
                files.insert(format!("{kind}.yaml"), write(&Value::Array(chosen)));
            }
        }
        files
    }

    fn chooses(&self, kind: &str, resource: &Value) -> bool {
        let name = resource["name"].as_str().or_else(|| resource["clusterName"].as_str()).unwrap_or_default();
        kind == "issues" || self.globs(kind).any(|glob| matches(glob, name))
    }

    /// Leaves the virtual hosts that `virtual_hosts` names, if it is there.
    fn narrow(&self, route: &mut Value) {
        if !self.chosen.contains_key("virtual_hosts") {
            return;
        }
        if let Some(hosts) = route.get_mut("virtualHosts").and_then(Value::as_array_mut) {
            hosts.retain(|host| {
                self.globs("virtual_hosts").any(|glob| matches(glob, host["name"].as_str().unwrap_or_default()))
            });
        }
    }

    fn globs<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a str> {
        self.chosen.get(kind).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }
}

/// Whether `glob` matches; a star stands for any text, and a star in brackets for itself.
fn matches(glob: &str, name: &str) -> bool {
    match glob.find('*') {
        Some(_) if glob.starts_with("[*]") => name.strip_prefix('*').is_some_and(|rest| matches(&glob[3..], rest)),
        Some(at) => name.strip_prefix(&glob[..at]).is_some_and(|rest| {
            let after = &glob[at + 1..];
            rest.char_indices().map(|(index, _)| index).chain([rest.len()]).any(|index| matches(after, &rest[index..]))
        }),
        None => glob == name,
    }
}

fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn yaml(path: &Path) -> Result<Value, String> {
    serde_saphyr::from_str(&text(path)?).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_else(|error| panic!("{error}"))
}
