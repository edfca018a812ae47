//! `heddlectl validate`: validates objects without a cluster.

pub(in crate::cmd) mod document;
mod output;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueEnum;
use heddle_crds::validate::{self, Severity, Violation};
use heddle_yaml::{Schema, positions};
use serde::Serialize;
use serde_json::Value;

use document::Document;

/// Validate Istio objects without a cluster.
///
/// The command applies the rules of the validating webhook to all kinds of Istio, and prints each error with its file,
/// line and field. It warns of kinds and fields that Heddle does not support. It skips objects of other API groups. It
/// exits with code 1 if an object is refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  heddlectl validate -f deploy/samples/bookinfo
  heddlectl validate -f deploy/samples/bookinfo/virtual-service.yaml -f deploy/samples/bookinfo/destination-rules.yaml
  cat deploy/samples/bookinfo/virtual-service.yaml | heddlectl validate -f - --output json")]
pub(crate) struct Args {
    /// Read a file, all YAML and JSON files below a folder, or standard input (`-`). Repeatable.
    #[arg(short, long = "filename", required = true, value_name = "FILE|DIR|-")]
    filenames: Vec<PathBuf>,
    /// Set the output format.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// The output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line for each error or warning.
    Text,
    /// One JSON object with all findings.
    Json,
}

/// The result for one object.
#[derive(Serialize)]
struct Finding {
    /// Where the object was read.
    file: String,
    /// First line of its document, from 1.
    line: usize,
    /// Kind. It is empty if the document is not an object.
    kind: String,
    /// Namespace. It may be empty.
    namespace: String,
    /// Name. It may be empty.
    name: String,
    /// Whether the kind belongs to another API group, so that it was not validated.
    skipped: bool,
    /// Whether it would be accepted.
    accepted: bool,
    /// Errors and warnings.
    violations: Vec<Said>,
    /// Which document of the file it is, from 0, and where in it.
    #[serde(skip)]
    place: (usize, String),
}

/// A violation and where its field is written.
#[derive(Serialize)]
struct Said {
    /// Line of the field, or of what is around the place where it is missing, from 1.
    line: usize,
    /// What is wrong.
    #[serde(flatten)]
    violation: Violation,
}

impl Finding {
    fn say(&mut self, violation: Violation) {
        self.violations.push(Said { line: self.line, violation });
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (mut files, mut findings, mut objects) = (BTreeMap::new(), Vec::new(), Vec::new());
    for name in &args.filenames {
        for (file, text) in texts(name)? {
            for document in document::read(&text) {
                let (finding, object) = judge(&file, document);
                findings.push(finding);
                objects.push(object);
            }
            files.insert(file, text);
        }
    }
    name_twice(&mut findings);
    add_conflicts(&mut findings, &objects);
    find_lines(&mut findings, &files);
    match args.output {
        Format::Text => output::text(&findings),
        Format::Json => output::json(&findings)?,
    }
    Ok(if findings.iter().all(|finding| finding.accepted) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Validates one object by itself, and returns it for the check of all objects.
fn judge(file: &str, document: Document) -> (Finding, Value) {
    let (violations, value, skipped) = match document.content {
        Ok(value) => {
            let skipped = !is_ours(&value);
            let judged = if skipped { Vec::new() } else { validate::object(&value) };
            (validate::support(&value).into_iter().chain(judged).collect(), value, skipped)
        }
        Err(reason) => (vec![refusal(reason)], Value::Null, false),
    };
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut finding = Finding {
        file: file.to_owned(),
        line: document.line,
        kind: text("/kind"),
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name"),
        skipped,
        accepted: violations.iter().all(|violation| violation.severity == Severity::Warning),
        violations: Vec::new(),
        place: (document.number, document.path),
    };
    for violation in violations {
        finding.say(violation);
    }
    (finding, value)
}

/// Adds the conflicts between accepted objects.
fn add_conflicts(findings: &mut [Finding], objects: &[Value]) {
    let judged: Vec<usize> =
        (0..findings.len()).filter(|index| findings[*index].accepted && !findings[*index].skipped).collect();
    let objects: Vec<&Value> = judged.iter().map(|index| &objects[*index]).collect();
    for (number, violation) in validate::conflicts(&objects) {
        findings[judged[number]].say(violation);
    }
}

/// Objects of other API groups are not validated.
fn is_ours(value: &Value) -> bool {
    let group = value.get("apiVersion").and_then(Value::as_str).and_then(|version| version.split_once('/'));
    match (group, value.get("kind").and_then(Value::as_str)) {
        (Some((group, _)), Some(_)) => ["networking", "security", "telemetry", "extensions"]
            .iter()
            .any(|ours| *group == format!("{ours}.istio.io")),
        (None, Some(_)) => value.get("apiVersion").is_none(),
        _ => true,
    }
}

/// Two objects of one name replace each other when applied.
fn name_twice(findings: &mut [Finding]) {
    let mut places: BTreeMap<(String, String, String), String> = BTreeMap::new();
    for finding in findings.iter_mut().filter(|finding| !finding.skipped && !finding.name.is_empty()) {
        let key = (finding.kind.clone(), finding.namespace.clone(), finding.name.clone());
        let place = format!("{}:{}", finding.file, finding.line);
        if let Some(first) = places.get(&key) {
            let reason = format!("this object replaces the object of the same kind and name in {first}");
            let path = "metadata.name".to_owned();
            finding.say(Violation { path, reason, severity: Severity::Warning });
        } else {
            places.insert(key, place);
        }
    }
}

/// Finds where the fields of violations are written, in files that have any.
fn find_lines(findings: &mut [Finding], files: &BTreeMap<String, Vec<u8>>) {
    let mut known = BTreeMap::new();
    for finding in findings.iter_mut().filter(|finding| !finding.violations.is_empty()) {
        let Some((file, text)) = files.get_key_value(&finding.file) else { continue };
        let found = known.entry(file).or_insert_with(|| positions(text, Schema::Yaml11));
        let (number, around) = &finding.place;
        let Some(Some(position)) = found.get(*number) else { continue };
        for said in &mut finding.violations {
            said.line = position.line_of(&[around, &*said.violation.path].join("."));
        }
    }
}

fn refusal(reason: String) -> Violation {
    Violation { path: String::new(), reason, severity: Severity::Error }
}

/// The files that a name stands for, in order, with their contents.
pub(in crate::cmd) fn texts(name: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    if name == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text).context("cannot read standard input")?;
        return Ok(vec![("-".to_owned(), text)]);
    }
    let mut files = Vec::new();
    collect(name, 0, &mut files)?;
    files.sort();
    let read = |file: PathBuf| {
        let text = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok((file.display().to_string(), text))
    };
    files.into_iter().map(read).collect()
}

/// Deeper folders are skipped, because links can form a circle.
const DEEPEST: usize = 32;

fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let metadata = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if !metadata.is_dir() {
        let is_yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
        if depth == 0 || is_yaml {
            files.push(path.to_owned());
        }
        return Ok(());
    }
    if depth >= DEEPEST {
        return Ok(());
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", path.display()))?;
        collect(&entry.path(), depth + 1, files)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_has_the_line_of_its_field() {
        let object = |name: &str| {
            format!(
                "- apiVersion: networking.istio.io/v1\n  kind: VirtualService\n  metadata: {{name: {name}}}\n  \
                    spec:\n    \
                 hosts: [a]\n    http:\n    - route:\n      - destination: {{host: a}}\n      timeout: -1s\n"
            )
        };
        let text = format!("# head\n---\nkind: List\nitems:\n{}{}", object("a"), object("b")).into_bytes();
        let mut findings: Vec<Finding> =
            document::read(&text).into_iter().map(|document| judge("f", document).0).collect();
        find_lines(&mut findings, &BTreeMap::from([("f".to_owned(), text)]));
        let lines: Vec<(usize, &str)> =
            findings.iter().flat_map(|f| &f.violations).map(|said| (said.line, &*said.violation.path)).collect();
        assert_eq!(lines, [(13, "spec.http[0].timeout"), (22, "spec.http[0].timeout")]);
    }
}
