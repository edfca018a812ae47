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

#[test]
fn a_root_that_was_half_written_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(UNFINISHED), b"").unwrap();
    fs::write(folder.path().join("ca-key.pem"), b"half").unwrap();
    loaded(folder.path()).unwrap();
    assert!(!folder.path().join(UNFINISHED).exists());
    loaded(folder.path()).unwrap();
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
