//! The `--help` pages of all programs: each command has examples, and the examples work.

use anyhow::{Result, ensure};
use heddle_tests::product;

const PROGRAMS: [&str; 8] =
    ["bookinfo", "demo", "heddle-agent", "heddle-fleet", "heddlectl", "heddled", "images", "latency"];

/// Commands of heddlectl that need a cluster or a running heddled. Their examples are only parsed.
const ONLINE: [&str; 4] = ["check", "install", "proxy-status", "uninstall"];

/// The help of one command.
struct Page {
    /// The words of the command, such as `heddlectl manifest diff`.
    command: Vec<String>,
    text: String,
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
        for example in page.examples() {
            let out = super::shell(example)?;
            // 1 is a negative result, for example a difference. 2 means that the command could not run.
            if !matches!(out.status.code(), Some(0 | 1)) {
                failed.push(format!("{example}\n    {}", String::from_utf8_lossy(&out.stderr)));
            }
        }
    }
    ensure!(failed.is_empty(), "examples in --help that do not work:\n{}", failed.join("\n"));
    Ok(())
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
