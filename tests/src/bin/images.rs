//! `make images`: the images as tars, which `ctr images import` and `docker load` take.
#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use heddle_tests::image::IMAGES;

/// Builds the container images from the programs beside this one, without an engine and without a registry.
#[derive(Parser)]
struct Args {
    /// Where the tars are put.
    #[arg(long, default_value = "target/images")]
    folder: PathBuf,
    /// Only these images, by name.
    names: Vec<String>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    for image in IMAGES.iter().filter(|image| args.names.is_empty() || args.names.iter().any(|name| name == image.name))
    {
        let tar = image.write(&args.folder)?;
        println!("{}  {}  {} MiB", image.reference(), tar.display(), tar.metadata()?.len() >> 20);
    }
    Ok(())
}
