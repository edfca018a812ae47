//! Ties the lifetime of Envoy to that of the agent. An Envoy that outlived its agent would use a certificate that
//! nobody renews, and it would share its ports with the next Envoy.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

/// Becomes `command`, which gets SIGTERM when the thread that started this process ends. It returns only with an error.
///
/// If the parent has exited already, no signal is sent. It may exit between the start of this process and the request,
/// so that is checked.
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
