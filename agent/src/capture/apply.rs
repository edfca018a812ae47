//! Writes the rules. Each table is written in one step, which also removes the rules of earlier runs.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::rules::{TABLES, Table, tables};
use super::{CaptureScope, Family, Mode};

/// The longest wait for the lock of the tables, in seconds.
const WAIT: &str = "30";

/// Why the traffic is not captured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaptureError {
    /// A flag is invalid.
    #[error("{flag}: {reason}")]
    Flag {
        /// The flag.
        flag: &'static str,
        /// The error.
        reason: String,
    },
    /// The resolvers of the pod cannot be read.
    #[error("{0}: {1}")]
    Resolvers(PathBuf, std::io::Error),
    /// A program is missing or does not run.
    #[error("cannot run {0}: {1}")]
    Program(String, std::io::Error),
    /// A program returned an error.
    #[error("{command} failed: {said}{input}")]
    Refused {
        /// The command.
        command: String,
        /// Its error output.
        said: String,
        /// Its input.
        input: String,
    },
    /// The rules exist, but the traffic is not captured.
    #[error("inbound connections are not captured: {0}")]
    NotCaptured(String),
}

/// Writes or removes the rules of both families.
pub(super) fn apply(scope: &CaptureScope) -> Result<(), CaptureError> {
    for family in families() {
        let wanted = if scope.args.clean_up { Vec::new() } else { tables(scope, family) };
        routes(scope, family)?;
        for name in TABLES {
            let wanted = wanted.iter().find(|table| table.name == name);
            let before = if scope.args.dry_run { String::new() } else { saved(family, name, wanted.is_some())? };
            let Some(text) = restore(name, wanted, &before) else { continue };
            if scope.args.dry_run {
                println!("# {} --noflush\n{text}", program(family, "-restore"));
            } else {
                let restore = [&program(family, "-restore"), "-w", WAIT, "--noflush"].map(str::to_owned);
                run(&restore, &text)?;
                tracing::info!(table = name, family = ?family, rules = wanted.map_or(0, |table| table.rules.len()),
                    "wrote the rules");
            }
        }
    }
    Ok(())
}

/// IPv6 is skipped if the kernel has no IPv6 address.
fn families() -> Vec<Family> {
    let has_v6 = std::fs::read_to_string("/proc/net/if_inet6").is_ok_and(|addresses| !addresses.trim().is_empty());
    if has_v6 { vec![Family::V4, Family::V6] } else { vec![Family::V4] }
}

fn program(family: Family, suffix: &str) -> String {
    format!("{}{suffix}", if family == Family::V4 { "iptables" } else { "ip6tables" })
}

/// The rules of a table. If the table cannot be read, it has no rules of ours, unless rules are to be written.
fn saved(family: Family, table: &str, is_wanted: bool) -> Result<String, CaptureError> {
    match run(&[program(family, "-save"), "-t".to_owned(), table.to_owned()], "") {
        Err(CaptureError::Refused { .. }) if !is_wanted => Ok(String::new()),
        other => other,
    }
}

/// The input of `iptables-restore`. It is `None` if there is nothing to remove and nothing to write.
fn restore(name: &str, wanted: Option<&Table>, before: &str) -> Option<String> {
    let ours = |rule: &str| rule.split_whitespace().any(|word| word.starts_with("ISTIO_"));
    let is_chain = |line: &&str| line.starts_with(":ISTIO_");
    let old: Vec<&str> =
        before.lines().filter(is_chain).filter_map(|line| line.get(1..)?.split_whitespace().next()).collect();
    // A table without our chains has no other rules of ours.
    let hooks = before.lines().filter_map(|line| line.strip_prefix("-A "));
    let hooks: Vec<&str> =
        hooks.filter(|rule| !rule.starts_with("ISTIO_") && (ours(rule) || is_hook(rule, &old))).collect();
    if wanted.is_none() && old.is_empty() && hooks.is_empty() {
        return None;
    }
    let mut lines = vec![format!("*{name}")];
    let new = wanted.map_or(&[][..], |table| &table.chains);
    // `iptables-restore` empties a chain that its input names.
    let mut all: Vec<&str> = old.iter().chain(new).copied().collect();
    all.sort_unstable();
    all.dedup();
    lines.extend(all.iter().map(|chain| format!(":{chain} - [0:0]")));
    lines.extend(hooks.iter().map(|rule| format!("-D {rule}")));
    lines.extend(wanted.iter().flat_map(|table| table.rules.iter().map(|rule| format!("-A {rule}"))));
    lines.extend(old.iter().filter(|chain| !new.contains(chain)).map(|chain| format!("-X {chain}")));
    lines.push("COMMIT\n".to_owned());
    Some(lines.join("\n"))
}

/// Finds our rules in the kernel's chains that do not jump to our chains. They are recognised by their chain and their
/// action.
fn is_hook(rule: &str, chains: &[&str]) -> bool {
    let marks = ["-j CT --zone ", "-j CONNMARK --save-mark"];
    !chains.is_empty()
        && rule.starts_with("PREROUTING")
        && (marks.iter().any(|mark| rule.contains(mark)) || rule.contains(" -i ") && rule.ends_with("-j RETURN"))
}

/// Packets for a transparent proxy are delivered locally, whatever their address. Envoy and the agent have an address
/// on loopback from which they call the application.
fn routes(scope: &CaptureScope, family: Family) -> Result<(), CaptureError> {
    let flag = if family == Family::V4 { "-4" } else { "-6" };
    let (mark, table) = (scope.args.mark.to_string(), scope.args.route_table.to_string());
    let mut commands = Vec::new();
    let rule = ["ip", flag, "rule", "DO", "fwmark", &mark, "lookup", &table].map(str::to_owned);
    let every = if family == Family::V4 { "0.0.0.0/0" } else { "::/0" };
    let route = ["ip", flag, "route", "DO", "local", every, "dev", "lo", "table", &table].map(str::to_owned);
    let with = |command: &[String], word: &str| -> Vec<String> {
        command.iter().map(|part| if part == "DO" { word.to_owned() } else { part.clone() }).collect()
    };
    let transparent = scope.args.mode == Mode::Tproxy;
    if transparent || scope.args.clean_up {
        commands.push((with(&rule, "del"), true));
    }
    if scope.args.clean_up {
        commands.push((with(&route, "del"), true));
    } else if transparent {
        commands.push((with(&rule, "add"), false));
        commands.push((with(&route, "replace"), false));
    }
    if family == Family::V6 && !scope.args.clean_up {
        let address = ["ip", "-6", "addr", "replace", "::6/128", "dev", "lo"].map(str::to_owned);
        commands.push((address.into(), true));
    }
    for (command, may_fail) in commands {
        if scope.args.dry_run {
            println!("# {}", command.join(" "));
            continue;
        }
        match run(&command, "") {
            Err(CaptureError::Refused { said, .. }) if may_fail => tracing::debug!(command = command.join(" "), said),
            Err(error) if !may_fail => return Err(error),
            Err(error) => tracing::warn!(%error, "a command failed; the agent continues"),
            Ok(_) => {}
        }
    }
    Ok(())
}

fn run(command: &[String], input: &str) -> Result<String, CaptureError> {
    let (program, args) = command.split_first().map_or(("", command), |(program, args)| (program.as_str(), args));
    let missing = |error| CaptureError::Program(program.to_owned(), error);
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(missing)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input closes it. Then only its exit status counts.
        let _ = stdin.write_all(input.as_bytes());
    }
    let out = child.wait_with_output().map_err(missing)?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    let input = if input.is_empty() { String::new() } else { format!("\n{input}") };
    let said = String::from_utf8_lossy(&out.stderr).trim().to_owned();
    Err(CaptureError::Refused { command: command.join(" "), said, input })
}
