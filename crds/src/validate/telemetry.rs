//! What a Telemetry may say.

use super::report::Report;
use super::target::attachment;
use super::time;
use crate::decode::Path;
use crate::metadata::ObjectMeta;
use crate::telemetry::{CustomTag, Metrics, ProviderRef, Spec, TagOperation, Tracing};

/// Checks the spec at `at`.
pub fn check(spec: &Spec, _: &ObjectMeta, at: &Path<'_>, out: &mut Report) {
    attachment(spec.selector.as_ref(), spec.target_ref.as_ref(), &spec.target_refs, at, out);
    if spec.tracing.len() > 1 {
        out.warn(&at.field("tracing"), "only the first entry has an effect");
    }
    for (index, entry) in spec.tracing.iter().enumerate() {
        tracing(entry, &at.field("tracing").index(index), out);
    }
    for (index, entry) in spec.metrics.iter().enumerate() {
        metrics(entry, &at.field("metrics").index(index), out);
    }
    for (index, entry) in spec.access_logging.iter().enumerate() {
        let at = at.field("accessLogging");
        let at = at.index(index);
        providers(&entry.providers, &at, out);
        if let Some(filter) = &entry.filter {
            out.need(&at.field("filter").field("expression"), expression(&filter.expression));
        }
    }
}

fn providers(providers: &[ProviderRef], at: &Path<'_>, out: &mut Report) {
    for (index, _) in providers.iter().enumerate().filter(|(_, provider)| provider.name.is_empty()) {
        out.refuse(&at.field("providers").index(index).field("name"), "is required");
    }
}

fn tracing(entry: &Tracing, at: &Path<'_>, out: &mut Report) {
    providers(&entry.providers, at, out);
    if entry.providers.len() > 1 {
        out.warn(&at.field("providers"), "only the first provider has an effect");
    }
    if let Some(percent) = entry.random_sampling_percentage.filter(|percent| !(0.0..=100.0).contains(percent)) {
        out.refuse(&at.field("randomSamplingPercentage"), format_args!("{percent} is not from 0 to 100 per cent"));
    }
    for (name, tag) in &entry.custom_tags {
        let at = at.field("customTags");
        let at = at.field(name);
        if name.is_empty() {
            out.refuse(&at, "a tag's name must not be empty");
        }
        custom_tag(tag, &at, out);
    }
}

fn custom_tag(tag: &CustomTag, at: &Path<'_>, out: &mut Report) {
    let (field, text) = if let Some(literal) = &tag.literal {
        ("literal", &literal.value)
    } else if let Some(variable) = &tag.environment {
        ("environment", &variable.name)
    } else if let Some(header) = &tag.header {
        ("header", &header.name)
    } else if let Some(formatter) = &tag.formatter {
        ("formatter", &formatter.value)
    } else {
        return out.refuse(at, "one of literal, environment, header and formatter is required");
    };
    if text.is_empty() {
        let inner = if matches!(field, "literal" | "formatter") { "value" } else { "name" };
        out.refuse(&at.field(field).field(inner), "is required");
    }
}

fn metrics(entry: &Metrics, at: &Path<'_>, out: &mut Report) {
    providers(&entry.providers, at, out);
    out.need(&at.field("reportingInterval"), time::positive(entry.reporting_interval));
    for (index, change) in entry.overrides.iter().enumerate() {
        let at = at.field("overrides");
        let at = at.index(index);
        let custom = change.matches.as_ref().and_then(|matching| matching.custom_metric.as_ref());
        if custom.is_some_and(String::is_empty) {
            out.refuse(&at.field("match").field("customMetric"), "must not be empty");
        }
        for (name, tag) in &change.tag_overrides {
            let at = at.field("tagOverrides");
            let at = at.field(name);
            if name.is_empty() {
                out.refuse(&at, "a tag's name must not be empty");
            }
            match tag.operation {
                TagOperation::Upsert if tag.value.is_empty() => {
                    out.refuse(&at.field("value"), "is required for the operation UPSERT");
                }
                TagOperation::Remove if !tag.value.is_empty() => {
                    out.refuse(&at.field("value"), "is for the operation UPSERT only");
                }
                TagOperation::Upsert | TagOperation::Remove => {}
            }
        }
    }
}

/// A CEL expression is compiled by the proxy; here only what no expression can be is refused.
fn expression(text: &str) -> Result<(), &'static str> {
    let mut open = Vec::new();
    let mut quote: Option<char> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(_), '\\') => drop(letters.next()),
            (Some(mark), _) if mark == letter => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(') => open.push(')'),
            (None, '[') => open.push(']'),
            (None, '{') => open.push('}'),
            (None, ')' | ']' | '}') if open.pop() != Some(letter) => return Err("a bracket closes nothing"),
            _ => {}
        }
    }
    if quote.is_some() || !open.is_empty() { Err("a quote or a bracket is not closed") } else { Ok(()) }
}
