//! The documents are right: the commands in `sh` fences run, the links have a target, and the examples in `--help`
//! work.
//!
//! For a `make` line the test checks only that its targets exist. `cargo` lines are left to the other tests. Every
//! other line runs in the repository's root, with our binaries on the path, and must exit with 0. Commands that cannot
//! run here have the fence `console`. Commands that need a cluster have the fence `sh cluster`, and
//! tests/tests/install/documents.rs runs them. Those that need an installed `heddled` have the fence `sh node`, and
//! tests/tests/kubernetes/node/log.rs runs them.
#![allow(clippy::panic)] // a test's report

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use heddle_tests::product;

const PROGRAMS: [&str; 8] =
    ["bookinfo", "demo", "heddle-agent", "heddle-fleet", "heddlectl", "heddled", "images", "latency"];

/// Commands of heddlectl that need a cluster or a running heddled. Their examples are only parsed.
const ONLINE: [&str; 5] = ["admin", "check", "install", "proxy-status", "uninstall"];

/// The flag of `heddlectl analyze` that needs a cluster.
const WITH_CLUSTER: &str = "--use-kube";

/// The help of one command.
struct Page {
    /// The words of the command, such as `heddlectl manifest diff`.
    command: Vec<String>,
    text: String,
}

#[test]
fn commands_run() -> Result<()> {
    let mut failed = Vec::new();
    for path in documents()? {
        for (line, command) in commands(&std::fs::read_to_string(product::root()?.join(&path))?) {
            if let Err(error) = run(&command) {
                failed.push(format!("{path}:{line}: {command}\n    {error:#}"));
            }
        }
    }
    ensure!(failed.is_empty(), "commands that do not work:\n{}", failed.join("\n"));
    Ok(())
}

#[test]
fn links_have_a_target() -> Result<()> {
    let mut broken = Vec::new();
    for path in documents()? {
        let text = std::fs::read_to_string(product::root()?.join(&path))?;
        let folder = product::root()?.join(&path).parent().context("a file lies in a folder")?.to_owned();
        // Text in backticks is no link.
        let text: String = text.split('`').step_by(2).collect();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if !target.is_empty() && !target.contains("://") && !folder.join(target).exists() {
                broken.push(format!("{path}: {target}"));
            }
        }
    }
    ensure!(broken.is_empty(), "links without a target:\n{}", broken.join("\n"));
    Ok(())
}

#[test]
fn every_command_has_examples() -> Result<()> {
    let pages = pages()?;
    let without: Vec<_> = pages.iter().filter(|page| page.examples().is_empty()).map(Page::name).collect();
    ensure!(without.is_empty(), "commands whose --help has no examples: {without:?}");
    let mut wrong = Vec::new();
    for example in pages.iter().flat_map(Page::examples) {
        for call in example.split(" | ") {
            wrong.extend(unknown_flags(&pages, call).into_iter().map(|flag| format!("{example}: no flag {flag}")));
        }
    }
    ensure!(wrong.is_empty(), "examples that --help contradicts:\n{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn examples_of_heddlectl_run() -> Result<()> {
    let mut failed = Vec::new();
    for page in pages()?.iter().filter(|page| page.is_offline()) {
        for example in page.examples().into_iter().filter(|example| !example.contains(WITH_CLUSTER)) {
            let out = shell(example)?;
            // 1 is a negative result, for example a difference. 2 means that the command could not run.
            if !matches!(out.status.code(), Some(0 | 1)) {
                failed.push(format!("{example}\n    {}", String::from_utf8_lossy(&out.stderr)));
            }
        }
    }
    ensure!(failed.is_empty(), "examples in --help that do not work:\n{}", failed.join("\n"));
    Ok(())
}

/// The Markdown files of the repository.
fn documents() -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "*.md"])
        .current_dir(product::root()?);
    let out = git.output().context("git, to know which files belong to the tree")?;
    ensure!(out.status.success(), "git ls-files: {}", String::from_utf8_lossy(&out.stderr));
    let root = product::root()?;
    Ok(String::from_utf8(out.stdout)?.lines().filter(|path| root.join(path).exists()).map(str::to_owned).collect())
}

/// The commands in `sh` fences, with their line numbers; a line that ends in a backslash goes on.
fn commands(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut inside, mut open) = (Vec::<(usize, String)>::new(), false, false);
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            (inside, open) = (!inside && line.trim() == "```sh", false);
            continue;
        }
        if !inside || line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let (words, goes_on) = match line.strip_suffix('\\') {
            Some(words) => (words, true),
            None => (line, false),
        };
        match found.last_mut().filter(|_| open) {
            Some((_, command)) => command.push_str(words),
            None => found.push((index + 1, words.to_owned())),
        }
        open = goes_on;
    }
    found
}

fn run(command: &str) -> Result<()> {
    let words: Vec<_> = command.split_whitespace().collect();
    let script = match words.first().copied() {
        Some("cargo") => return Ok(()),
        Some("make") => format!("make --dry-run {}", command.trim_start().trim_start_matches("make")),
        _ => command.to_owned(),
    };
    let out = shell(&script)?;
    let said = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "{}: {}", out.status, said.lines().last().unwrap_or_default());
    Ok(())
}

/// Runs a script in the repository's root, with our binaries on the path.
fn shell(script: &str) -> Result<Output> {
    let ours = product::binary("heddlectl")?;
    let ours = ours.parent().unwrap_or(Path::new("."));
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("bash");
    shell
        .args(["-euo", "pipefail", "-c", script])
        .env("PATH", format!("{}:{path}", ours.display()))
        .current_dir(product::root()?);
    shell.output().context("bash")
}

impl Page {
    fn name(&self) -> String {
        self.command.join(" ")
    }

    fn is_offline(&self) -> bool {
        let below = self.command.get(1);
        self.command[0] == "heddlectl" && below.is_some_and(|name| !ONLINE.contains(&name.as_str()))
    }

    /// The indented lines below `title`.
    fn section(&self, title: &str) -> Vec<&str> {
        let below = self.text.lines().skip_while(|line| *line != title).skip(1);
        below.take_while(|line| line.starts_with("  ")).map(str::trim).collect()
    }

    fn examples(&self) -> Vec<&str> {
        self.section("Examples:")
    }

    fn subcommands(&self) -> Vec<&str> {
        let names = self.section("Commands:").into_iter().filter_map(|line| line.split(' ').next());
        names.filter(|name| *name != "help").collect()
    }
}

/// The pages of all programs and of their subcommands.
fn pages() -> Result<Vec<Page>> {
    let mut left: Vec<Vec<String>> = PROGRAMS.iter().map(|name| vec![(*name).to_owned()]).collect();
    let mut pages = Vec::new();
    while let Some(command) = left.pop() {
        let mut call = std::process::Command::new(product::binary(&command[0])?);
        let out = call.args(&command[1..]).arg("--help").output()?;
        ensure!(out.status.success(), "{} --help: {}", command.join(" "), String::from_utf8_lossy(&out.stderr));
        let page = Page { command, text: String::from_utf8(out.stdout)? };
        left.extend(page.subcommands().into_iter().map(|name| [&page.command[..], &[name.to_owned()]].concat()));
        pages.push(page);
    }
    Ok(pages)
}

/// The flags of a call that are not on the page of its command. Calls of other programs have none.
fn unknown_flags(pages: &[Page], call: &str) -> Vec<String> {
    let words: Vec<&str> = call.split_whitespace().collect();
    let page = pages.iter().filter(|page| page.command.iter().zip(&words).all(|(one, other)| one == other));
    let page = page.filter(|page| page.command.len() <= words.len()).max_by_key(|page| page.command.len());
    let Some(page) = page else { return Vec::new() };
    let flags = words.iter().filter(|word| word.starts_with("--")).filter_map(|word| word.split('=').next());
    let is_known = |flag: &str| page.text.split([' ', ',', '\n']).any(|word| word == flag);
    flags.filter(|flag| !is_known(flag)).map(str::to_owned).collect()
}
