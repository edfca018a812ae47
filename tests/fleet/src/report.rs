//! What is printed and kept: figures, each against its bar where there is one.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

/// One number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// What it may be at most.
    pub(crate) bar: Option<f64>,
}

/// What came of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) scenario: String,
    pub(crate) figures: Vec<Figure>,
}

/// All rows of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// Each with the mesh that it is of.
    rows: Vec<(String, Row)>,
    title: String,
}

impl Figure {
    /// A time in milliseconds.
    pub(crate) fn time(name: &'static str, value: Duration) -> Self {
        Self { name, value: value.as_secs_f64() * 1e3, unit: "ms", bar: None }
    }

    /// Bytes, in millions.
    #[allow(clippy::cast_precision_loss, reason = "what is lost is less than what is printed")]
    pub(crate) fn megabytes(name: &'static str, bytes: u64) -> Self {
        Self { name, value: bytes as f64 / 1e6, unit: "MB", bar: None }
    }

    /// Memory, in MiB.
    #[allow(clippy::cast_precision_loss, reason = "what is lost is less than what is printed")]
    pub(crate) fn memory(name: &'static str, bytes: u64) -> Self {
        Self { name, value: bytes as f64 / f64::from(1 << 20), unit: "MiB", bar: None }
    }

    /// Memory, in KiB.
    #[allow(clippy::cast_precision_loss, reason = "what is lost is less than what is printed")]
    pub(crate) fn kilobytes(name: &'static str, bytes: u64) -> Self {
        Self { name, value: bytes as f64 / 1024.0, unit: "KiB", bar: None }
    }

    /// How many there are.
    #[allow(clippy::cast_precision_loss, reason = "nothing that is counted is so many")]
    pub(crate) fn count(name: &'static str, count: u64) -> Self {
        Self { name, value: count as f64, unit: "", bar: None }
    }

    /// How often one thing goes into another.
    pub(crate) fn ratio(name: &'static str, value: f64) -> Self {
        Self { name, value, unit: "×", bar: None }
    }

    /// It may not be more than this.
    pub(crate) fn at_most(self, bar: f64) -> Self {
        Self { bar: Some(bar), ..self }
    }

    fn is_good(&self) -> bool {
        self.bar.is_none_or(|bar| self.value <= bar)
    }

    fn words(&self) -> String {
        let value = number(self.value);
        match self.bar {
            None => format!("{} {value} {}", self.name, self.unit),
            Some(bar) => {
                let verdict = if self.is_good() { "PASS" } else { "FAIL" };
                format!("{} {value} {} (≤ {}: {verdict})", self.name, self.unit, number(bar))
            }
        }
    }
}

impl Row {
    /// The value of its first figure of this name.
    pub(crate) fn value(&self, name: &str) -> f64 {
        self.figures.iter().find(|figure| figure.name == name).map_or(0.0, |figure| figure.value)
    }
}

impl Report {
    /// Adds a row, and prints it.
    pub(crate) fn add(&mut self, row: Row) {
        let words: Vec<String> = row.figures.iter().map(Figure::words).collect();
        println!("| {} | {} |", row.scenario, words.join("; "));
        self.rows.push((self.title.clone(), row));
    }

    /// Prints what stands above the rows of a mesh.
    pub(crate) fn begin(&mut self, title: &str) {
        println!("\n### {title}\n\n| scenario | figures |\n|---|---|");
        title.clone_into(&mut self.title);
    }

    /// Prints what came of it all.
    pub(crate) fn conclude(&self) {
        let figures = || self.rows.iter().flat_map(|(_, row)| row.figures.iter().map(move |one| (row, one)));
        let broken: Vec<_> = figures().filter(|(_, one)| !one.is_good()).collect();
        println!("\n{} bars, {} broken", figures().filter(|(_, one)| one.bar.is_some()).count(), broken.len());
        for (row, figure) in broken {
            println!("- {}: {}", row.scenario, figure.words());
        }
    }

    /// Whether no bar was broken.
    pub(crate) fn is_good(&self) -> bool {
        self.rows.iter().flat_map(|(_, row)| &row.figures).all(Figure::is_good)
    }

    /// Adds a line of JSON a row to a file.
    pub(crate) fn append_json(&self, path: &Path) -> Result<()> {
        let mut text = String::new();
        for (mesh, row) in &self.rows {
            let figures = row.figures.iter().map(|one| {
                let bar = one.bar.map_or("null".to_owned(), |bar| bar.to_string());
                format!("{{\"name\":\"{}\",\"value\":{},\"unit\":\"{}\",\"bar\":{bar}}}", one.name, one.value, one.unit)
            });
            let figures = figures.collect::<Vec<_>>().join(",");
            // Writing to a string does not fail.
            let _ = writeln!(text, "{{\"mesh\":\"{mesh}\",\"scenario\":\"{}\",\"figures\":[{figures}]}}", row.scenario);
        }
        OpenOptions::new().create(true).append(true).open(path)?.write_all(text.as_bytes())?;
        Ok(())
    }
}

/// With as many places as say something.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        small if small < 10.0 => format!("{value:.2}"),
        middle if middle < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
