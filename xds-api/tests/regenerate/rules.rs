//! The table of Envoy's rules, as Rust: what `src/rules.rs` checks encoded messages by.
//!
//! A kind of rule that the check does not know ends the test, so none is left out unseen.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use protox::prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, Value,
};

#[path = "value.rs"]
mod value;

/// Messages that are sent by nobody, or to us.
const OTHERS: [&str; 5] =
    ["envoy.admin.", "envoy.config.bootstrap.", "envoy.service.discovery.", "envoy.service.status.", "google."];

/// What Envoy checks in code, and not in its `.proto` files: the field, and the pattern of its texts.
const IN_CODE: [(&str, &str, &str); 3] = [
    ("envoy.config.listener.v3.FilterChainMatch", "server_names", "ServerName"),
    ("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", "sni", "NoNul"),
    ("envoy.config.core.v3.Pipe", "path", "NoNul"),
];

/// The rules of a message.
#[derive(Clone, Debug, Default)]
struct Rules {
    fields: BTreeMap<u32, Field>,
    choices: Vec<(String, Vec<u32>)>,
}

/// The rules of a field, in the words of the table.
#[derive(Clone, Debug)]
struct Field {
    name: String,
    required: bool,
    items: Option<String>,
    rule: Rule,
}

#[derive(Clone, Debug, PartialEq)]
enum Rule {
    Free,
    /// As it is written in the table.
    Value(String),
    Message(String),
    Any,
}

/// The table of those messages that are kept, and in which there is a rule somewhere.
pub(crate) fn table(pools: &[DescriptorPool], kept: &BTreeSet<String>) -> String {
    let mut all = BTreeMap::new();
    for message in pools.iter().flat_map(DescriptorPool::all_messages) {
        let name = message.full_name();
        let is_sent = kept.contains(name) && !OTHERS.iter().any(|other| name.starts_with(other));
        if is_sent && !all.contains_key(name) {
            all.insert(name.to_owned(), rules(&message));
        }
    }
    loop {
        let lead: BTreeSet<String> = all.keys().cloned().collect();
        for rules in all.values_mut() {
            let leads = |rule: &Rule| !matches!(rule, Rule::Message(name) if !lead.contains(name));
            for field in rules.fields.values_mut().filter(|field| !leads(&field.rule)) {
                field.rule = Rule::Free;
            }
            let Rules { fields, choices } = rules;
            fields.retain(|number, field| {
                field.says_something() || choices.iter().any(|(_, numbers)| numbers.contains(number))
            });
        }
        all.retain(|_, rules| !rules.fields.is_empty() || !rules.choices.is_empty());
        if all.len() == lead.len() {
            break;
        }
    }
    write(&all)
}

impl Field {
    fn says_something(&self) -> bool {
        self.required || self.rule != Rule::Free || self.items.as_deref().is_some_and(|items| items != ANY_NUMBER)
    }
}

const ANY_NUMBER: &str = "Items { least: 0, most: usize::MAX, unique: false }";

fn write(all: &BTreeMap<String, Rules>) -> String {
    let mut out =
        "use super::{Field, Items, Message, Rule, number::{Range, Reals}, text::{Pattern, Text}};\n".to_owned();
    let names: Vec<String> = all.keys().map(|name| format!("&{}", constant(name))).collect();
    let _ = write!(
        out,
        "\npub(super) static MESSAGES: [&Message; {}] = [\n    {},\n];\n",
        names.len(),
        names.join(",\n    ")
    );
    for (name, rules) in all {
        assert!(rules.fields.len() <= 64, "{name} has more than 64 fields with rules");
        let _ = write!(out, "\nstatic {}: Message = Message {{\n    name: {name:?},\n    fields: &[\n", constant(name));
        for (number, Field { name, required, items, rule }) in &rules.fields {
            let rule = match rule {
                Rule::Free => "Rule::Free".to_owned(),
                Rule::Any => "Rule::Any".to_owned(),
                Rule::Value(text) => text.clone(),
                Rule::Message(name) => format!("Rule::Message(&{})", constant(name)),
            };
            let items = items.as_ref().map_or("None".to_owned(), |items| format!("Some({items})"));
            let head = format!("number: {number}, name: {name:?}, required: {required}, items: {items}");
            let _ = writeln!(out, "        Field {{ {head}, rule: {rule} }},");
        }
        let bit = |number: &u32| 1_u64 << rules.fields.keys().position(|known| known == number).unwrap();
        let choices = rules.choices.iter().map(|(name, of)| (name, of.iter().map(bit).fold(0, |all, bit| all | bit)));
        let choices: Vec<_> = choices.map(|(name, of)| format!("({name:?}, {of:#b})")).collect();
        let _ = write!(out, "    ],\n    choices: &[{}],\n}};\n", choices.join(", "));
    }
    out
}

fn constant(name: &str) -> String {
    name.replace('.', "_").to_uppercase()
}

fn rules(message: &MessageDescriptor) -> Rules {
    let pool = message.parent_pool();
    let mut rules = Rules::default();
    let is_off = ["validate.disabled", "validate.ignored"].iter().any(|name| flag(pool, &message.options(), name));
    assert!(!is_off, "{}: the check knows no messages without rules", message.full_name());
    for field in message.fields() {
        rules.fields.insert(field.number(), self::field(&field, written(&field)));
    }
    for choice in message.oneofs().filter(|choice| flag(pool, &choice.options(), "validate.required")) {
        rules.choices.push((choice.name().to_owned(), choice.fields().map(|field| field.number()).collect()));
    }
    rules
}

/// The rules that are written at a field. Those of the key and the value of a map are written at the map.
fn written(field: &FieldDescriptor) -> Option<DynamicMessage> {
    let message = field.parent_message();
    if !message.is_map_entry() {
        return extension(field.parent_pool(), &field.options(), "validate.rules")?.as_message().cloned();
    }
    let parent = message.parent_message()?;
    let is_of = |map: &FieldDescriptor| map.is_map() && map.kind().as_message() == Some(&message);
    let map = written(&parent.fields().find(is_of)?)?;
    part(&part(&map, "map")?, if field.number() == 1 { "keys" } else { "values" })
}

fn field(field: &FieldDescriptor, written: Option<DynamicMessage>) -> Field {
    let many = if field.is_list() { Some("repeated") } else { field.is_map().then_some("map") };
    let of_many = many.and_then(|kind| part(written.as_ref()?, kind));
    let of_value = if many.is_some() { of_many.as_ref().and_then(|rules| part(rules, "items")) } else { written };
    let has = |kind: &str, name: &str| {
        of_value.as_ref().and_then(|rules| part(rules, kind)).is_some_and(|rules| value::is_set(&rules, name))
    };
    let required = match many {
        Some(_) => of_many.as_ref().is_some_and(value::needs_element),
        // It is there where it is chosen.
        None if field.containing_oneof().is_some() => false,
        None if field.supports_presence() => {
            ["message", "duration", "any"].into_iter().any(|kind| has(kind, "required"))
        }
        None => of_value.as_ref().is_some_and(|rules| value::refuses_default(field, rules)),
    };
    let rule = if has("message", "skip") { Rule::Free } else { rule(field, of_value.as_ref()) };
    let items = many.map(|_| of_many.as_ref().map_or(ANY_NUMBER.to_owned(), value::items));
    Field { name: field.name().to_owned(), required, items, rule: in_code(field, rule) }
}

/// The rule together with what Envoy checks in code.
fn in_code(field: &FieldDescriptor, rule: Rule) -> Rule {
    let (message, name) = (field.parent_message().full_name().to_owned(), field.name());
    let Some((.., pattern)) = IN_CODE.iter().find(|known| known.0 == message && known.1 == name) else { return rule };
    let text = if let Rule::Value(text) = rule { text } else { value::free_text() };
    assert!(text.contains("Pattern::Any"), "{message}.{name} has two patterns");
    Rule::Value(text.replace("Pattern::Any", &format!("Pattern::{pattern}")))
}

fn rule(field: &FieldDescriptor, rules: Option<&DynamicMessage>) -> Rule {
    let written = |kind: &Kind| rules.and_then(|rules| value::rule(kind, rules)).map_or(Rule::Free, Rule::Value);
    match field.kind() {
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Any" => Rule::Any,
            "google.protobuf.Duration" => written(&field.kind()),
            name if name.starts_with("google.protobuf.")
                && name.ends_with("Value")
                && name != "google.protobuf.Value" =>
            {
                match message.get_field_by_name("value").map(|value| written(&value.kind())) {
                    Some(Rule::Value(rule)) => Rule::Value(format!("Rule::Wrapped(&{rule})")),
                    _ => Rule::Free,
                }
            }
            name => Rule::Message(name.to_owned()),
        },
        kind => written(&kind),
    }
}

fn part(rules: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    rules.has_field_by_name(name).then(|| rules.get_field_by_name(name))??.as_message().cloned()
}

fn extension(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> Option<Value> {
    let extension = pool.get_extension_by_name(name)?;
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}

fn flag(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> bool {
    extension(pool, options, name).and_then(|value| value.as_bool()).unwrap_or(false)
}

/// The numbers of an enum.
fn numbers(of: &EnumDescriptor) -> Vec<i32> {
    let mut numbers: Vec<i32> = of.values().map(|value| value.number()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
