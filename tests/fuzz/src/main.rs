//! What goes with fuzzing and works without libFuzzer.
//!
//! `heddle-fuzz replay TARGET FILE...` runs a target on inputs, as to reproduce a finding; `heddle-fuzz seed FOLDER`
//! writes what fuzzing begins with; `heddle-fuzz targets` lists the targets; `heddle-fuzz mesh SEED` prints the objects
//! of a random mesh, as the test `envoy_accepts` compiles it.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use heddle_fuzz::{TARGETS, hostile, seed};

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["replay", target, files @ ..] if !files.is_empty() => replay(target, files),
        ["seed", folder] => seed::write(Path::new(folder)).map(|()| ExitCode::SUCCESS),
        ["targets"] => TARGETS.iter().try_for_each(|(name, _)| say(name)).map(|()| ExitCode::SUCCESS),
        ["mesh", seed] => mesh(seed),
        _ => say("heddle-fuzz replay TARGET FILE... | seed FOLDER | targets | mesh SEED").map(|()| ExitCode::from(2)),
    }
}

fn replay(name: &str, files: &[&str]) -> io::Result<ExitCode> {
    let Some((_, target)) = TARGETS.iter().find(|(known, _)| *known == name) else {
        return say(&format!("no target is called {name}")).map(|()| ExitCode::from(2));
    };
    for file in files {
        target(&std::fs::read(file)?);
        say(&format!("{file}: nothing found"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn mesh(seed: &str) -> io::Result<ExitCode> {
    let seed = seed.parse().map_err(io::Error::other)?;
    for object in hostile::objects(seed) {
        say(&format!("---\n{object}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}
