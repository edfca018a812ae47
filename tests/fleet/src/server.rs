//! The server that is measured: `heddled`, started here, or any that is there already.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::mesh::ConfigSource;
use crate::usage::Usage;

/// How long a server may take until it is ready.
const READY: Duration = Duration::from_mins(1);
/// How long one that was started here may take to end when it is told to.
const END: Duration = Duration::from_secs(5);

/// Where discovery is served, and by which process.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// The port with TLS, if it is known.
    pub(crate) secure: Option<SocketAddr>,
    /// The process, to know what it uses; none if it is not said.
    pid: Option<u32>,
    child: Option<Child>,
}

/// What is to be started.
#[derive(Clone, Debug)]
pub(crate) struct Start<'a> {
    /// The program; without it `heddled` beside this one.
    pub(crate) program: Option<PathBuf>,
    /// A folder for all that it writes.
    pub(crate) run: &'a Path,
    /// What it watches.
    pub(crate) config_source: &'a ConfigSource,
    /// Whether it may send virtual hosts apart from route configurations.
    pub(crate) virtual_hosts: bool,
    /// Further flags.
    pub(crate) flags: &'a [String],
}

impl Server {
    /// A server that is there already.
    pub(crate) fn at(address: SocketAddr, pid: Option<u32>) -> Self {
        Self { address, secure: None, pid, child: None }
    }

    /// Starts `heddled` on a loopback address of its own and waits until it is ready.
    pub(crate) fn start(start: &Start<'_>) -> Result<Self> {
        let program = match &start.program {
            // It runs in a folder of its own, where another path would lead elsewhere.
            Some(program) => std::path::absolute(program)?,
            None => beside("heddled")?,
        };
        let ip = IpAddr::V4(address());
        let mut command = Command::new(&program);
        for (flag, port) in
            [("httpAddr", 8080), ("grpcAddr", 15010), ("secureGRPCAddr", 15012), ("monitoringAddr", 15014)]
        {
            command.arg(format!("--{flag}={ip}:{port}"));
        }
        let discovery = if start.virtual_hosts { "auto" } else { "off" };
        command
            .arg(format!("--ctrlz_address={ip}"))
            .arg(start.config_source.flag())
            .arg("--caDir")
            .arg(start.run.join("ca"))
            .arg(format!("--virtual-host-discovery={discovery}"))
            .args(start.flags)
            .current_dir(start.run)
            .stdin(Stdio::null())
            .stdout(File::create(start.run.join("heddled.out"))?)
            .stderr(File::create(start.run.join("heddled.err"))?);
        let child = command.spawn().with_context(|| format!("run {}", program.display()))?;
        let pid = Some(child.id());
        let secure = Some(SocketAddr::new(ip, 15012));
        let mut server = Self { address: SocketAddr::new(ip, 15010), secure, pid, child: Some(child) };
        server.until_ready(SocketAddr::new(ip, 8080), start.run)?;
        Ok(server)
    }

    /// What it has used so far; nothing if its process is not known.
    pub(crate) fn usage(&self) -> Result<Usage> {
        self.pid.map_or(Ok(Usage::default()), Usage::of)
    }

    /// The sum of a metric's values, or the value of one that is named with its labels; none if it is not known where
    /// the server says them.
    pub(crate) fn metric(&self, name: &str) -> Option<u64> {
        let page = get(SocketAddr::new(self.secure?.ip(), 15014), "/metrics").ok()?;
        let values = page.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            rest.starts_with(['{', ' ']).then(|| rest.rsplit(' ').next()?.parse::<u64>().ok()).flatten()
        });
        Some(values.sum())
    }

    fn until_ready(&mut self, page: SocketAddr, run: &Path) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < READY {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                let words = std::fs::read_to_string(run.join("heddled.err")).unwrap_or_default();
                bail!("heddled ended: {status}\n{words}");
            }
            if get(page, "/ready").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("heddled was not ready within {READY:?}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It ends by itself, so that one that counts what it does leaves its counts; it may have ended before.
            let ended = i32::try_from(child.id()).map(|pid| kill(Pid::from_raw(pid), Signal::SIGTERM));
            let start = Instant::now();
            while matches!(ended, Ok(Ok(()))) && start.elapsed() < END && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A loopback address that no other server of this process has, and likely none of another.
fn address() -> Ipv4Addr {
    static STARTED: AtomicU8 = AtomicU8::new(0);
    let [high, low] = u16::try_from(std::process::id() % 0xfffe).unwrap_or(1).to_be_bytes();
    Ipv4Addr::new(127, 78 + STARTED.fetch_add(1, Ordering::Relaxed) % 100, high, low.max(1))
}

/// A program that cargo put beside this one, or where `HEDDLE_BIN_DIR` says.
pub(crate) fn beside(name: &str) -> Result<PathBuf> {
    let folder = if let Some(folder) = std::env::var_os("HEDDLE_BIN_DIR") {
        PathBuf::from(folder)
    } else {
        let me = std::env::current_exe()?;
        let folder = me.parent().context("a program lies in a folder")?;
        let tests = folder.file_name().is_some_and(|name| name == "deps");
        if tests { folder.parent().context("deps lies in a folder")?.to_owned() } else { folder.to_owned() }
    };
    let path = folder.join(name);
    ensure!(path.is_file(), "{} is not there: build it first (`cargo build --workspace --bins`)", path.display());
    Ok(path)
}

/// A page as it comes, with its status line.
fn get(page: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&page, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: heddled\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
