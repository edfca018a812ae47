//! Open files: a connection takes one here and one in the server, which inherits the limit.

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Files that are open besides the connections.
const OTHERS: u64 = 200;

/// Raises the limit of open files as far as it is allowed; an error if that is not far enough.
pub(crate) fn raise(connections: usize) -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("cannot raise the limit of open files")?;
    }
    let needed = connections as u64 + OTHERS;
    ensure!(hard >= needed, "{needed} open files are needed and {hard} allowed: raise it (`ulimit -Hn`)");
    Ok(())
}
