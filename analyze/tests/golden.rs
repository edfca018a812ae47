//! Each folder of `tests/golden/<area>/` is a case: `objects.yaml`, whose first line names the analyzer, perhaps the
//! settings and networks of the mesh, and the findings. `UPDATE_GOLDEN=1 cargo test` rewrites the findings.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use heddle_analyze::{AddOptions, Added, MeshNetworks, World, analyze, analyzers};
use heddle_crds::mesh::MeshConfig;
use heddle_yaml::Schema;

/// 1 June 2027.
const NOW: i64 = 1_811_808_000;

#[test]
fn cases_have_their_findings() {
    let failures: Vec<String> = cases().iter().filter_map(|folder| check(folder)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_analyzer_has_a_case() {
    let tested: BTreeSet<String> = cases().iter().map(|folder| analyzer(folder)).collect();
    let without: Vec<String> =
        analyzers().into_iter().map(|one| one.name).filter(|name| !tested.contains(name)).collect();
    // Issues come from the store, which this crate does not know. A case has objects of one cluster.
    let others = ["heddle.IssueAnalyzer", "services.MultiClusterServiceAnalyzer"];
    let is_elsewhere = |name: &String| name.starts_with("schema.ValidationAnalyzer.") || others.contains(&&**name);
    assert!(without.iter().all(is_elsewhere), "no case for {without:?}");
}

/// The page for users describes each code, or says why it is never found.
#[test]
fn the_page_has_every_code() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/analyze.md");
    let page = std::fs::read_to_string(page).unwrap();
    for message in heddle_analyze::MESSAGES {
        let found = format!("| {} | {} | {} |", message.code, message.level, message.name);
        let not_found = format!("| {} | {} |", message.code, message.name);
        assert!(page.contains(&found) != page.contains(&not_found), "{}", message.code);
    }
}

/// Compares the findings of a case with those that are written down. Returns the difference.
fn check(folder: &Path) -> Option<String> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let value = |name: &str| heddle_yaml::values(&read(name), Schema::Yaml11).unwrap().pop().unwrap_or_default();
    let mesh = heddle_crds::decode::decode_at::<MeshConfig>("", &value("mesh.yaml")).unwrap().spec;
    let mut world = World::default().with(mesh, MeshNetworks::read(&value("networks.yaml")).unwrap(), Some(NOW));
    for object in heddle_yaml::values(&read("objects.yaml"), Schema::Yaml11).unwrap() {
        let added = world.add(&object, AddOptions { namespace: "default", is_assumed: false });
        assert!(matches!(added, Added::Seen(_)), "{}: {added:?}: {object}", folder.display());
    }
    let name = analyzer(folder);
    let chosen: Vec<_> = analyzers().into_iter().filter(|one| one.name == name).collect();
    assert_eq!(chosen.len(), 1, "{}: {name}", folder.display());
    let mut found = String::new();
    for finding in analyze(&world, &chosen) {
        let (level, code) = (finding.message.level, finding.message.code);
        writeln!(found, "{level} {code} {} {}: {}", finding.object, finding.path, finding.text).unwrap();
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(folder.join("findings.txt"), &found).unwrap();
    }
    let wanted = read("findings.txt");
    (found != wanted).then(|| format!("{}:\nfound:\n{found}\nwanted:\n{wanted}", folder.display()))
}

/// The analyzer that the first line of a case names.
fn analyzer(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join("objects.yaml")).unwrap();
    text.lines().next().unwrap().trim_start_matches("# ").to_owned()
}

fn cases() -> Vec<PathBuf> {
    let folders = |path: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
    };
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut found: Vec<PathBuf> = folders(&golden).iter().flat_map(|area| folders(area)).collect();
    found.sort();
    found
}
