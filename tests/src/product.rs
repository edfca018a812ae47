//! Our own binaries, built before the tests run, and the repository that they come from.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The binary `name` (`heddled`, `heddle-agent`, `heddlectl`, `bookinfo`): in `HEDDLE_BIN_DIR`, else where cargo
/// put it beside the running test or program.
pub fn binary(name: &str) -> Result<PathBuf> {
    let folder = match std::env::var_os("HEDDLE_BIN_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => build_folder()?,
    };
    let path = folder.join(name);
    ensure!(
        path.is_file(),
        "{} is not there: run `cargo build --workspace --bins` (add --release for release)",
        path.display()
    );
    Ok(path)
}

/// A command of `heddlectl` with its arguments.
pub fn heddlectl<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<Command> {
    let mut command = Command::new(binary("heddlectl")?);
    command.args(arguments);
    Ok(command)
}

/// The root of the repository.
pub fn root() -> Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).context("tests/ lies in the workspace")
}

/// `target/debug` or `target/release`: tests run from its `deps`, programs from itself.
fn build_folder() -> Result<PathBuf> {
    let me = std::env::current_exe()?;
    let folder = me.parent().context("a program lies in a folder")?;
    let tests = folder.file_name().is_some_and(|name| name == "deps");
    Ok(if tests { folder.parent().context("deps lies in a folder")?.to_owned() } else { folder.to_owned() })
}
