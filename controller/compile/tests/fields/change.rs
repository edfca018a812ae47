//! Changes of one field of an object: what stands there is replaced or removed, and what does not stand there is added.

use serde_json::{Map, Value, json};

use super::schema::{self, Field, Step};

/// One change of a field.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// The object, with all that the field stands in.
    pub(crate) before: Value,
    /// The same with another value of the field.
    pub(crate) after: Value,
    /// The field, as `spec.http[0].timeout`.
    pub(crate) path: String,
    /// The other value; null where the field is removed.
    pub(crate) value: Value,
}

/// Values for fields, by the end of the field's name: the longest end wins.
#[derive(Clone, Debug)]
pub(crate) struct Samples {
    kind: &'static str,
    by_end: Map<String, Value>,
}

/// Where a field is, or is to be.
struct FieldPosition {
    object: Value,
    pointer: String,
    path: String,
}

impl Samples {
    /// Of a file's members, for the fields of a kind.
    pub(crate) fn new(kind: &'static str, file: &Value) -> Self {
        Self { kind, by_end: file.as_object().expect("values by fields").clone() }
    }

    /// The values that a field can take.
    fn of(&self, steps: &[Step], schema: &Value) -> Vec<Value> {
        let members = steps.iter().filter_map(|step| if let Step::Member(name) = step { Some(&**name) } else { None });
        let name: Vec<&str> = std::iter::once(self.kind).chain(members).collect();
        let samples = (0..name.len()).filter_map(|from| self.by_end.get(&name[from..].join(".")));
        let mut samples = samples.map(|sample| sample.as_array().expect("a list of values"));
        if let Some(fitting) = samples.find(|samples| samples.iter().all(|sample| fits(sample, schema))) {
            return fitting.clone();
        }
        generate(name.last().copied().unwrap_or_default(), schema)
    }

    /// What stands where an object, a list or a map is needed and there is none.
    fn holder(&self, steps: &[Step], schema: &Value) -> Value {
        self.of(steps, schema).swap_remove(0)
    }
}

/// All changes of a field: an object of lists can hold it at several places.
pub(crate) fn changes(object: &Value, spec: &Value, field: &Field, samples: &Samples) -> Vec<Change> {
    let is_custom = object.get("kind").is_some();
    let root = if is_custom { "spec" } else { "" };
    let place = FieldPosition {
        object: object.clone(),
        pointer: if is_custom { "/spec".into() } else { String::new() },
        path: root.into(),
    };
    let schema = field.steps.iter().fold(spec, schema::within);
    let values = samples.of(&field.steps, schema);
    places(place, spec, (&[], &field.steps), samples).iter().flat_map(|place| at(place, &values)).collect()
}

/// The places of a field in an object; what it stands in is added where it is missing.
fn places(
    mut place: FieldPosition,
    spec: &Value,
    (done, rest): (&[Step], &[Step]),
    samples: &Samples,
) -> Vec<FieldPosition> {
    let Some((step, rest)) = rest.split_first() else { return vec![place] };
    let taken = [done, std::slice::from_ref(step)].concat();
    let inner = schema::within(spec, step);
    let here = place.object.pointer_mut(&place.pointer).expect("a place");
    let keys: Vec<String> = match step {
        Step::Member(name) => {
            let members = here.as_object_mut().expect("an object");
            for other in schema::excluded(spec, name) {
                members.remove(other);
            }
            if !rest.is_empty() {
                members.entry(name).or_insert_with(|| samples.holder(&taken, inner));
            }
            vec![name.clone()]
        }
        Step::Element => {
            let items = here.as_array_mut().expect("a list");
            if items.is_empty() {
                items.push(samples.holder(&taken, inner));
            }
            (0..items.len()).map(|index| index.to_string()).collect()
        }
        Step::Entry => {
            let entries = here.as_object_mut().expect("a map");
            if entries.is_empty() {
                entries.insert("a".to_owned(), samples.holder(&taken, inner));
            }
            entries.keys().cloned().collect()
        }
    };
    let go = |key: String| {
        let path = match step {
            Step::Member(_) if place.path.is_empty() => key.clone(),
            Step::Member(_) => format!("{}.{key}", place.path),
            Step::Element => format!("{}[{key}]", place.path),
            Step::Entry => format!("{}[{key:?}]", place.path),
        };
        let pointer = format!("{}/{}", place.pointer, key.replace('~', "~0").replace('/', "~1"));
        places(FieldPosition { object: place.object.clone(), pointer, path }, inner, (&taken, rest), samples)
    };
    keys.into_iter().flat_map(go).collect()
}

/// The changes at one place.
fn at(place: &FieldPosition, values: &[Value]) -> Vec<Change> {
    let (parent, name) = place.pointer.rsplit_once('/').expect("a pointer");
    let now = place.object.pointer(&place.pointer);
    let others = values.iter().filter(|value| Some(*value) != now).map(Some);
    let removed = now.is_some().then_some(None);
    let change = |value: Option<&Value>| {
        let mut after = place.object.clone();
        let members = after.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
        match value {
            Some(value) => members.insert(name.to_owned(), value.clone()),
            None => members.remove(name),
        };
        let value = value.cloned().unwrap_or_default();
        Change { before: place.object.clone(), after, path: place.path.clone(), value }
    };
    others.chain(removed).map(change).collect()
}

/// Whether a value is of a schema's type.
fn fits(value: &Value, schema: &Value) -> bool {
    match schema["type"].as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "integer" | "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => value.is_string(),
    }
}

/// Values by the schema alone.
fn generate(name: &str, schema: &Value) -> Vec<Value> {
    if let Some(choices) = schema["enum"].as_array() {
        return choices.clone();
    }
    let lower = name.to_lowercase();
    let is_duration = ["timeout", "interval", "duration", "ttl", "delay", "maxage", "time", "backoff"];
    match schema["type"].as_str().unwrap_or_default() {
        "boolean" => vec![json!(true), json!(false)],
        "integer" => vec![json!(7), json!(3)],
        "number" => vec![json!(12.5), json!(40)],
        "array" => {
            let item = generate(name, &schema["items"]).swap_remove(0);
            vec![json!([item])]
        }
        "object" if schema.get("additionalProperties").is_some() => {
            vec![json!({"a": generate(name, &schema["additionalProperties"])[0]})]
        }
        "object" => vec![json!({})],
        _ if is_duration.iter().any(|word| lower.ends_with(word)) => vec![json!("7s"), json!("9s")],
        _ => vec![json!("a"), json!("b")],
    }
}
