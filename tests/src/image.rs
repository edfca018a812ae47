//! Container images, made without an engine and without a registry: what each holds is copied from this machine and
//! from what was built here, and written as a tar that `ctr images import` and `docker load` take.
//!
//! They are what the Dockerfiles in `deploy/images/` describe, for whoever has an engine.

mod archive;
mod root;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use heddle_crds::mesh::image::{CONTROL_PLANE, HUB, PROXY, TAG};

use crate::{cluster, envoy, product};
use root::Root;

/// What can be built.
pub const IMAGES: [Image; 5] = [
    Image { name: CONTROL_PLANE, user: 1337, entrypoint: &["/usr/local/bin/heddled"], fill: heddled },
    Image { name: PROXY, user: 1337, entrypoint: &["/usr/local/bin/heddle-agent"], fill: proxy },
    Image { name: "bookinfo", user: 65534, entrypoint: &["/usr/local/bin/bookinfo"], fill: bookinfo },
    Image { name: "busybox", user: 65534, entrypoint: &["/bin/sh"], fill: busybox },
    Image { name: "pause", user: 65534, entrypoint: &["/bin/busybox", "sleep", "2147483647"], fill: busybox },
];

/// An image and how its files come together.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// Its name without hub and tag.
    pub name: &'static str,
    /// Who it runs as. 1337 is the proxy, whose calls are not captured, so no application may be that.
    pub user: u32,
    /// What it runs.
    pub entrypoint: &'static [&'static str],
    fill: fn(&mut Root) -> Result<()>,
}

impl Image {
    /// The whole name.
    #[must_use]
    pub fn reference(&self) -> String {
        // The node asks for it by a name that does not change with ours.
        if self.name == "pause" { cluster::node::PAUSE.to_owned() } else { format!("{HUB}/{}:{TAG}", self.name) }
    }

    /// Writes `<folder>/<name>.tar` and returns its path.
    pub fn write(&self, folder: &Path) -> Result<PathBuf> {
        ensure!(
            cfg!(all(target_os = "linux", target_arch = "x86_64")),
            "images are built for amd64, on Linux on amd64"
        );
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        let work = tempfile::Builder::new().prefix(self.name).tempdir_in(folder)?;
        let mut root = Root::new(&work.path().join("root"))?;
        (self.fill)(&mut root).with_context(|| format!("image {}", self.name))?;
        let tar = folder.join(format!("{}.tar", self.name));
        archive::write(&tar, work.path(), self)?;
        Ok(tar)
    }
}

fn heddled(root: &mut Root) -> Result<()> {
    root.base()?;
    root.program(&product::binary("heddled")?, "/usr/local/bin/heddled")
}

fn proxy(root: &mut Root) -> Result<()> {
    root.base()?;
    root.program(&product::binary("heddle-agent")?, "/usr/local/bin/heddle-agent")?;
    root.program(&envoy::binary()?, "/usr/local/bin/envoy")?;
    // The names by which pods made for Istio's image call it.
    for name in ["pilot-agent", "istio-iptables"] {
        root.link("heddle-agent", &format!("/usr/local/bin/{name}"))?;
    }
    let iptables = root::on_path("xtables-nft-multi")?;
    root.program(&iptables, "/usr/sbin/xtables-nft-multi")?;
    for family in ["iptables", "ip6tables"] {
        for command in ["", "-save", "-restore"] {
            root.link("xtables-nft-multi", &format!("/usr/sbin/{family}{command}"))?;
        }
    }
    root.libraries("xtables")?;
    root.program(&root::on_path("ip")?, "/usr/sbin/ip")
}

fn bookinfo(root: &mut Root) -> Result<()> {
    root.base()?;
    root.program(&product::binary("bookinfo")?, "/usr/local/bin/bookinfo")
}

fn busybox(root: &mut Root) -> Result<()> {
    root.base()?;
    let busybox = cluster::program("busybox")?;
    root.program(&busybox, "/bin/busybox")?;
    for name in root::applets(&busybox)? {
        root.link("busybox", &format!("/bin/{name}"))?;
    }
    Ok(())
}
