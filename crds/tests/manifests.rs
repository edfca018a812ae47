//! The files in `yaml/` are what the types say.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use heddle_crds::kind::IstioKind;
use heddle_crds::schema;

/// With `UPDATE_GOLDEN=1` the files are written anew.
#[test]
fn files_agree_with_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("yaml");
    let mut wanted = Vec::new();
    for kind in IstioKind::ALL {
        let info = kind.info();
        let name = format!("{}.{}.yaml", info.plural, info.group);
        let text = format!("# Made from the types of heddle-crds.\n{}", heddle_yaml::write(&schema::crd(kind)));
        let file = folder.join(&name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&file, &text).unwrap();
        }
        let found = fs::read_to_string(&file).unwrap_or_default();
        assert!(found == text, "{name} is not what the types say; UPDATE_GOLDEN=1 writes it");
        wanted.push(name);
    }
    let mut found: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
}
