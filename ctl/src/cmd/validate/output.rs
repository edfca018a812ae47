//! Writes the findings.

use std::io::IsTerminal;

use heddle_crds::validate::Severity;

use super::{Finding, Said};

/// One line for each violation, and a summary at the end.
pub(super) fn text(findings: &[Finding]) {
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    for finding in findings {
        for said in &finding.violations {
            println!("{}", line(finding, said, colours));
        }
    }
    let judged = findings.iter().filter(|finding| !finding.skipped).count();
    let refused = findings.iter().filter(|finding| !finding.accepted).count();
    let skipped = findings.len() - judged;
    let others = if skipped > 0 { format!(", {skipped} of other kinds skipped") } else { String::new() };
    println!("{} accepted, {refused} refused{others}", judged - refused);
}

/// One JSON object with everything.
pub(super) fn json(findings: &[Finding]) -> anyhow::Result<()> {
    let accepted = findings.iter().all(|finding| finding.accepted);
    let all = serde_json::json!({ "accepted": accepted, "objects": findings });
    println!("{}", serde_json::to_string_pretty(&all)?);
    Ok(())
}

fn line(finding: &Finding, said: &Said, colours: bool) -> String {
    let violation = &said.violation;
    let (severity, colour) = match violation.severity {
        Severity::Error => ("error", "31"),
        Severity::Warning => ("warning", "33"),
    };
    let severity = if colours { format!("\u{1b}[1;{colour}m{severity}\u{1b}[0m") } else { severity.to_owned() };
    let object = match (finding.namespace.as_str(), finding.name.as_str()) {
        ("", name) => name.to_owned(),
        (namespace, name) => format!("{namespace}/{name}"),
    };
    let path = if violation.path.is_empty() { String::new() } else { format!("{}: ", violation.path) };
    let kind = if finding.kind.is_empty() { String::new() } else { format!(" {} {object}:", finding.kind) };
    // A name or a reason may hold what a terminal would obey.
    let text = format!("{}:{}:{kind}", finding.file, said.line);
    let reason: String = format!("{path}{}", violation.reason);
    format!("{} {severity}: {}", plain(&text), plain(&reason))
}

fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
