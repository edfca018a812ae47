//! The import table, from `cargo metadata`, and the lints that keep pure crates pure.

use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, Package};

use super::rules::{Crate, Rules, Violation};

/// What a pure crate's `clippy.toml` bans: time, the environment and chance are arguments.
const BANS: [&str; 4] = ["std::time::SystemTime::now", "std::time::Instant::now", "std::env::var", "std::env::vars"];

pub(crate) fn check(root: &Path, metadata: &Metadata, rules: &Rules) -> Vec<Violation> {
    let mut found = members(root, metadata, rules);
    for package in metadata.workspace_packages() {
        let Some(line) = rules.crates.get(package.name.as_str()) else { continue };
        found.extend(imports(package, line, rules));
        found.extend(inherits(root, line));
        if line.pure {
            found.extend(pure(root, line));
        }
    }
    found
}

/// Members are listed one by one, and each has its line in the table, in its own folder.
fn members(root: &Path, metadata: &Metadata, rules: &Rules) -> Vec<Violation> {
    let text = std::fs::read_to_string(root.join("Cargo.toml")).expect("Cargo.toml");
    let manifest: toml::Table = text.parse().expect("Cargo.toml");
    let listed = manifest["workspace"]["members"].as_array().expect("workspace.members");
    let listed: Vec<_> = listed.iter().filter_map(toml::Value::as_str).collect();
    let mut found = Vec::new();
    for member in listed.iter().filter(|member| member.contains('*')) {
        found.push(Violation::of(
            "member",
            "Cargo.toml",
            format!("the member {member} is a pattern"),
            "list members one by one",
        ));
    }
    for package in metadata.workspace_packages() {
        let folder = package
            .manifest_path
            .parent()
            .and_then(|folder| folder.strip_prefix(root).ok())
            .map(|folder| folder.as_str().to_owned());
        match rules.crates.get(package.name.as_str()) {
            Some(line) if Some(&line.folder) == folder.as_ref() => {}
            Some(line) => found.push(Violation::of(
                "member",
                "Cargo.toml",
                format!("{} is not in {}", package.name, line.folder),
                "move it, or tidy.toml's line",
            )),
            None => found.push(Violation::of(
                "member",
                "Cargo.toml",
                format!("{} has no line in the import table", package.name),
                "add one to tidy.toml and to ARCHITECTURE.md",
            )),
        }
    }
    for (name, line) in &rules.crates {
        if !listed.contains(&line.folder.as_str()) {
            found.push(Violation::of(
                "member",
                "Cargo.toml",
                format!("{name} ({}) is no member", line.folder),
                "add it, or take its line out of tidy.toml",
            ));
        }
    }
    found
}

fn imports(package: &Package, line: &Crate, rules: &Rules) -> Vec<Violation> {
    let manifest = format!("{}/Cargo.toml", line.folder);
    let mut found = Vec::new();
    for dependency in &package.dependencies {
        let (name, test) = (dependency.name.as_str(), dependency.kind == DependencyKind::Development);
        let ours = rules.crates.contains_key(name);
        let allowed = line.may.iter().chain(line.test.iter().filter(|_| test)).any(|one| one == name);
        if ours && !allowed {
            let mend =
                format!("it may import {:?}; move the code, or join the two by a trait in a crate above", line.may);
            found.push(Violation::of("import", &manifest, format!("{} imports {name}", package.name), mend));
        }
        if !test && line.never.iter().any(|one| one == name) {
            let mend = "its place is a crate that may do that; see the table in ARCHITECTURE.md";
            found.push(Violation::of(
                "foreign",
                &manifest,
                format!("{} must never contain {name}", package.name),
                mend,
            ));
        }
    }
    found
}

/// Versions, lints and edition come from the workspace, so that no crate drifts.
fn inherits(root: &Path, line: &Crate) -> Vec<Violation> {
    let path = format!("{}/Cargo.toml", line.folder);
    let text = std::fs::read_to_string(root.join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let manifest: toml::Table = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
    let inherited = |value: Option<&toml::Value>| {
        value.and_then(|value| value.get("workspace")) == Some(&toml::Value::Boolean(true))
    };
    let mut found = Vec::new();
    if !inherited(manifest.get("lints")) {
        found.push(Violation::of(
            "inherit",
            &path,
            "the workspace's lints are not taken over",
            "add `[lints] workspace = true`",
        ));
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        for (name, value) in manifest.get(section).and_then(toml::Value::as_table).into_iter().flatten() {
            if !inherited(Some(value)) {
                found.push(Violation::of(
                    "inherit",
                    &path,
                    format!("{name} states a version of its own"),
                    "state it in [workspace.dependencies]",
                ));
            }
        }
    }
    found
}

/// A nested `clippy.toml` replaces the root's, so it must repeat its settings, and it must hold the bans.
fn pure(root: &Path, line: &Crate) -> Vec<Violation> {
    let path = format!("{}/clippy.toml", line.folder);
    let Ok(text) = std::fs::read_to_string(root.join(&path)) else {
        return vec![Violation::of(
            "pure",
            &path,
            "a pure crate has no clippy.toml",
            "copy that of controller/compile",
        )];
    };
    let settings: toml::Table = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
    let shared = std::fs::read_to_string(root.join("clippy.toml")).expect("clippy.toml");
    let shared: toml::Table = shared.parse().expect("clippy.toml");
    let banned = settings.get("disallowed-methods").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let banned: Vec<_> = banned.iter().filter_map(|one| one.get("path")?.as_str()).collect();
    let mut found = Vec::new();
    for ban in BANS.iter().filter(|ban| !banned.contains(*ban)) {
        found.push(Violation::of("pure", &path, format!("{ban} is not banned"), "add it to disallowed-methods"));
    }
    for (key, value) in &shared {
        if settings.get(key) != Some(value) {
            found.push(Violation::of(
                "pure",
                &path,
                format!("{key} differs from the root's clippy.toml"),
                "repeat the root's setting",
            ));
        }
    }
    found
}
