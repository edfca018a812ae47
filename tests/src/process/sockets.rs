//! Which addresses a process and its children really listen on, as Linux knows it: what a configuration says is not
//! enough.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, Result};

use super::Process;

/// The state of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";

impl Process {
    /// The TCP addresses on which it, or anything that it started, listens.
    pub fn listens_on(&self) -> Result<BTreeSet<SocketAddr>> {
        let mut sockets = HashMap::new();
        for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
            let table = fs::read_to_string(file).with_context(|| format!("read {file}"))?;
            sockets.extend(table.lines().skip(1).filter_map(listening));
        }
        let mut addresses = BTreeSet::new();
        for process in family(self.id())? {
            // A process may end, and close files, while one looks.
            let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else { continue };
            let links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
            let inodes = links.filter_map(|link| {
                let link = link.to_string_lossy().into_owned();
                link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
            });
            addresses.extend(inodes.filter_map(|inode: u64| sockets.get(&inode).copied()));
        }
        Ok(addresses)
    }
}

/// A process with its children and theirs.
fn family(ancestor: u32) -> Result<Vec<u32>> {
    let processes =
        fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_string_lossy().parse().ok());
    let parents: Vec<(u32, u32)> = processes.filter_map(|process| Some((process, parent(process)?))).collect();
    let mut family = vec![ancestor];
    let mut seen = 0;
    while let Some(elder) = family.get(seen).copied() {
        family.extend(parents.iter().filter(|(_, parent)| *parent == elder).map(|(child, _)| *child));
        seen += 1;
    }
    Ok(family)
}

fn parent(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // After the name, which may hold anything: state, parent.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Inode and address of a line, if it is of a listening socket.
fn listening(line: &str) -> Option<(u64, SocketAddr)> {
    let fields: Vec<_> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    if *state != LISTEN {
        return None;
    }
    let (ip, port) = local.split_once(':')?;
    Some((inode.parse().ok()?, SocketAddr::new(address(ip)?, u16::from_str_radix(port, 16).ok()?)))
}

/// Groups of four bytes, each written as a number of the machine's byte order.
fn address(hex: &str) -> Option<IpAddr> {
    let words = hex.as_bytes().chunks(8).map(|word| {
        let word = std::str::from_utf8(word).ok()?;
        Some(u32::from_str_radix(word, 16).ok()?.to_ne_bytes())
    });
    let bytes: Vec<u8> = words.collect::<Option<Vec<_>>>()?.concat();
    if let Ok(four) = <[u8; 4]>::try_from(bytes.as_slice()) {
        return Some(IpAddr::V4(Ipv4Addr::from(four)));
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| IpAddr::V6(Ipv6Addr::from(sixteen)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_childs_listener_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", "python3 -m http.server --bind 127.0.0.1 0; true"]);
        let process = Process::start("parent", &mut command, folder.path()).unwrap();
        let listens = async || process.listens_on().unwrap().iter().any(|address| address.ip().is_loopback());
        crate::process::eventually("listener", std::time::Duration::from_secs(20), listens).await.unwrap();
    }

    #[test]
    fn lines_of_the_table_are_read() {
        let line =
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0";
        assert_eq!(listening(line), Some((4711, "127.0.0.1:8080".parse().unwrap())));
        assert_eq!(listening(&line.replace(" 0A ", " 01 ")), None);
        let six = line.replace("0100007F", "00000000000000000000000001000000");
        assert_eq!(listening(&six), Some((4711, "[::1]:8080".parse().unwrap())));
    }
}
