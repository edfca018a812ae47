//! The paths of violations, as steps through an object.

use serde_json::Value;

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A member of an object.
    Key(String),
    /// An element of a list.
    Index(usize),
}

/// Reads `spec.http[0].headers["x.y"].exact`.
pub(crate) fn parse(path: &str) -> Vec<Step> {
    let (mut steps, mut rest) = (Vec::new(), path);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[\"") {
            let end = quoted_end(after);
            let key = serde_json::from_str(&format!("\"{}\"", &after[..end])).unwrap_or_default();
            steps.push(Step::Key(key));
            rest = after.get(end + 2..).unwrap_or_default();
        } else if let Some(after) = rest.strip_prefix('[') {
            let end = after.find(']').unwrap_or(after.len());
            steps.push(Step::Index(after[..end].parse().unwrap_or_default()));
            rest = after.get(end + 1..).unwrap_or_default();
        } else {
            let after = rest.strip_prefix('.').unwrap_or(rest);
            let end = after.find(['.', '[']).unwrap_or(after.len());
            steps.push(Step::Key(after[..end].to_owned()));
            rest = &after[end..];
        }
    }
    steps
}

/// As much of a path as is there.
pub(crate) fn existing(object: &Value, steps: &[Step]) -> Vec<Step> {
    let there = (0..=steps.len()).rev().find(|end| get(object, &steps[..*end]).is_some());
    steps[..there.unwrap_or_default()].to_vec()
}

/// What stands at a path.
pub(crate) fn get<'a>(object: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    steps.iter().try_fold(object, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

/// The same, to be changed.
pub(crate) fn get_mut<'a>(object: &'a mut Value, steps: &[Step]) -> Option<&'a mut Value> {
    steps.iter().try_fold(object, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(index),
    })
}

/// Takes out what stands there.
pub(crate) fn remove(object: &mut Value, steps: &[Step]) {
    let Some((last, parents)) = steps.split_last() else { return };
    match (get_mut(object, parents), last) {
        (Some(Value::Object(members)), Step::Key(key)) => drop(members.shift_remove(key)),
        (Some(Value::Array(elements)), Step::Index(index)) if *index < elements.len() => drop(elements.remove(*index)),
        _ => {}
    }
}

fn quoted_end(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().find(|(_, letter)| {
        let ends = *letter == '"' && !escaped;
        escaped = *letter == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at)
}
