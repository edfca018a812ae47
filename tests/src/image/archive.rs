//! The tar of an image: one layer, its configuration, and a list of both.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::Image;

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Packs `<work>/root`; the same files give the same bytes.
pub(super) fn write(tar: &Path, work: &Path, made: &Image) -> Result<()> {
    let layer = work.join("layer.tar");
    pack(&layer, &work.join("root"), &["."])?;
    let layer_digest = digest(&layer)?;
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": {"Entrypoint": made.entrypoint, "User": format!("{0}:{0}", made.user), "Env": [PATH]},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer_digest}")]},
    });
    let image = work.join("image");
    fs::create_dir(&image)?;
    fs::write(image.join("config"), config.to_string())?;
    let config = format!("{}.json", digest(&image.join("config"))?);
    let layer_name = format!("{layer_digest}.tar");
    fs::rename(image.join("config"), image.join(&config))?;
    fs::rename(&layer, image.join(&layer_name))?;
    let manifest = json!([{"Config": config, "RepoTags": [made.reference()], "Layers": [layer_name]}]);
    fs::write(image.join("manifest.json"), manifest.to_string())?;
    pack(tar, &image, &["manifest.json", &config, &layer_name])
}

fn pack(tar: &Path, folder: &Path, names: &[&str]) -> Result<()> {
    let mut command = Command::new("tar");
    command.args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"]);
    command.arg("--create").arg("--file").arg(tar).arg("--directory").arg(folder).args(names);
    let out = command.output().context("run tar (GNU tar)")?;
    ensure!(out.status.success(), "tar: {}", String::from_utf8_lossy(&out.stderr).trim());
    Ok(())
}

fn digest(file: &Path) -> Result<String> {
    let out = Command::new("sha256sum").arg(file).output().context("run sha256sum")?;
    let said = String::from_utf8(out.stdout)?;
    Ok(said.split_whitespace().next().context("sha256sum says nothing")?.to_owned())
}
