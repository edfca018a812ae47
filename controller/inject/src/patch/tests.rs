//! A patch that is applied by the letter of the RFC gives the value that it was made for.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::patch;

fn apply(mut whole: Value, operations: &Value) -> Value {
    for operation in operations.as_array().unwrap() {
        let path = operation["path"].as_str().unwrap();
        let value = operation["value"].clone();
        let Some((parent, key)) = path.rsplit_once('/') else {
            whole = value;
            continue;
        };
        let key = key.replace("~1", "/").replace("~0", "~");
        match (operation["op"].as_str().unwrap(), whole.pointer_mut(parent).unwrap()) {
            ("add", Value::Array(list)) => list.insert(key.parse().unwrap(), value),
            ("remove", Value::Array(list)) => drop(list.remove(key.parse().unwrap())),
            ("replace", Value::Array(list)) => list[key.parse::<usize>().unwrap()] = value,
            ("remove", Value::Object(object)) => drop(object.remove(&key).unwrap()),
            ("add", Value::Object(object)) => assert!(object.insert(key, value).is_none()),
            ("replace", Value::Object(object)) => *object.get_mut(&key).unwrap() = value,
            (operation, parent) => panic!("{operation} in {parent}"),
        }
    }
    whole
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), (0..3).prop_map(Value::from), "[a~/]{0,2}".prop_map(Value::from)];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let object = prop::collection::btree_map("[a-c~/]{1,2}", inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|entries| Value::Object(Map::from_iter(entries))),
        ]
    })
}

proptest! {
    #[test]
    fn a_patch_makes_one_value_of_the_other(before in values(), after in values()) {
        prop_assert_eq!(apply(before.clone(), &patch(&before, &after)), after);
    }
}

#[test]
fn a_container_that_comes_first_leaves_the_others_alone() {
    let before = json!({"c": [{"name": "a"}, {"name": "b"}]});
    let after = json!({"c": [{"name": "x"}, {"name": "a"}, {"name": "b"}]});
    assert_eq!(patch(&before, &after), json!([{"op": "add", "path": "/c/0", "value": {"name": "x"}}]));
    assert_eq!(patch(&before, &before), json!([]));
}
