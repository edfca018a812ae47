//! What follows when files that give objects change.

use super::*;

fn source_file(folder: usize, path: &str) -> SourceFile {
    (folder, path.into())
}

fn objects(pairs: &[(&'static str, u8)]) -> BTreeMap<&'static str, u8> {
    pairs.iter().copied().collect()
}

#[test]
fn only_what_changed_is_applied_and_what_is_gone_deleted() {
    let mut ledger = Ledger::default();
    let (applied, deleted) = (vec![1, 2], vec![]);
    assert_eq!(ledger.replace(&source_file(0, "f"), objects(&[("a", 1), ("b", 2)])), Outcome { applied, deleted });
    let (applied, deleted) = (vec![3], vec!["a"]);
    assert_eq!(ledger.replace(&source_file(0, "f"), objects(&[("b", 2), ("c", 3)])), Outcome { applied, deleted });
    let (applied, deleted) = (vec![], vec!["b", "c"]);
    assert_eq!(ledger.replace(&source_file(0, "f"), objects(&[])), Outcome { applied, deleted });
    assert_eq!(ledger.files_of().count(), 0);
}

#[test]
fn the_later_folder_overrules_and_gives_way_again() {
    let mut ledger = Ledger::default();
    ledger.replace(&source_file(1, "a"), objects(&[("x", 1)]));
    let (applied, deleted) = (vec![], vec![]);
    assert_eq!(ledger.replace(&source_file(0, "z"), objects(&[("x", 2)])), Outcome { applied, deleted });
    assert_eq!(ledger.overruled(&source_file(0, "z")), [("x", "a".into())]);
    assert_eq!(ledger.overruled(&source_file(1, "a")), []);
    assert_eq!(ledger.rivals(&source_file(1, "a")), [source_file(0, "z")].into());
    let (applied, deleted) = (vec![2], vec![]);
    assert_eq!(ledger.replace(&source_file(1, "a"), objects(&[])), Outcome { applied, deleted });
    assert_eq!(ledger.get(&"x"), Some(&2));
}

#[test]
fn an_object_that_moves_to_another_file_is_never_deleted() {
    let mut ledger = Ledger::default();
    ledger.replace(&source_file(0, "a"), objects(&[("x", 1)]));
    let moved = ledger.replace(&source_file(0, "b"), objects(&[("x", 1)]));
    let left = ledger.replace(&source_file(0, "a"), objects(&[]));
    let nothing = Outcome { applied: vec![], deleted: vec![] };
    assert_eq!((&moved, &left), (&nothing, &nothing));
}

#[test]
fn a_path_is_above_the_files_below_it_in_any_folder() {
    let mut ledger = Ledger::default();
    for (folder, path) in [(0, "/a/b/c.yaml"), (0, "/a/b-d.yaml"), (2, "/e/f/g/h.yaml")] {
        ledger.replace(&(folder, path.into()), [(path, 1)].into());
    }
    for above in ["/a", "/a/b", "/e", "/e/f", "/e/f/g", "/"] {
        assert!(ledger.is_above(above.as_ref()), "{above}");
    }
    for not in ["/a/b/c.yaml", "/a/b-d.yaml", "/a/b-d", "/a/c", "/e/f/g/h.yaml", "/e/f/g/h", "/z"] {
        assert!(!ledger.is_above(not.as_ref()), "{not}");
    }
}
