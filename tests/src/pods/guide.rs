//! `docs/getting-started.md`, followed on a node as its reader does.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::cluster::node::Node;
use crate::product;

const DOCUMENT: &str = "docs/getting-started.md";
/// What the fences of commands begin with that need a node.
const FENCE: &str = "```sh node\n";

/// Runs the commands of a section, one after the other in one shell, and returns what they print. What a command leaves
/// running in the background ends with the section.
pub fn follow(node: &Node, section: &str) -> Result<String> {
    let text = std::fs::read_to_string(product::root()?.join(DOCUMENT))?;
    let mut sections = text.split("\n## ");
    let body = sections.find_map(|part| part.strip_prefix(section)?.strip_prefix('\n'));
    let body = body.with_context(|| format!("{DOCUMENT} has no section {section}"))?;
    let fences = body.split(FENCE).skip(1).filter_map(|part| part.split("```").next());
    let commands = fences.collect::<String>();
    ensure!(!commands.is_empty(), "{DOCUMENT}: {section} has no commands");
    let script = format!("trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{commands}");
    let mut shell = node.cluster.command("bash");
    let ours = product::binary("heddlectl")?;
    let known = shell.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value?.to_str());
    let path = format!("{}:{}", ours.parent().unwrap_or(Path::new(".")).display(), known.unwrap_or_default());
    shell.env("PATH", path).env("CONTAINERD_ADDRESS", node.containerd()).current_dir(folder(node)?);
    let out = shell.args(["-euo", "pipefail", "-c", &script]).output().context("run bash")?;
    let (said, refused) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    ensure!(out.status.success(), "{DOCUMENT}: {section}: {}: {said}{refused}", out.status);
    Ok(said.into_owned())
}

/// Where `make images` leaves the images, as the document sees it.
pub(super) fn images(node: &Node) -> Result<PathBuf> {
    Ok(folder(node)?.join("target/images"))
}

/// A folder that looks like the repository's root, with images of its own.
fn folder(node: &Node) -> Result<PathBuf> {
    let folder = node.cluster.folder().join("guide");
    if !folder.exists() {
        std::fs::create_dir_all(folder.join("target/images"))?;
        for name in ["charts", "deploy"] {
            symlink(product::root()?.join(name), folder.join(name))?;
        }
    }
    Ok(folder)
}
