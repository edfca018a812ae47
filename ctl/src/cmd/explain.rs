//! `heddlectl explain`: describes a field. The text comes from the types that read the field.

use std::process::ExitCode;

use anyhow::bail;
use heddle_crds::kind::IstioKind;
use heddle_crds::schema;
use serde_json::Value;

/// Describe a kind or a field, with its type and its limits.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  heddlectl explain virtualservice
  heddlectl explain vs.http.retries
  heddlectl explain destinationrule.trafficPolicy.outlierDetection")]
pub(crate) struct Args {
    /// The kind, by its name, plural or short name, and the path of a field. For example: `vs.http.retries`.
    #[arg(value_name = "KIND[.FIELD...]")]
    path: String,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (name, fields) = args.path.split_once('.').unwrap_or((&args.path, ""));
    let Some(kind) = IstioKind::ALL.into_iter().find(|kind| is_named(*kind, name)) else {
        let known = IstioKind::ALL.map(IstioKind::name).join(", ");
        bail!("the kind {name:?} is unknown; the known kinds are {known}");
    };
    let mut node = schema::spec(kind);
    let mut place = "spec".to_owned();
    for field in fields.split('.').filter(|field| !field.is_empty() && *field != "spec") {
        let Some(next) = child(&node, field) else {
            let known: Vec<String> = children(&node).map(|(name, _)| name.clone()).collect();
            bail!(
                "{place} has no field {field:?}; its fields are: {}",
                if known.is_empty() { "none".into() } else { known.join(", ") }
            );
        };
        place = format!("{place}.{field}");
        node = next;
    }
    print!("{}", text(kind, &place, &node));
    Ok(ExitCode::SUCCESS)
}

fn is_named(kind: IstioKind, name: &str) -> bool {
    let info = kind.info();
    let names = [kind.name(), info.plural].into_iter().chain(info.short_names.iter().copied());
    names.into_iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The innermost schema of lists and maps.
fn inner(node: &Value) -> &Value {
    match node.get("items").or_else(|| node.get("additionalProperties")) {
        Some(below) => inner(below),
        None => node,
    }
}

fn children(node: &Value) -> impl Iterator<Item = (&String, &Value)> {
    inner(node).get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn child(node: &Value, field: &str) -> Option<Value> {
    inner(node).get("properties").and_then(|properties| properties.get(field)).cloned()
}

fn text(kind: IstioKind, place: &str, node: &Value) -> String {
    let info = kind.info();
    let mut out = format!("KIND:     {kind}\nVERSIONS: {}/{}\n", info.group, info.versions.join(", "));
    out.push_str(&format_line("FIELD:", &format!("{place} <{}>", schema::type_name(node))));
    let limits = schema::limits_of(node);
    if !limits.is_empty() {
        out.push_str(&format_line("LIMITS:", &limits.join("; ")));
    }
    out.push('\n');
    for line in description(node).lines() {
        out.push_str(&wrap(line, "  "));
    }
    let required = schema::required(inner(node));
    if children(node).next().is_some() {
        out.push_str("\nFIELDS:\n");
    }
    for (name, field) in children(node) {
        let mark = if required.contains(&name.as_str()) { " (required)" } else { "" };
        out.extend(["  ", name.as_str(), " <", &schema::type_name(field), ">", mark, "\n"]);
        let first = description(field).lines().next().unwrap_or_default().to_owned();
        out.push_str(&wrap(&first, "    "));
    }
    out
}

fn format_line(label: &str, value: &str) -> String {
    format!("{label:<10}{value}\n")
}

fn description(node: &Value) -> String {
    node.get("description").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Breaks a line at 100 bytes.
fn wrap(line: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut current = indent.to_owned();
    for word in line.split(' ') {
        if current.len() + word.len() > 100 && current.trim() != "" {
            out.push_str(current.trim_end());
            out.push('\n');
            indent.clone_into(&mut current);
        }
        current.push_str(word);
        current.push(' ');
    }
    out.push_str(current.trim_end());
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_names() {
        for kind in IstioKind::ALL {
            let info = kind.info();
            for name in [kind.name(), info.plural, &kind.name().to_lowercase()].iter().chain(info.short_names) {
                assert!(is_named(kind, name), "{name}");
            }
        }
    }

    #[test]
    fn a_field_is_explained_with_what_it_holds() {
        let node = schema::spec(IstioKind::VirtualService);
        let route = child(&child(&node, "http").unwrap(), "route").unwrap();
        let said = text(IstioKind::VirtualService, "spec.http.route", &route);
        assert!(
            said.contains("spec.http.route <[]object>") && said.contains("destination <object> (required)"),
            "{said}"
        );
        assert!(child(&node, "nothing").is_none());
    }
}
