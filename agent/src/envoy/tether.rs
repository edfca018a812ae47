//! Ties Envoy's life to the agent's. An Envoy that outlived its agent would go on serving, with certificates that
//! nobody renews, and share its ports with the next one.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

/// Becomes `command`, which gets SIGTERM when the thread that started this process ends; returns only to say why not.
///
/// Nothing happens when the parent is gone already: between its start of us and our request it may have ended.
pub(crate) fn tether(parent: u32, command: &[OsString]) -> std::io::Error {
    if let Err(error) = set_pdeathsig(Signal::SIGTERM) {
        return error.into();
    }
    if u32::try_from(getppid().as_raw()) != Ok(parent) {
        return std::io::Error::other("the agent that started this process has exited");
    }
    match command.split_first() {
        Some((program, arguments)) => Command::new(program).args(arguments).exec(),
        None => std::io::Error::other("there is no program to run"),
    }
}
