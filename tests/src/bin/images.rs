//! `make images`: the images as tars, which `ctr images import` and `docker load` take.
#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use heddle_tests::image::IMAGES;

/// Build the container images as tar files, without a container engine and a registry.
///
/// The images contain the programs in the folder of this program.
#[derive(Parser)]
#[command(after_help = "\
Examples:
  images
  images heddled heddle-proxy --folder target/images")]
struct Args {
    /// Write the tar files to this folder.
    #[arg(long, default_value = "target/images")]
    folder: PathBuf,
    /// The names of the images to build. The default is all images.
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
