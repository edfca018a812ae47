//! The emitted definitions are those of the table of kinds, and so are those of the contract where it lies beside the
//! project.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use heddle_yaml::{Budget, Schema};
use serde_json::Value;

/// What Kubernetes is told of a kind.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    resource: String,
    short: Vec<String>,
    versions: BTreeSet<String>,
    storage: String,
    /// Titles with paths.
    columns: Vec<String>,
}

#[test]
fn definitions_agree_with_the_table() {
    let table = fs::read_to_string(root().join("docs/reference/README.md")).unwrap();
    let (wanted, emitted) = (rows(&table), emitted());
    assert_eq!(wanted.len(), 15);
    for (kind, row) in &emitted {
        let titles: Vec<&str> = row.columns.iter().filter_map(|column| column.split(' ').next()).collect();
        assert!(titles.ends_with(&["Ready", "Reason", "Age"]), "{kind}: {titles:?}");
    }
    assert_eq!(without_status(emitted), without_status(wanted));
}

#[test]
fn the_table_agrees_with_the_contract() {
    let Ok(contract) = fs::read_to_string(root().join("../shared/reference/istiod-contract.md")) else {
        println!("there is no contract beside the project: nothing to compare");
        return;
    };
    let section = contract.split("\n## ").find(|section| section.starts_with("1. CRDs")).unwrap();
    assert_eq!(without_status(rows(section)), without_status(emitted()));
}

/// Heddle shows the status in columns of its own. A table that has columns must name the age, so kinds for which the
/// contract has no column have it too.
fn without_status(mut rows: BTreeMap<String, Row>) -> BTreeMap<String, Row> {
    for row in rows.values_mut() {
        row.columns.retain(|column| column != "Age" && !column.contains(".status."));
    }
    rows
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The rows of a table of Markdown: kind, resource, short names, versions with a `*` at the stored one, columns.
fn rows(text: &str) -> BTreeMap<String, Row> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let table = text.lines().filter(|line| line.starts_with("| ") && line.contains(".istio.io |")).map(cells);
    table.map(|cells| (cells[0].split(']').next().unwrap().trim_start_matches('[').to_owned(), row(&cells))).collect()
}

fn row(cells: &[String]) -> Row {
    // What stands in brackets is a remark.
    let words = cells[3].split('(').next().unwrap().split(", ").map(str::trim);
    let (mut versions, mut storage) = (BTreeSet::new(), String::new());
    for word in words {
        let version = word.trim_end_matches('*').to_owned();
        if word.ends_with('*') {
            storage.clone_from(&version);
        }
        versions.insert(version);
    }
    let list = |cell: &str, none: &str, mark: &str| -> Vec<String> {
        if cell == none { Vec::new() } else { cell.split(mark).map(|word| word.trim().to_owned()).collect() }
    };
    Row {
        resource: cells[1].clone(),
        short: list(&cells[2], "-", ","),
        versions,
        storage,
        columns: list(&cells[4], "none", ";"),
    }
}

fn yaml(text: &str) -> Value {
    heddle_yaml::value(text, Schema::Yaml11, &Budget::FILE).unwrap()
}

/// The same from the files that are applied, in which every version must be served alike in namespaces.
fn emitted() -> BTreeMap<String, Row> {
    let files = fs::read_dir(root().join("crds/yaml")).unwrap().map(|entry| entry.unwrap().path());
    files.map(|file| definition(&yaml(&fs::read_to_string(file).unwrap()))).collect()
}

fn definition(crd: &Value) -> (String, Row) {
    let (spec, text) = (&crd["spec"], |value: &Value| value.as_str().unwrap_or_default().to_owned());
    let names = &spec["names"];
    let versions = spec["versions"].as_array().unwrap();
    let columns: Vec<&Value> = versions.iter().map(|version| &version["additionalPrinterColumns"]).collect();
    let row = Row {
        resource: format!("{}.{}", text(&names["plural"]), text(&spec["group"])),
        short: names["shortNames"].as_array().into_iter().flatten().map(text).collect(),
        versions: versions.iter().map(|version| text(&version["name"])).collect(),
        storage: versions.iter().find(|version| version["storage"] == true).map(|v| text(&v["name"])).unwrap(),
        columns: columns[0].as_array().into_iter().flatten().map(column).collect(),
    };
    assert_eq!((text(&spec["scope"]).as_str(), text(&crd["metadata"]["name"])), ("Namespaced", row.resource.clone()));
    let area = row.resource.split('.').nth(1).unwrap();
    assert_eq!(names["categories"], serde_json::json!(["istio-io", format!("{area}-istio-io")]));
    for (version, others) in versions.iter().zip(&columns) {
        assert_eq!(version["served"], true, "{}", row.resource);
        assert!(version["subresources"]["status"].is_object(), "{}", row.resource);
        assert_eq!((&version["schema"], *others), (&versions[0]["schema"], columns[0]), "{}", row.resource);
    }
    (text(&names["kind"]), row)
}

/// A column's title with its path; everybody knows the path of the age.
fn column(column: &Value) -> String {
    let (name, path) = (column["name"].as_str().unwrap_or_default(), column["jsonPath"].as_str().unwrap_or_default());
    if name == "Age" {
        assert_eq!((path, &column["type"]), (".metadata.creationTimestamp", &Value::from("date")));
        return name.to_owned();
    }
    format!("{name} {path}")
}
