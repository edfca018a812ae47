//! Takes the processes of a run down with it, however the run ends, be it by SIGKILL.
//!
//! The guard is a shell that reads a pipe whose other end only this process holds: a line for each process group that
//! starts or ends. When the pipe closes it ends the groups that are left.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Asks the groups to end, and kills after three seconds those that did not.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
groups=' '
while read -r what group; do
  case $what in
    +) groups="$groups$group " ;;
    -) groups=$(printf '%s' "$groups" | sed "s/ $group / /") ;;
  esac
done
for group in $groups; do kill -TERM "-$group" 2>/dev/null; done
for tenth in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
  left=
  for group in $groups; do kill -0 "-$group" 2>/dev/null && left=yes; done
  [ -n "$left" ] || exit 0
  sleep 0.1
done
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done
"#;

/// The pipe to the guard. A lock, since any thread may start a process.
static GUARD: OnceLock<Option<Mutex<ChildStdin>>> = OnceLock::new();

/// From now on the guard ends this group if nobody else does.
pub(super) fn watch(group: u32) {
    tell('+', group);
}

/// The group has ended.
pub(super) fn forget(group: u32) {
    tell('-', group);
}

fn tell(what: char, group: u32) {
    // Without a shell there is no guard; processes still end with their values.
    if let Some(pipe) = GUARD.get_or_init(start) {
        let _ = writeln!(pipe.lock().unwrap_or_else(PoisonError::into_inner), "{what} {group}");
    }
}

fn start() -> Option<Mutex<ChildStdin>> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(SCRIPT).process_group(0);
    let mut guard = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    guard.stdin.take().map(Mutex::new)
}
