//! The fields of a kind, from its structural schema.

use std::path::Path;

use serde_json::{Value, json};

/// One step from a value to a value within.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// To a member.
    Member(String),
    /// To an element of a list.
    Element,
    /// To an entry of a map.
    Entry,
}

/// A field, by the steps that lead to it. The last one is to a member.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) steps: Vec<Step>,
}

impl Field {
    /// As `http[].match[].headers{}.exact`.
    pub(crate) fn name(&self) -> String {
        name(&self.steps)
    }
}

/// The steps as a text.
pub(crate) fn name(steps: &[Step]) -> String {
    let text = |step: &Step| match step {
        Step::Member(name) => format!(".{name}"),
        Step::Element => "[]".to_owned(),
        Step::Entry => "{}".to_owned(),
    };
    steps.iter().map(text).collect::<String>().trim_start_matches('.').to_owned()
}

/// The schema of a custom resource's spec, or the whole file where it is no definition of one.
pub(crate) fn read(file: &Path) -> Value {
    let definition = super::yaml(file);
    let spec = definition.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec").cloned();
    resolve(&spec.unwrap_or(definition))
}

/// All fields that hold no further fields.
pub(crate) fn fields(spec: &Value) -> Vec<Field> {
    let mut found = Vec::new();
    collect(spec, &[], &mut found);
    found
}

/// The schema of what one step leads to.
pub(crate) fn within<'s>(schema: &'s Value, step: &Step) -> &'s Value {
    match step {
        Step::Member(name) => &schema["properties"][name],
        Step::Element => &schema["items"],
        Step::Entry => &schema["additionalProperties"],
    }
}

/// The members that exclude a member, as they are of one oneof.
pub(crate) fn excluded<'s>(schema: &'s Value, member: &str) -> Vec<&'s str> {
    let rules = schema["allOf"].as_array().into_iter().flatten().chain(std::iter::once(schema));
    let oneof = |rule: &'s Value| -> Vec<&'s str> {
        let choices = rule["oneOf"].as_array().into_iter().flatten();
        choices.filter_map(|choice| choice.pointer("/required/0")?.as_str()).collect()
    };
    // The schema of `allowOrigins` leaves the rule out, for what it would cost an API server.
    let matches = ["exact", "prefix", "regex"];
    if matches.contains(&member) {
        return matches.into_iter().filter(|other| *other != member).collect();
    }
    let mut others: Vec<&str> = rules.map(oneof).filter(|oneof| oneof.contains(&member)).flatten().collect();
    others.retain(|other| *other != member);
    others
}

fn collect(schema: &Value, steps: &[Step], found: &mut Vec<Field>) {
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let mut steps = steps.to_vec();
        steps.push(Step::Member(name.clone()));
        let holder = [Step::Element, Step::Entry].into_iter().find(|step| has_fields(within(inner, step)));
        if has_fields(inner) {
            collect(inner, &steps, found);
        } else if let Some(step) = holder {
            let inner = within(inner, &step);
            steps.push(step);
            collect(inner, &steps, found);
        } else {
            found.push(Field { steps });
        }
    }
}

fn has_fields(schema: &Value) -> bool {
    schema["properties"].as_object().is_some_and(|fields| !fields.is_empty())
}

/// Puts in place of `ref: [file, pointer]` the schema that it names: MeshConfig shares types with custom resources.
fn resolve(schema: &Value) -> Value {
    if let Some(file) = schema["ref"].as_array() {
        let text = |index: usize| file[index].as_str().expect("a file and a pointer");
        let definition = read(&super::tests().join("../../../crds/yaml").join(text(0)));
        return definition.pointer(text(1)).unwrap_or_else(|| panic!("no {}", text(1))).clone();
    }
    match schema {
        Value::Object(members) => members.iter().map(|(name, inner)| (name.clone(), resolve(inner))).collect(),
        Value::Array(items) => json!(items.iter().map(resolve).collect::<Vec<_>>()),
        other => other.clone(),
    }
}
