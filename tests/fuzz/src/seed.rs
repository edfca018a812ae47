//! Where fuzzing begins: the golden cases and the examples of the documentation, and the words of the API.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use heddle_crds::kind::IstioKind;
use heddle_crds::schema;
use heddle_yaml::{Budget, Schema};
use serde_json::Value;

use crate::inject::ANNOTATIONS;

/// The tree's root: seeds are read from it, not copied into it.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Writes `<folder>/yaml/<case>` for each golden case and each example, `<folder>/csr/<name>` for the certificates of
/// the CA's tests and a node, `<folder>/inject/<case>` for the pods of the injection's golden cases, and the words of
/// the API to
/// `<folder>/yaml.dict`.
pub fn write(folder: &Path) -> io::Result<()> {
    let [yaml, csr, inject] = ["yaml", "csr", "inject"].map(|target| folder.join(target));
    std::fs::create_dir_all(&yaml)?;
    std::fs::create_dir_all(&csr)?;
    std::fs::create_dir_all(&inject)?;
    for (name, text) in texts()? {
        std::fs::write(yaml.join(name), text)?;
    }
    for (index, bytes) in certificates()?.into_iter().enumerate() {
        std::fs::write(csr.join(format!("certificate-{index}")), with_mode(3, &bytes))?;
    }
    let nodes: Vec<Value> = serde_json::from_str(include_str!("mesh/nodes.json")).unwrap_or_default();
    for (index, node) in nodes.iter().enumerate() {
        std::fs::write(csr.join(format!("node-{index}")), with_mode(4, node.to_string().as_bytes()))?;
    }
    for (name, pod) in pods()? {
        std::fs::write(inject.join(name), with_mode(0, pod.to_string().as_bytes()))?;
    }
    let words: String = ANNOTATIONS.iter().flat_map(|name| ["\"\\\"", name, "\\\":\"\n"]).collect();
    std::fs::write(folder.join("inject.dict"), words)?;
    std::fs::write(folder.join("yaml.dict"), dictionary())
}

/// An input of the target `csr`, whose first byte says what the rest is.
fn with_mode(mode: u8, rest: &[u8]) -> Vec<u8> {
    [&[mode], rest].concat()
}

fn certificates() -> io::Result<Vec<Vec<u8>>> {
    let mut files = Vec::new();
    collect(&Path::new(ROOT).join("controller/ca/src/tests/fixtures"), 0, &mut files)?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "pem"));
    files.sort();
    files.iter().map(std::fs::read).collect()
}

/// The pods of the injection's golden cases.
fn pods() -> io::Result<Vec<(String, Value)>> {
    let folder = Path::new(ROOT).join("controller/inject/tests/golden");
    let mut files = Vec::new();
    collect(&folder, 0, &mut files)?;
    files.retain(|file| file.ends_with("pod.yaml"));
    files.sort();
    let case = |file: &Path| file.parent().and_then(Path::file_name).unwrap_or_default().display().to_string();
    let pod = |text: &str| heddle_yaml::value(text, Schema::Yaml11, &Budget::FILE).map_err(io::Error::other);
    files.iter().map(|file| Ok((case(file), pod(&std::fs::read_to_string(file)?)?))).collect()
}

/// Every golden case's own objects and every example, each under a name of its own.
fn texts() -> io::Result<Vec<(String, String)>> {
    let root = Path::new(ROOT);
    let mut files = Vec::new();
    for folder in ["controller/compile/tests/golden", "docs/reference/examples"] {
        collect(&root.join(folder), 0, &mut files)?;
    }
    files.retain(|file| file.extension().is_some_and(|ending| ending == "yaml"));
    files.retain(|file| !file.iter().any(|part| part == "want") && !file.ends_with("proxy.yaml"));
    files.sort();
    let name = |file: &Path| file.strip_prefix(root).unwrap_or(file).display().to_string().replace('/', "-");
    files.iter().map(|file| Ok((name(file), std::fs::read_to_string(file)?))).collect()
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && depth < 8 {
            collect(&path, depth + 1, files)?;
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

/// libFuzzer's dictionary: the names of all kinds, fields and enums' values.
fn dictionary() -> String {
    let mut words = BTreeSet::from(["\\x0a---\\x0a", ": ", "- ", "apiVersion: ", "kind: "].map(str::to_owned));
    for kind in IstioKind::ALL {
        words.insert(kind.name().to_owned());
        collect_words(&schema::spec(kind), &mut words);
    }
    words.into_iter().flat_map(|word| ["\"".to_owned(), word, "\"\n".to_owned()]).collect()
}

fn collect_words(schema: &Value, words: &mut BTreeSet<String>) {
    let plain = |word: &&str| word.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    let choices = schema.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    words.extend(choices.filter(plain).map(str::to_owned));
    for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        words.extend(Some(name.as_str()).filter(plain).map(str::to_owned));
        collect_words(inner, words);
    }
    for inner in ["items", "additionalProperties"].iter().filter_map(|key| schema.get(key)) {
        collect_words(inner, words);
    }
}
