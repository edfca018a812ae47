//! `heddlectl manifest diff`: matches objects by kind, namespace and name, and compares them as data.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::chart;

/// The longest value that is printed in full, in characters.
const LONGEST: usize = 120;
/// Largest file that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// Compare two sets of manifests.
///
/// The command matches objects by API version, kind, namespace and name, and prints each field that differs. The order
/// of the objects does not matter. It exits with code 1 if there is a difference.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  heddlectl manifest diff deploy/manifests/default.yaml deploy/manifests/demo.yaml
  heddlectl manifest generate --set profile=minimal | heddlectl manifest diff - deploy/manifests/minimal.yaml")]
pub(crate) struct Args {
    /// The first set: a file, a folder of `.yaml`, `.yml` and `.json` files, or `-` for standard input.
    one: PathBuf,
    /// The second set, in the same form.
    other: PathBuf,
}

/// Prints the differences.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let (one, other) = (objects(&args.one)?, objects(&args.other)?);
    let differences = compare(&one, &other, [&args.one, &args.other].map(|path| path.display().to_string()));
    print!("{}", differences.concat());
    Ok(ExitCode::from(u8::from(!differences.is_empty())))
}

/// Objects by API version, kind, namespace and name.
type Objects = BTreeMap<String, Value>;

fn compare(one: &Objects, other: &Objects, names: [String; 2]) -> Vec<String> {
    let [left, right] = names;
    let mut out = Vec::new();
    for (name, object) in one {
        match other.get(name) {
            None => out.push(format!("{name}: only in {left}\n")),
            Some(same) => {
                let mut lines = Vec::new();
                differ(object, same, "", &mut lines);
                if !lines.is_empty() {
                    out.push(format!("{name}:\n{}", lines.concat()));
                }
            }
        }
    }
    out.extend(other.keys().filter(|name| !one.contains_key(*name)).map(|name| format!("{name}: only in {right}\n")));
    out
}

/// Collects each path at which the two values differ.
fn differ(one: &Value, other: &Value, path: &str, lines: &mut Vec<String>) {
    match (one, other) {
        _ if one == other => {}
        (Value::Object(left), Value::Object(right)) => {
            let keys: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let key_path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match (left.get(key), right.get(key)) {
                    (Some(one), Some(other)) => differ(one, other, &key_path, lines),
                    (one, other) => lines.push(line(&key_path, one, other)),
                }
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for index in 0..left.len().max(right.len()) {
                let path = format!("{path}[{index}]");
                match (left.get(index), right.get(index)) {
                    (Some(one), Some(other)) => differ(one, other, &path, lines),
                    (one, other) => lines.push(line(&path, one, other)),
                }
            }
        }
        // The mesh config is YAML in a string. Without this the whole string would be printed.
        (Value::String(left), Value::String(right)) if left.contains('\n') || right.contains('\n') => {
            match (chart::yaml(left), chart::yaml(right)) {
                (Ok(one), Ok(other)) if one != other && one.is_object() && other.is_object() => {
                    differ(&one, &other, &format!("{path}|"), lines);
                }
                _ => lines.push(line(path, Some(one), Some(other))),
            }
        }
        _ => lines.push(line(path, Some(one), Some(other))),
    }
}

fn line(path: &str, one: Option<&Value>, other: Option<&Value>) -> String {
    let shown = |value: Option<&Value>| match value.map(Value::to_string) {
        None => "(not set)".to_owned(),
        Some(text) if text.chars().count() > LONGEST => text.chars().take(LONGEST).chain(['…']).collect(),
        Some(text) => text,
    };
    format!("  {path}: {} -> {}\n", shown(one), shown(other))
}

fn objects(path: &Path) -> Result<Objects> {
    let mut out = BTreeMap::new();
    for file in files(path)? {
        let text = read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        for object in chart::objects(&text).with_context(|| file.display().to_string())? {
            let items = object["items"].as_array().cloned();
            let is_list = object["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
            for object in items.filter(|_| is_list).unwrap_or_else(|| vec![object]) {
                let name = name(&object);
                let twice = out.insert(name.clone(), object).is_some();
                ensure!(!twice, "{} defines {name}, which is defined already", file.display());
            }
        }
    }
    Ok(out)
}

/// `apps/v1 Deployment istio-system/istiod`
fn name(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let meta = &object["metadata"];
    let namespace = meta["namespace"].as_str().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    format!("{} {} {namespace}{}", text(&object["apiVersion"]), text(&object["kind"]), text(&meta["name"]))
}

fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in path.read_dir().with_context(|| format!("cannot read {}", path.display()))? {
        let file = entry?.path();
        let ending = file.extension().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
        if ["yaml", "yml", "json"].contains(&ending) && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().take(LARGEST).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?.take(LARGEST).read_to_string(&mut text)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_difference_is_named_by_its_path() {
        let map = |mesh: &str, replicas: u32| {
            let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio",
                "namespace": "a"}, "data": {"mesh": mesh}});
            let more = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"},
                "spec": {"replicas": replicas, "l": [1]}});
            [config, more].into_iter().map(|object| (name(&object), object)).collect::<Objects>()
        };
        let (one, mut other) = (map("a: 1\nb: {c: 2}\n", 1), map("a: 1\nb: {c: 3}\n", 2));
        other.insert("v1 Namespace z".to_owned(), json!({}));
        let told = compare(&one, &other, ["A".to_owned(), "B".to_owned()]).concat();
        assert_eq!(
            told,
            "apps/v1 Deployment x:\n  spec.replicas: 1 -> 2\nv1 ConfigMap a/istio:\n  data.mesh|.b.c: 2 -> 3\nv1 \
                Namespace z: only in B\n"
        );
        assert!(compare(&one, &one.clone(), [String::new(), String::new()]).is_empty());
    }
}
