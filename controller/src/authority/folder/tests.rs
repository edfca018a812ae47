//! The authority's folder: made once, kept, and refused when it is broken.

use std::os::unix::fs::PermissionsExt;

use super::*;

const YEAR: Duration = Duration::from_hours(365 * 24);

fn loaded(folder: &Path) -> Result<Authority, FolderError> {
    authority(folder, "td", YEAR, OffsetDateTime::now_utc())
}

#[test]
fn a_root_is_made_once_and_its_key_is_ours_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("deeper/ca");
    let first = loaded(&folder).unwrap();
    let second = loaded(&folder).unwrap();
    assert_eq!(first.roots(), second.roots());
    let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("ca-key.pem"), mode("")), (0o600, 0o700));
    assert_eq!(fs::read_to_string(folder.join("root-cert.pem")).unwrap(), first.roots().pem());
}

#[test]
fn an_incomplete_authority_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    loaded(folder.path()).unwrap();
    fs::remove_file(folder.path().join("ca-cert.pem")).unwrap();
    let key = fs::read(folder.path().join("ca-key.pem")).unwrap();
    assert!(matches!(loaded(folder.path()), Err(FolderError::Authority { .. })));
    assert_eq!(fs::read(folder.path().join("ca-key.pem")).unwrap(), key);
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A new root, in files of its own.
fn root() -> Files {
    heddle_ca::self_signed("corp", YEAR, OffsetDateTime::now_utc(), &SystemRandom::new()).unwrap().1
}

#[test]
fn a_complete_authority_is_loaded_without_a_write() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &root()).unwrap();
    let before = names(folder.path());
    loaded(folder.path()).unwrap();
    assert_eq!(names(folder.path()), before);
    assert_eq!(before, ["ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem"]);
}

/// A first start may end at any point, on a full disk for example.
#[test]
fn a_root_that_was_half_written_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let unfinished = folder.path().join(UNFINISHED);
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("ca-key.pem"), b"half").unwrap();
    let made = loaded(folder.path()).unwrap();
    assert_eq!(loaded(folder.path()).unwrap().roots(), made.roots());
    assert_eq!(names(folder.path()), [".lock", "ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem"]);
}

#[test]
fn a_root_of_which_some_files_are_in_their_place_is_completed() {
    for placed in [&[][..], &["ca-cert.pem"], &["ca-cert.pem", "ca-key.pem", "cert-chain.pem"]] {
        let (folder, files) = (tempfile::tempdir().unwrap(), root());
        let finished = folder.path().join(FINISHED);
        fs::create_dir(&finished).unwrap();
        write(&finished, &files).unwrap();
        for name in placed {
            fs::hard_link(finished.join(name), folder.path().join(name)).unwrap();
        }
        let authority = loaded(folder.path()).unwrap();
        assert_eq!(authority.roots().pem().as_bytes(), files["root-cert.pem"]);
        assert_eq!(read(folder.path()).unwrap(), files);
        assert!(!finished.exists());
    }
}

#[test]
fn files_of_the_operator_are_kept_whatever_a_start_before_has_left() {
    let own = root();
    let only_key = Files::from([("ca-key.pem".to_owned(), own["ca-key.pem"].clone())]);
    for (files, complete) in [(own, true), (only_key, false)] {
        let folder = tempfile::tempdir().unwrap();
        // What today's version leaves, and what an older one left.
        let finished = folder.path().join(FINISHED);
        fs::create_dir(&finished).unwrap();
        write(&finished, &root()).unwrap();
        fs::write(folder.path().join(".unfinished"), b"").unwrap();
        write(folder.path(), &files).unwrap();
        assert_eq!(loaded(folder.path()).is_ok(), complete);
        assert_eq!(read(folder.path()).unwrap(), files);
    }
}

#[test]
fn the_issuers_key_is_made_once_and_a_broken_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    issuer(folder.path(), &["istio-ca".into()]).unwrap();
    let path = folder.path().join(ISSUER_KEY_FILE);
    let (key, mode) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().permissions().mode());
    assert_eq!(mode & 0o777, 0o600);
    issuer(folder.path(), &["istio-ca".into()]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), key);
    fs::write(&path, "nonsense").unwrap();
    assert!(matches!(issuer(folder.path(), &[]), Err(FolderError::Issuer { .. })));
}
