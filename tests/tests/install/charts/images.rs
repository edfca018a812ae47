//! The images: what the Dockerfiles say is what `make images` builds, and nothing in them runs as root.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use heddle_crds::mesh::image::{CONTROL_PLANE, HUB, PROXY, TAG};
use heddle_tests::image::IMAGES;
use heddle_tests::product;
use heddle_yaml::{Budget, Schema};
use serde_json::Value;

/// One instruction with its arguments, lines joined.
type Instruction = (String, String);

#[test]
fn dockerfiles_make_what_make_images_builds() -> Result<()> {
    let folder = product::root()?.join("deploy/images");
    let mut files = 0;
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(name) = name.strip_suffix(".Dockerfile") else { continue };
        check(name, &parse(&std::fs::read_to_string(&path)?)?).with_context(|| path.display().to_string())?;
        files += 1;
    }
    ensure!(files == 3, "{files} Dockerfiles");
    Ok(())
}

fn check(name: &str, instructions: &[Instruction]) -> Result<()> {
    let image = IMAGES.iter().find(|image| image.name == name).context("make images has no such image")?;
    let mut stages = Vec::new();
    for (instruction, arguments) in instructions {
        match instruction.as_str() {
            "FROM" => {
                let (image, stage) = arguments.split_once(" AS ").unwrap_or((arguments, ""));
                ensure!(image.contains(':') && !image.ends_with(":latest"), "{image} names no version");
                stages.push(stage);
            }
            "COPY" => copied(arguments, &stages)?,
            "RUN" => ensure!(!arguments.contains("apt-get install") || arguments.contains("--no-install-recommends")),
            "WORKDIR" | "USER" | "ENTRYPOINT" => {}
            other => bail!("{other} is not known here"),
        }
    }
    let last = |wanted: &str| {
        let found = instructions.iter().rev().find(|(instruction, _)| instruction == wanted);
        found.map(|(_, arguments)| arguments.as_str()).with_context(|| format!("no {wanted}"))
    };
    ensure!(last("USER")? == format!("{0}:{0}", image.user) && image.user != 0, "USER {}", last("USER")?);
    let entrypoint: Vec<String> = serde_json::from_str(last("ENTRYPOINT")?)?;
    ensure!(entrypoint == image.entrypoint, "ENTRYPOINT {entrypoint:?}");
    let program = Path::new(&entrypoint[0]).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let wanted = format!("cargo build --locked --profile dist -p {program}");
    let built = |(what, arguments): &&Instruction| what == "RUN" && arguments.ends_with(&wanted);
    let (_, built) = instructions.iter().find(built).with_context(|| format!("{program} is not built"))?;
    let flags = built.strip_suffix(&wanted).unwrap_or_default().trim();
    ensure!(flags.is_empty() || profile(flags)?, "{flags} is not known here");
    let taken = format!("--from=build /heddle/target/dist/{program} {}", entrypoint[0]);
    let copied = |(what, arguments): &Instruction| what == "COPY" && *arguments == taken;
    ensure!(instructions.iter().any(copied), "{program} is not taken from where it was built");
    Ok(())
}

/// Whether these name the profile of what a program does, which must be one.
fn profile(flags: &str) -> Result<bool> {
    let Some(path) = flags.strip_prefix("RUSTFLAGS=-Cprofile-use=/heddle/") else { return Ok(false) };
    let content = std::fs::read(product::root()?.join(path)).with_context(|| path.to_owned())?;
    Ok(content.starts_with(b"\xfflprofi\x81"))
}

/// What is copied from the repository must be there; what is copied from a stage, from one that came before.
fn copied(arguments: &str, stages: &[&str]) -> Result<()> {
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let Some(stage) = words[0].strip_prefix("--from=") else {
        let from = words.split_last().context("COPY from where")?.1;
        let root = product::root()?;
        let missing: Vec<PathBuf> = from.iter().map(|path| root.join(path)).filter(|path| !path.exists()).collect();
        ensure!(missing.is_empty(), "{missing:?} do not exist");
        return Ok(());
    };
    ensure!(stages.contains(&stage), "no stage {stage} before");
    ensure!(words.len() == 3 && words[2].starts_with('/'), "COPY {arguments}");
    Ok(())
}

fn parse(text: &str) -> Result<Vec<Instruction>> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let whole = joined.lines().map(str::trim).filter(|line| !line.is_empty());
    whole
        .map(|line| {
            let (instruction, arguments) = line.split_once(' ').with_context(|| format!("{line} says nothing"))?;
            Ok((instruction.to_owned(), arguments.trim().to_owned()))
        })
        .collect()
}

/// The files that name images: by the path's beginning.
const NAMING: [&str; 5] = ["charts/", "deploy/", "docs/", "README.md", "tests/src/cluster/"];

/// Every name of an image is made of the constants in crds/src/mesh/image.rs, so that what is built is what is pulled.
#[test]
fn every_name_is_one_that_is_built() -> Result<()> {
    let root = product::root()?;
    let read = |path: &str| std::fs::read_to_string(root.join(path)).with_context(|| format!("read {path}"));
    let values = heddle_yaml::value(&read("charts/heddled/values.yaml")?, Schema::Yaml11, &Budget::FILE)?;
    for (pointer, want) in [
        ("/global/hub", HUB),
        ("/global/tag", TAG),
        ("/image", CONTROL_PLANE),
        ("/global/proxy/image", PROXY),
        ("/global/proxy_init/image", PROXY),
    ] {
        let value = values.pointer(pointer);
        ensure!(value.and_then(Value::as_str) == Some(want), "values.yaml: {pointer} is {value:?} and not {want}");
    }
    let out = Command::new("git").args(["ls-files"]).current_dir(&root).output()?;
    let (mut named, mut wrong) = (0, Vec::new());
    for path in String::from_utf8(out.stdout)?.lines().filter(|path| NAMING.iter().any(|own| path.starts_with(own))) {
        let Ok(text) = read(path) else { continue };
        for name in text.split(&format!("{HUB}/")).skip(1).filter_map(|rest| rest.split(is_end).next()) {
            named += 1;
            let reference = format!("{HUB}/{}", name.trim_end_matches('.'));
            if !IMAGES.iter().any(|image| image.reference() == reference) {
                wrong.push(format!("{path}: {reference}"));
            }
        }
        let tags = text.split("global.tag=").skip(1).filter_map(|rest| rest.split(is_end).next());
        wrong.extend(tags.filter(|tag| *tag != TAG).map(|tag| format!("{path}: global.tag={tag}")));
    }
    ensure!(wrong.is_empty(), "no such images are built:\n{}", wrong.join("\n"));
    ensure!(named > 10, "only {named} names of images were found");
    Ok(())
}

fn is_end(c: char) -> bool {
    !c.is_ascii_alphanumeric() && !"-_.:/".contains(c)
}
