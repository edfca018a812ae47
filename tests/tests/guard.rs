//! Nothing that a test or the demo starts outlives it, not even when it is killed with SIGKILL. Nothing that is shipped
//! has a private key.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use heddle_tests::process::{Process, eventually};

/// Names the folder in which the starter, which is this test once more, is to start something.
const STARTER: &str = "HEDDLE_TEST_STARTER";

#[tokio::test]
async fn what_a_killed_starter_has_started_ends() -> Result<()> {
    if let Some(folder) = std::env::var_os(STARTER) {
        return starter(Path::new(&folder)).await;
    }
    let folder = tempfile::tempdir()?;
    let mut starter = Command::new(std::env::current_exe()?);
    starter.args(["--exact", "what_a_killed_starter_has_started_ends", "--nocapture"]).env(STARTER, folder.path());
    let mut starter = starter.stdout(Stdio::null()).spawn()?;
    let (leader, child) = (folder.path().join("leader"), folder.path().join("child"));
    eventually("started processes", Duration::from_secs(20), async || leader.exists() && child.exists()).await?;
    let ids = [read(&leader)?, read(&child)?];
    assert!(ids.iter().all(|id| runs(*id)), "{ids:?} should run");
    starter.kill()?;
    starter.wait()?;
    eventually("end of what was started", Duration::from_secs(10), async || !ids.iter().any(|id| runs(*id))).await
}

/// Starts a shell that deafly waits for a child of its own, and waits to be killed.
async fn starter(folder: &Path) -> Result<()> {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "trap '' TERM; sleep 1000 & echo $! > child.new; mv child.new child; wait"])
        .current_dir(folder);
    let process = Process::start("leader", &mut command, folder)?;
    std::fs::write(folder.join("leader.new"), process.id().to_string())?;
    std::fs::rename(folder.join("leader.new"), folder.join("leader"))?;
    std::future::pending().await
}

fn read(file: &Path) -> Result<u32> {
    std::fs::read_to_string(file)?.trim().parse().context("process id")
}

/// Whether a process runs; one that has ended and that nobody has asked after does not.
fn runs(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// The class of ISTIO-SECURITY-2020-004: a key that every installation has.
#[test]
fn nothing_that_is_shipped_has_a_private_key() -> Result<()> {
    let root = heddle_tests::product::root()?;
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(&root).output()?;
    anyhow::ensure!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let files = String::from_utf8(listed.stdout)?;
    let mut scanned = 0;
    for file in files.split('\0').filter(|file| !file.is_empty() && !file.split('/').any(|part| part == "tests")) {
        // A file of the index may have been deleted.
        let Ok(bytes) = std::fs::read(root.join(file)) else { continue };
        assert!(!has_private_key(&String::from_utf8_lossy(&bytes)), "{file} has a private key");
        scanned += 1;
    }
    assert!(scanned > 500, "only {scanned} files were found");
    for binary in ["heddled", "heddle-agent", "heddlectl"] {
        let bytes = std::fs::read(heddle_tests::product::binary(binary)?)?;
        assert!(!has_private_key(&String::from_utf8_lossy(&bytes)), "{binary} has a private key");
    }
    Ok(())
}

#[test]
fn a_private_key_is_recognized() -> Result<()> {
    let key = rcgen::KeyPair::generate()?.serialize_pem();
    assert!(has_private_key(&format!("  key: |\n{}", key.replace('\n', "\n    "))));
    assert!(has_private_key(&key.replace('\n', "\\n")));
    assert!(!has_private_key("-----BEGIN PRIVATE KEY----- begins a key"));
    Ok(())
}

/// Whether a text has a private key in PEM: the first line, and base64 after it.
fn has_private_key(text: &str) -> bool {
    text.split("PRIVATE KEY-----").skip(1).any(|rest| {
        let rest = rest.trim_start_matches(|sign: char| sign.is_whitespace() || sign == '\\' || sign == 'n');
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte)).count();
        length >= 40
    })
}
