//! Bad input in every shape: golden meshes with values replaced by odd ones, dropped or doubled.
//!
//! Nothing that a user writes may panic, hang, or make the compiler's lint find a violation. A run makes
//! `PROPTEST_CASES` meshes (64 unless told); `make soak` makes many.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test's report
#![allow(clippy::disallowed_methods)] // a hang is a matter of time

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

#[path = "golden_run/compile.rs"]
mod compile;

/// What a proxy gets, by kind.
type Output = BTreeMap<&'static str, Vec<Value>>;

/// A golden case as values: the first `own` objects of the mesh are its own.
struct Case {
    mesh: Vec<Value>,
    own: usize,
    node: Value,
}

#[test]
fn no_mesh_breaks_the_compiler() {
    let cases = cases();
    let config = Config { failure_persistence: None, ..Config::default() };
    let cases_of_run = std::env::var_os("PROPTEST_CASES").map_or(64, |_| config.cases);
    let mut runner = TestRunner::new(Config { cases: cases_of_run, ..config });
    let strategy = (any::<prop::sample::Index>(), prop::collection::vec((any::<u16>(), any::<u16>()), 1..6));
    let tried = runner.run(&strategy, |(case, changes)| {
        let Case { mesh, own, node } = &cases[case.index(cases.len())];
        let mut mesh = mesh.clone();
        for (place, choice) in changes {
            // Three changes of four meet what the case is about, not the base that it stands on.
            let part = if place % 4 == 0 || *own == 0 { mesh.as_mut_slice() } else { &mut mesh[..*own] };
            mutate(part, (place / 4, choice));
        }
        let text = mesh.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n");
        let start = Instant::now();
        let run = compile::run(&text, node);
        prop_assert!(run.is_ok(), "{}\n{text}", run.err().unwrap_or_default());
        prop_assert!(start.elapsed() < Duration::from_secs(10), "took {:?}:\n{text}", start.elapsed());
        Ok(())
    });
    tried.unwrap_or_else(|error| panic!("{error}"));
}

/// Values that a careless or a hostile hand may put anywhere.
fn odd(choice: u16) -> Value {
    let texts = [
        "",
        "*",
        ".",
        "~",
        "*.",
        "*.*",
        "/",
        "//",
        "-1",
        "0",
        "65536",
        "a b",
        "é",
        "%",
        "%%",
        "(",
        "a{1001}",
        "(a*)*",
        "0s",
        "-1s",
        "1e9h",
        "::",
        "10.0.0.0/99",
        "999.1.1.1",
        "unix://",
        "mesh",
        "kubernetes://",
        "a/b/c",
        "UNSET",
        "UNKNOWN",
        "\u{0}",
        "\r\n",
    ];
    let others = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(65536),
        json!(u64::MAX),
        json!(1e308),
        json!([]),
        json!({}),
        json!([null]),
        json!([{}]),
        json!({"": ""}),
        json!("x".repeat(70_000)),
        json!(["*", "*"]),
    ];
    let choice = usize::from(choice);
    texts
        .get(choice % (texts.len() + others.len()))
        .map_or_else(|| others[choice % others.len()].clone(), |text| json!(text))
}

/// Changes one place of one object; both numbers are taken modulo what there is.
fn mutate(mesh: &mut [Value], (place, choice): (u16, u16)) {
    let mut pointers = Vec::new();
    for (index, object) in mesh.iter().enumerate() {
        collect(object, &format!("/{index}"), &mut pointers);
    }
    let Some(pointer) = pointers.get(usize::from(place) % pointers.len().max(1)) else { return };
    let (index, rest) = pointer[1..].split_once('/').expect("a pointer into an object");
    let object = &mut mesh[index.parse::<usize>().expect("an index")];
    let rest = format!("/{rest}");
    match choice % 8 {
        0 => remove(object, &rest),
        1 => double(object, &rest),
        _ => *object.pointer_mut(&rest).expect("a place") = odd(choice / 8),
    }
}

fn collect(value: &Value, at: &str, pointers: &mut Vec<String>) {
    let escape = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields.iter().filter(|(key, _)| !["kind", "apiVersion"].contains(&key.as_str())) {
                pointers.push(format!("{at}/{}", escape(key)));
                collect(inner, &format!("{at}/{}", escape(key)), pointers);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                pointers.push(format!("{at}/{index}"));
                collect(inner, &format!("{at}/{index}"), pointers);
            }
        }
        _ => {}
    }
}

fn remove(object: &mut Value, pointer: &str) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    match object.pointer_mut(parent) {
        Some(Value::Object(fields)) => drop(fields.remove(&key.replace("~1", "/").replace("~0", "~"))),
        Some(Value::Array(items)) => drop(items.remove(key.parse().expect("an index"))),
        _ => {}
    }
}

/// A list's entry stands there twice; anything else is left.
fn double(object: &mut Value, pointer: &str) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    if let Some(Value::Array(items)) = object.pointer_mut(parent) {
        let index: usize = key.parse().expect("an index");
        items.insert(index, items[index].clone());
    }
}

/// The golden meshes as values, each with its proxy.
fn cases() -> Vec<Case> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let base = documents(&tests.join("base/shop.yaml"));
    let proxies = yaml(&std::fs::read_to_string(tests.join("base/proxies.yaml")).expect("proxies"));
    let groups = folders(&tests.join("golden"));
    let cases = groups.iter().flat_map(|group| folders(group)).map(|case| {
        let proxy = yaml(&std::fs::read_to_string(case.join("proxy.yaml")).expect("proxy.yaml"));
        let node = proxy["proxy"].as_str().map_or_else(|| proxy["node"].clone(), |name| proxies[name].clone());
        let mut mesh = documents(&case.join("mesh.yaml"));
        let own = mesh.len();
        mesh.extend(base.iter().cloned());
        Case { mesh, own, node }
    });
    cases.collect()
}

fn documents(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).expect("mesh.yaml");
    text.split("\n---\n").map(yaml).filter(Value::is_object).collect()
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or(Value::Null)
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
    let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}
