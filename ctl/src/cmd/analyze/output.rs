//! Writes the findings.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use heddle_analyze::{Analyzer, Finding, Level};
use serde_json::{Value, json};

use super::Format;

/// Prints findings, each with the place where it is written.
pub(super) fn print(format: Format, findings: &[Finding], references: &[String]) -> Result<()> {
    let pairs = || findings.iter().zip(references.iter().map(String::as_str));
    let values = || Value::Array(pairs().map(|(finding, reference)| value(finding, reference)).collect());
    match format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&values())?),
        Format::Yaml => print!("{}", heddle_yaml::write(&values())),
        Format::Table => table(&pairs().collect::<Vec<_>>()),
        Format::Log => {
            let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            for (finding, reference) in pairs() {
                println!("{}", line(finding, reference, colours));
            }
            writeln!(std::io::stderr(), "{}", summary(findings))?;
        }
    }
    Ok(())
}

/// Prints the names of analyzers, with what they find.
pub(super) fn list(analyzers: &[Analyzer]) {
    let width = analyzers.iter().map(|analyzer| analyzer.name.len()).max().unwrap_or_default();
    for analyzer in analyzers {
        println!("{:width$}  {}", analyzer.name, analyzer.about);
    }
}

/// The fields of istioctl, and besides them the name, the path and the resource.
fn value(finding: &Finding, reference: &str) -> Value {
    let resource = finding.object.to_string();
    let mut value = json!({
        "code": finding.message.code,
        "level": finding.message.level.name(),
        "name": finding.message.name,
        "resource": resource,
        "message": finding.text,
        "origin": resource,
        "documentationUrl": finding.message.url(),
    });
    for (name, text) in [("path", finding.path.as_str()), ("reference", reference)] {
        if !text.is_empty() {
            value[name] = text.into();
        }
    }
    value
}

fn line(finding: &Finding, reference: &str, colours: bool) -> String {
    let level = finding.message.level;
    let colour = match level {
        Level::Info => "32",
        Level::Warning => "33",
        Level::Error => "31",
    };
    let level = if colours { format!("\u{1b}[1;{colour}m{level}\u{1b}[0m") } else { level.to_string() };
    let reference = if reference.is_empty() { String::new() } else { format!(" {reference}") };
    let object = plain(&format!("{}{reference}", finding.object));
    format!("{level} [{}] ({object}) {}", finding.message.code, plain(&text(finding)))
}

fn text(finding: &Finding) -> String {
    if finding.path.is_empty() { finding.text.clone() } else { format!("{}: {}", finding.path, finding.text) }
}

fn table(pairs: &[(&Finding, &str)]) {
    let row = |(finding, reference): &(&Finding, &str)| {
        let place = if reference.is_empty() { "-" } else { reference };
        let level = finding.message.level.to_string();
        [level, finding.message.code.to_owned(), finding.object.to_string(), place.to_owned(), text(finding)]
    };
    let mut rows = vec![["LEVEL", "CODE", "RESOURCE", "REFERENCE", "MESSAGE"].map(str::to_owned)];
    rows.extend(pairs.iter().map(row).map(|row| row.map(|cell| plain(&cell))));
    let mut widths = [0; 4];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for [level, code, object, place, message] in rows {
        let [a, b, c, d] = widths;
        println!("{level:a$}  {code:b$}  {object:c$}  {place:d$}  {message}");
    }
}

fn summary(findings: &[Finding]) -> String {
    let count = |level| findings.iter().filter(|finding| finding.message.level == level).count();
    format!("{} errors, {} warnings, {} infos", count(Level::Error), count(Level::Warning), count(Level::Info))
}

/// A name or a text may hold what a terminal would obey.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
