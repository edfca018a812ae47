//! The files of an image, in a folder: programs with the libraries that they load.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Users of the image; 1337 is the one that pods' proxies are known by.
const USERS: &str =
    "root:x:0:0::/:/bin/sh\nheddle:x:1337:1337::/home/heddle:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n";
const GROUPS: &str = "root:x:0:\nheddle:x:1337:\nnogroup:x:65534:\n";
/// Where Debian keeps libraries.
const LIBRARIES: [&str; 3] = ["/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64"];

/// A folder that becomes `/`.
#[derive(Debug)]
pub(super) struct Root {
    folder: PathBuf,
    /// Libraries that are there already.
    there: BTreeSet<PathBuf>,
}

impl Root {
    /// Begins with an empty one.
    pub(super) fn new(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned(), there: BTreeSet::new() })
    }

    /// What every image has: users, a `/tmp`, and the roots that this machine trusts.
    pub(super) fn base(&mut self) -> Result<()> {
        for folder in ["tmp", "etc", "home/heddle", "proc", "sys", "dev"] {
            fs::create_dir_all(self.folder.join(folder))?;
        }
        fs::set_permissions(self.folder.join("tmp"), fs::Permissions::from_mode(0o1777))?;
        fs::write(self.folder.join("etc/passwd"), USERS)?;
        fs::write(self.folder.join("etc/group"), GROUPS)?;
        fs::write(self.folder.join("etc/nsswitch.conf"), "hosts: files dns\n")?;
        let roots = Path::new("/etc/ssl/certs/ca-certificates.crt");
        if roots.is_file() { self.copy(roots, "/etc/ssl/certs/ca-certificates.crt") } else { Ok(()) }
    }

    /// Puts a program at `to`, without what only a debugger wants, and the libraries that it names beside it.
    pub(super) fn program(&mut self, program: &Path, to: &str) -> Result<()> {
        let place = self.place(to)?;
        let stripped = Command::new("strip").arg("--strip-debug").arg("-o").arg(&place).arg(program).output();
        let stripped = stripped.context("run strip (apt-get install binutils)")?;
        if !stripped.status.success() {
            fs::copy(program, &place).with_context(|| format!("copy {}", program.display()))?;
        }
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755))?;
        self.needed(program)
    }

    /// A folder of libraries that programs load by themselves.
    pub(super) fn libraries(&mut self, name: &str) -> Result<()> {
        let folder = LIBRARIES.iter().map(|libraries| Path::new(libraries).join(name)).find(|folder| folder.is_dir());
        let folder = folder.with_context(|| format!("no folder {name} in {LIBRARIES:?}"))?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            self.copy(&path, &path.display().to_string())?;
        }
        Ok(())
    }

    /// A symbolic link at `place`.
    pub(super) fn link(&mut self, to: &str, place: &str) -> Result<()> {
        let place = self.place(place)?;
        if place.symlink_metadata().is_err() {
            symlink(to, &place)?;
        }
        Ok(())
    }

    /// The libraries that a program names, and those that they name.
    fn needed(&mut self, program: &Path) -> Result<()> {
        let out = Command::new("ldd").arg(program).output().context("run ldd")?;
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        ensure!(!said.contains("not found"), "{}: {said}", program.display());
        // `libc.so.6 => /lib/libc.so.6 (0x0)`, or `/lib64/ld-linux-x86-64.so.2 (0x0)`; nothing of the kind for a static
        // one.
        for word in said.split_whitespace().filter(|word| word.starts_with('/') && !word.ends_with(':')) {
            if self.there.insert(PathBuf::from(word)) {
                self.copy(Path::new(word), word)?;
            }
        }
        Ok(())
    }

    fn copy(&self, from: &Path, to: &str) -> Result<()> {
        let place = self.place(to)?;
        fs::copy(from, &place).with_context(|| format!("copy {}", from.display())).map(drop)
    }

    /// Where an absolute path of the image is, with its folder made.
    fn place(&self, path: &str) -> Result<PathBuf> {
        let place = self.folder.join(path.trim_start_matches('/'));
        fs::create_dir_all(place.parent().context("a file lies in a folder")?)?;
        Ok(place)
    }
}

/// A program of this machine, also where only root's `PATH` leads.
pub(super) fn on_path(name: &str) -> Result<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut folders = path.split(':').chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"]).map(PathBuf::from);
    let found = folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.is_file()));
    found.with_context(|| format!("{name} is missing (apt-get install iptables iproute2)"))
}

/// The names that a busybox goes by.
pub(super) fn applets(busybox: &Path) -> Result<Vec<String>> {
    let out = Command::new(busybox).arg("--list").output().context("run busybox")?;
    let list = String::from_utf8(out.stdout)?;
    Ok(list.lines().filter(|name| *name != "busybox").map(str::to_owned).collect())
}
