//! The recorded scores, and a score to hold against them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use heddle_tests::product;

/// Where the floors are recorded, from the root.
const FILE: &str = "tests/suites.toml";

/// The tests of this program raise floors in one file.
static WRITING: Mutex<()> = Mutex::new(());

/// What a suite must reach.
#[derive(Debug)]
pub(crate) struct Floor {
    least: usize,
    of: usize,
    whole: Vec<String>,
}

/// What a suite reached, from the words of its script.
#[derive(Debug, Default)]
pub(crate) struct Score {
    pub(crate) suite: String,
    pub(crate) passed: usize,
    pub(crate) of: usize,
    /// Passed and all, by group.
    pub(crate) groups: BTreeMap<String, (usize, usize)>,
    pub(crate) misses: Vec<String>,
}

impl Floor {
    pub(crate) fn of(suite: &str) -> Result<Self> {
        let all: toml::Table = std::fs::read_to_string(product::root()?.join(FILE))?.parse()?;
        let one = all.get(suite).with_context(|| format!("{FILE} has no [{suite}]"))?;
        let number =
            |key: &str| one.get(key).and_then(toml::Value::as_integer).and_then(|value| usize::try_from(value).ok());
        let whole = one.get("whole").and_then(toml::Value::as_array).into_iter().flatten();
        Ok(Self {
            least: number("floor").with_context(|| format!("{FILE}: [{suite}] floor"))?,
            of: number("of").with_context(|| format!("{FILE}: [{suite}] of"))?,
            whole: whole.filter_map(|group| group.as_str().map(str::to_owned)).collect(),
        })
    }

    /// Prints the score's line, and fails when it is below the floor or a group that must be whole is not.
    pub(crate) fn hold(&self, score: &Score) -> Result<()> {
        println!("{}: {} of {} (floor {})", score.suite, score.passed, score.of, self.least);
        for miss in &score.misses {
            println!("  {}", miss.chars().take(300).collect::<String>());
        }
        let misses = || score.misses.join("\n");
        ensure!(score.of == self.of, "{}: {} cases where {FILE} knows {}", score.suite, score.of, self.of);
        for group in &self.whole {
            let (passed, of) =
                score.groups.get(group).with_context(|| format!("{} has no group {group}", score.suite))?;
            ensure!(passed == of, "{}: {group} passes {passed} of {of} and must be whole\n{}", score.suite, misses());
        }
        ensure!(score.passed >= self.least, "{}: below the floor {}\n{}", score.suite, self.least, misses());
        if score.passed > self.least && std::env::var_os("UPDATE_FLOOR").is_some() {
            raise(&score.suite, score.passed)?;
        }
        Ok(())
    }
}

impl Score {
    /// Reads `N passed, M failed` (last line), `Group: n of m`, and takes the rest for misses.
    pub(crate) fn read(suite: &str, said: &str) -> Result<Self> {
        let mut score = Self { suite: suite.to_owned(), ..Self::default() };
        for line in said.lines() {
            if let Some((passed, failed)) = line.strip_suffix(" failed").and_then(|line| line.split_once(" passed, ")) {
                score.passed = passed.parse()?;
                score.of = score.passed + failed.parse::<usize>()?;
            } else if let Some((group, passed, of)) = group(line) {
                score.groups.insert(group, (passed, of));
            } else {
                score.misses.push(line.to_owned());
            }
        }
        ensure!(score.of > 0, "{suite}: the script gave no score\n{said}");
        Ok(score)
    }

    pub(crate) fn with_misses(mut self, misses: impl Iterator<Item = String>) -> Self {
        self.misses.extend(misses);
        self
    }
}

fn group(line: &str) -> Option<(String, usize, usize)> {
    let (group, counts) = line.split_once(": ")?;
    let (passed, of) = counts.split_once(" of ")?;
    Some((group.to_owned(), passed.parse().ok()?, of.parse().ok()?))
}

/// Writes a higher floor; comments and order stay.
fn raise(suite: &str, passed: usize) -> Result<()> {
    let _writing = WRITING.lock();
    let path = product::root()?.join(FILE);
    let text = std::fs::read_to_string(&path)?;
    let mut inside = false;
    let lines = text.lines().map(|line| {
        if line.starts_with('[') {
            inside = line == format!("[{suite}]");
        }
        if inside && line.starts_with("floor = ") { format!("floor = {passed}\n") } else { format!("{line}\n") }
    });
    Ok(std::fs::write(path, lines.collect::<String>())?)
}
