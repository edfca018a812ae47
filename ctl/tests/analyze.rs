//! `heddlectl analyze`: its formats, choices and exit codes.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// A route to nothing, a namespace without injection, and a TCP port that names no protocol.
const OBJECTS: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: bakery
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: bread
  namespace: bakery
spec:
  hosts: [bread]
  http:
  - route:
    - destination:
        host: oven
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: {name: till}
  spec:
    ports:
    - port: 80
";

/// What the command printed, and its exit code.
struct Said {
    out: String,
    err: String,
    code: Option<i32>,
}

fn analyze(arguments: &[&str]) -> Result<Said> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("objects.yaml");
    std::fs::write(&file, OBJECTS)?;
    run(&file, arguments)
}

fn run(file: &Path, arguments: &[&str]) -> Result<Said> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heddlectl"));
    let out = command.arg("analyze").args(arguments).arg(file).output().context("heddlectl")?;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes);
    Ok(Said { out: text(out.stdout)?, err: text(out.stderr)?, code: out.status.code() })
}

#[test]
fn a_finding_names_the_object_and_its_line() -> Result<()> {
    let said = analyze(&[])?;
    let lines: Vec<&str> = said.out.lines().collect();
    ensure!(lines.len() == 3, "{}", said.out);
    ensure!(lines[0].starts_with("Error [IST0101] (VirtualService bakery/bread "), "{}", lines[0]);
    ensure!(lines[0].contains("objects.yaml:16) spec.http[0].route[0].destination.host: "), "{}", lines[0]);
    ensure!(lines[1].starts_with("Info [IST0102] (Namespace bakery "), "{}", lines[1]);
    // An object is named as it is written: without a namespace.
    ensure!(lines[2].starts_with("Info [IST0118] (Service till ") && lines[2].contains(":26)"), "{}", lines[2]);
    ensure!(said.err.trim() == "1 errors, 0 warnings, 2 infos", "{}", said.err);
    Ok(())
}

#[test]
fn formats_have_the_same_findings() -> Result<()> {
    let json: Value = serde_json::from_str(&analyze(&["-o", "json"])?.out)?;
    let yaml = analyze(&["-o", "yaml"])?.out;
    let read = heddle_yaml::values(&yaml, heddle_yaml::Schema::Core)?.pop().context("one document")?;
    let codes = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().map(|one| format!("{} {}", one["code"], one["resource"])).collect()
    };
    ensure!(codes(&json) == codes(&read) && codes(&json).len() == 3, "{json}\n{yaml}");
    ensure!(json[0]["level"] == "Error" && json[0]["name"] == "ReferencedResourceNotFound", "{json}");
    ensure!(json[0]["path"] == "spec.http[0].route[0].destination.host", "{json}");
    ensure!(json[0]["origin"] == json[0]["resource"], "{json}");
    let table = analyze(&["-o", "table"])?.out;
    ensure!(table.lines().count() == 4 && table.starts_with("LEVEL  "), "{table}");
    Ok(())
}

#[test]
fn exit_codes_follow_the_threshold() -> Result<()> {
    ensure!(analyze(&[])?.code == Some(1));
    ensure!(analyze(&["-o", "json"])?.code == Some(1));
    ensure!(analyze(&["-n", "default"])?.code == Some(0));
    ensure!(analyze(&["-n", "default", "--failure-threshold", "info"])?.code == Some(1));
    let quiet = analyze(&["--output-threshold", "Warning", "--failure-threshold", "Info", "-n", "default"])?;
    ensure!(quiet.code == Some(1) && quiet.out.is_empty(), "{}", quiet.out);
    ensure!(analyze(&["--only", "nobody.Analyzer"])?.code == Some(2));
    ensure!(analyze(&["--suppress", "IST9999=Pod *"])?.code == Some(2));
    Ok(())
}

#[test]
fn findings_are_chosen_and_suppressed() -> Result<()> {
    let only = analyze(&["--only", "service.PortNameAnalyzer"])?;
    ensure!(only.out.lines().count() == 1 && only.out.contains("IST0118"), "{}", only.out);
    for pattern in ["IST0101=VirtualService bakery/bread", "IST0101=VirtualService *.bakery"] {
        let said = analyze(&["-S", pattern])?;
        ensure!(said.code == Some(0) && !said.out.contains("IST0101"), "{pattern}: {}", said.out);
    }
    let listed = Command::new(env!("CARGO_BIN_EXE_heddlectl")).args(["analyze", "-L"]).output()?;
    ensure!(String::from_utf8_lossy(&listed.stdout).contains("gateway.SecretAnalyzer"));
    Ok(())
}

/// What heddled says of an object and no analyzer finds: a kind without effect, a port that a service lacks, and a
/// policy that an older one overrules. Nothing is said of pods, which files seldom hold.
#[test]
fn issues_of_heddled_are_found() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("objects.yaml");
    let policy = |name: &str, spec: &str| {
        format!(
            "---\n{{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {{name: {name}}}, \
             spec: {spec}}}\n"
        )
    };
    let text = "{apiVersion: security.istio.io/v1, kind: RequestAuthentication, metadata: {name: deny}, \
                spec: {}}\n---\n\
                {apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{name: http, port: 80}]}}\n---\n\
                {apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: web}, spec: {hosts: [web], \
                http: [{route: [{destination: {host: web, port: {number: 81}}}]}]}}\n";
    let policies = policy("a", "{mtls: {mode: STRICT}}") + &policy("b", "{mtls: {mode: PERMISSIVE}}");
    let selected = policy("c", "{selector: {matchLabels: {app: web}}}");
    std::fs::write(&file, format!("{text}{policies}{selected}"))?;
    let said = run(&file, &["--only", "heddle.IssueAnalyzer"])?;
    let port = "Error [IST0101] (VirtualService web ";
    ensure!(said.out.lines().count() == 3 && said.out.starts_with(port), "{}", said.out);
    ensure!(said.out.contains("objects.yaml:5) spec.http[0].route[0].destination.port.number: "), "{}", said.out);
    for part in ["Error [NotSupported] (RequestAuthentication deny ", "Error [Overruled] (PeerAuthentication b "] {
        ensure!(said.out.contains(part), "{part}: {}", said.out);
    }
    let all = run(&file, &[])?.out;
    ensure!(all.matches("[IST0101]").count() == 1, "each is found once: {all}");
    let quiet = run(&file, &["-S", "Overruled=PeerAuthentication *", "-S", "NotSupported=* deny"])?;
    ensure!(!quiet.out.contains("[Overruled]") && !quiet.out.contains("[NotSupported]"), "{}", quiet.out);
    Ok(())
}

#[test]
fn unreadable_documents_are_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("broken.yaml");
    std::fs::write(&file, "kind: [\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: 5}\n")?;
    let said = run(&file, &[])?;
    ensure!(said.code == Some(2) && said.err.contains("broken.yaml:1: "), "{}", said.err);
    ensure!(said.err.contains("broken.yaml:3: spec: "), "{}", said.err);
    ensure!(run(&file, &["--ignore-unknown"])?.code == Some(0));
    Ok(())
}
