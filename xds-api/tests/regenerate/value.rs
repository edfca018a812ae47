//! Rules of single values, in the words of the table.

use protox::prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage, Value};

use super::numbers;

/// The regular expressions of the rules, and what the check calls them.
const PATTERNS: [(&str, &str); 1] = [("^[^?#]+[^?#/]$", "PlainPath")];

/// The rule of a value of a kind, if it says something.
pub(super) fn rule(kind: &Kind, rules: &DynamicMessage) -> Option<String> {
    let (name, of) = rules
        .fields()
        .find(|(field, _)| field.name() != "message")
        .map(|(field, value)| (field.name().to_owned(), value.as_message().unwrap().clone()))?;
    Some(match name.as_str() {
        "string" | "bytes" => text(&of),
        "double" | "float" => reals(&of),
        "duration" => durations(&of)?,
        "bool" => range_of(&[i128::from(is_set(&of, "const"))], false),
        "enum" => enumeration(kind, &of)?,
        "any" => {
            known(&of, &["required"]);
            return None;
        }
        _ => whole(&of, name.starts_with(['i', 's'])),
    })
}

/// A text of which nothing is asked.
pub(super) fn free_text() -> String {
    written_text("0", "usize::MAX", "usize::MAX", "Any", "", "", false)
}

/// How many elements there may be.
pub(super) fn items(rules: &DynamicMessage) -> String {
    known(
        rules,
        &["min_items", "max_items", "unique", "items", "ignore_empty", "min_pairs", "max_pairs", "keys", "values"],
    );
    let least = number(rules, "min_items").or(number(rules, "min_pairs")).unwrap_or(0);
    let most = number(rules, "max_items").or(number(rules, "max_pairs"));
    let most = most.map_or("usize::MAX".to_owned(), |most| most.to_string());
    format!("Items {{ least: {least}, most: {most}, unique: {} }}", is_set(rules, "unique"))
}

/// Whether there must be an element.
pub(super) fn needs_element(rules: &DynamicMessage) -> bool {
    !is_set(rules, "ignore_empty") && number(rules, "min_items").or(number(rules, "min_pairs")).unwrap_or(0) > 0
}

pub(super) fn is_set(rules: &DynamicMessage, name: &str) -> bool {
    rules.has_field_by_name(name) && rules.get_field_by_name(name).and_then(|value| value.as_bool()).unwrap_or(false)
}

/// Whether the value that is not encoded breaks the rules.
pub(super) fn refuses_default(field: &FieldDescriptor, rules: &DynamicMessage) -> bool {
    let Some(of) = rules
        .fields()
        .find_map(|(kind, value)| (kind.name() != "message").then(|| value.as_message().unwrap().clone()))
    else {
        return false;
    };
    if is_set(&of, "ignore_empty") {
        return false;
    }
    match field.kind() {
        Kind::String | Kind::Bytes => {
            let strict_name = of.has_field_by_name("well_known_regex") && known_regex(&of) == "HeaderName";
            let lengths = ["min_len", "min_bytes", "len", "len_bytes"];
            lengths.into_iter().any(|name| number(&of, name).unwrap_or(0) > 0)
                || strict_name
                || of.has_field_by_name("in")
                || pattern(&of).is_some_and(|pattern| pattern == "PlainPath")
        }
        Kind::Bool => is_set(&of, "const"),
        Kind::Enum(_) => {
            listed(&of, "not_in").contains(&0) || of.has_field_by_name("in") && !listed(&of, "in").contains(&0)
        }
        Kind::Double | Kind::Float => {
            real(&of, "gt").is_some_and(|least| least >= 0.0) || real(&of, "gte").is_some_and(|least| least > 0.0)
        }
        _ => {
            number(&of, "gt").is_some_and(|least| least >= 0)
                || number(&of, "gte").is_some_and(|least| least > 0)
                || listed(&of, "not_in").contains(&0)
                || of.has_field_by_name("in") && !listed(&of, "in").contains(&0)
        }
    }
}

fn text(of: &DynamicMessage) -> String {
    known(
        of,
        &[
            "min_len",
            "max_len",
            "min_bytes",
            "max_bytes",
            "len",
            "pattern",
            "well_known_regex",
            "strict",
            "ignore_empty",
            "in",
            "not_in",
            "prefix",
            "suffix",
        ],
    );
    assert!(number(of, "min_bytes").unwrap_or(0) <= 1, "the check counts characters from below");
    let least = number(of, "min_len").or(number(of, "len")).or(number(of, "min_bytes")).unwrap_or(0);
    let limit = |limit: Option<i128>| limit.map_or("usize::MAX".to_owned(), |most| most.to_string());
    let (most, most_bytes) = (limit(number(of, "max_len").or(number(of, "len"))), limit(number(of, "max_bytes")));
    let pattern = if of.has_field_by_name("well_known_regex") { known_regex(of) } else { pattern(of).unwrap_or("Any") };
    let words = |name: &str| texts(of, name).iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ");
    let or_empty = is_set(of, "ignore_empty");
    written_text(&least.to_string(), &most, &most_bytes, pattern, &words("in"), &words("not_in"), or_empty)
}

fn written_text(
    least: &str,
    most: &str,
    bytes: &str,
    pattern: &str,
    only: &str,
    never: &str,
    or_empty: bool,
) -> String {
    format!(
        "Rule::Text(Text {{ least: {least}, most: {most}, most_bytes: {bytes}, pattern: Pattern::{pattern}, \
         only: &[{only}], never: &[{never}], or_empty: {or_empty} }})"
    )
}

fn known_regex(of: &DynamicMessage) -> &'static str {
    let strict = !of.has_field_by_name("strict") || is_set(of, "strict");
    let regex = of.get_field_by_name("well_known_regex").unwrap().as_enum_number().unwrap();
    match (regex, strict) {
        (1 | 2, false) => "Line",
        (1, true) => "HeaderName",
        (2, true) => "HeaderValue",
        _ => panic!("the check knows no regular expression of number {regex}"),
    }
}

fn pattern(of: &DynamicMessage) -> Option<&'static str> {
    let said = |name: &str| of.has_field_by_name(name).then(|| of.get_field_by_name(name)?.as_str().map(str::to_owned));
    let ends = [said("prefix"), said("suffix")].map(Option::flatten);
    if ends.iter().any(Option::is_some) {
        assert!(ends.iter().all(|end| end.as_deref() == Some("%")), "the check knows no {ends:?}");
        return Some("Command");
    }
    let pattern = said("pattern")??;
    let known = PATTERNS.iter().find(|(known, _)| *known == pattern);
    Some(known.unwrap_or_else(|| panic!("the check does not know the pattern {pattern}")).1)
}

fn whole(of: &DynamicMessage, signed: bool) -> String {
    known(of, &["lt", "lte", "gt", "gte", "in", "not_in", "const", "ignore_empty"]);
    let least = number(of, "gte").or(number(of, "gt").map(|least| least + 1));
    let most = number(of, "lte").or(number(of, "lt").map(|most| most - 1));
    let only = number(of, "const").map_or_else(|| listed(of, "in"), |only| vec![only]);
    range(least, most, (&only, &listed(of, "not_in")), is_set(of, "ignore_empty"), signed)
}

fn enumeration(kind: &Kind, of: &DynamicMessage) -> Option<String> {
    known(of, &["defined_only", "in", "not_in", "const"]);
    let mut only = number(of, "const").map_or_else(|| listed(of, "in"), |only| vec![only]);
    let Kind::Enum(definition) = kind else { panic!("a rule for enums on another kind") };
    if is_set(of, "defined_only") && only.is_empty() {
        only = numbers(definition).into_iter().map(i128::from).collect();
    }
    let never = listed(of, "not_in");
    (!only.is_empty() || !never.is_empty()).then(|| range(None, None, (&only, &never), false, true))
}

fn range_of(only: &[i128], signed: bool) -> String {
    range(None, None, (only, &[]), false, signed)
}

fn range(
    least: Option<i128>,
    most: Option<i128>,
    (only, never): (&[i128], &[i128]),
    or_zero: bool,
    signed: bool,
) -> String {
    format!("Rule::Number({}, {signed})", written_range(least, most, (only, never), or_zero))
}

fn written_range(least: Option<i128>, most: Option<i128>, (only, never): (&[i128], &[i128]), or_zero: bool) -> String {
    let least = least.map_or("i64::MIN".to_owned(), |least| least.to_string());
    let most = most.map_or("i64::MAX".to_owned(), |most| most.to_string());
    format!("Range {{ least: {least}, most: {most}, only: &{only:?}, never: &{never:?}, or_zero: {or_zero} }}")
}

fn reals(of: &DynamicMessage) -> String {
    known(of, &["lt", "lte", "gt", "gte"]);
    let bound = |names: [&str; 2], default: &str| {
        let found = names.into_iter().find_map(|name| real(of, name));
        found.map_or(default.to_owned(), |bound| format!("{bound:?}"))
    };
    let (least, most) = (bound(["gt", "gte"], "f64::NEG_INFINITY"), bound(["lt", "lte"], "f64::INFINITY"));
    let (above, below) = (of.has_field_by_name("gt"), of.has_field_by_name("lt"));
    format!("Rule::Real(Reals {{ least: {least}, most: {most}, above: {above}, below: {below} }})")
}

fn durations(of: &DynamicMessage) -> Option<String> {
    known(of, &["required", "lt", "lte", "gt", "gte"]);
    let length = |name: &str| {
        let value = of.has_field_by_name(name).then(|| of.get_field_by_name(name))??;
        let duration = value.as_message()?.clone();
        Some(number(&duration, "seconds").unwrap_or(0) * 1_000_000_000 + number(&duration, "nanos").unwrap_or(0))
    };
    let least = length("gte").or(length("gt").map(|least| least + 1));
    let most = length("lte").or(length("lt").map(|most| most - 1));
    (least.is_some() || most.is_some())
        .then(|| format!("Rule::Duration({})", written_range(least, most, (&[], &[]), false)))
}

/// Ends the test if a rule says something that the check does not know.
fn known(rules: &DynamicMessage, names: &[&str]) {
    for (field, _) in rules.fields() {
        let (kind, name) = (rules.descriptor(), field.name());
        assert!(names.contains(&name), "the check knows no {name} of {}", kind.full_name());
    }
}

fn number(rules: &DynamicMessage, name: &str) -> Option<i128> {
    let value = rules.has_field_by_name(name).then(|| rules.get_field_by_name(name))??;
    whole_number(&value)
}

fn whole_number(value: &Value) -> Option<i128> {
    match *value {
        Value::I32(number) | Value::EnumNumber(number) => Some(number.into()),
        Value::I64(number) => Some(number.into()),
        Value::U32(number) => Some(number.into()),
        Value::U64(number) => Some(number.into()),
        _ => None,
    }
}

fn real(rules: &DynamicMessage, name: &str) -> Option<f64> {
    let value = rules.has_field_by_name(name).then(|| rules.get_field_by_name(name))??;
    value.as_f64().or_else(|| value.as_f32().map(f64::from))
}

fn listed(rules: &DynamicMessage, name: &str) -> Vec<i128> {
    let value = rules.has_field_by_name(name).then(|| rules.get_field_by_name(name)).flatten();
    let list = value.as_ref().and_then(|value| value.as_list()).unwrap_or_default();
    list.iter().filter_map(whole_number).collect()
}

fn texts(rules: &DynamicMessage, name: &str) -> Vec<String> {
    let value = rules.has_field_by_name(name).then(|| rules.get_field_by_name(name)).flatten();
    let list = value.as_ref().and_then(|value| value.as_list()).unwrap_or_default();
    list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}
