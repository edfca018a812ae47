//! Values that mean something where they stand: those of the examples of the reference, which hold every field.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use heddle_crds::kind::IstioKind;
use heddle_crds::schema;
use heddle_tests::product;
use heddle_yaml::Schema;
use serde_json::{Value, json};

use super::chance::Chance;

/// More values than the examples have, by the name of their field; what reads as JSON is.
const MORE: [(&str, &[&str]); 10] = [
    ("to{}", &["100", "100", "40", "60"]),
    ("hosts[]", &["a.example.com", "*.b.example.com", "10.1.2.3", "shop"]),
    ("exportTo[]", &[".", "*", "shop"]),
    ("interval", &["1s", "250ms", "1h2m", "1.5s"]),
    ("timeout", &["0.100s", "3m", "2s"]),
    ("exact", &["/a b", "ÿ", "x-y_z"]),
    ("regex", &["a|b", "^/v[0-9]{1,3}/.*$", "(?i)x"]),
    ("address", &["10.0.0.1", "2001:db8::1", "vm.example.com"]),
    ("namespace", &["", "shop"]),
    ("protocol", &["HTTP", "HTTPS", "GRPC", "TCP", "TLS", "HTTP2"]),
];

/// What may stand where.
pub(crate) struct SchemaValues {
    /// By kind and path: `VirtualService.http[].match[].uri.exact`.
    at: BTreeMap<String, Vec<Value>>,
    /// By the last part of that.
    named: BTreeMap<String, Vec<Value>>,
    /// Keys of maps, by both.
    keys: BTreeMap<String, Vec<String>>,
}

impl SchemaValues {
    /// Reads the examples.
    pub(crate) fn read() -> Result<Self> {
        let mut words = Self { at: BTreeMap::new(), named: BTreeMap::new(), keys: BTreeMap::new() };
        for kind in IstioKind::ALL {
            let spec = schema::spec(kind);
            for object in examples(kind)? {
                words.harvest(&spec, &object["spec"], kind.name());
            }
        }
        for (name, more) in MORE {
            words
                .named
                .entry(name.to_owned())
                .or_default()
                .extend(more.iter().map(|text| serde_json::from_str(text).unwrap_or(json!(text))));
        }
        Ok(words)
    }

    /// A value for a place; none when the examples know neither it nor its name.
    pub(crate) fn value(&self, place: &str, chance: &mut Chance) -> Option<Value> {
        let named = self.named.get(last(place)).or_else(|| self.named.get(&camel(last(place))));
        let here = self.at.get(place);
        // Mostly what stands there in an example, sometimes what has the same name elsewhere.
        let list = if chance.percent(70) { here.or(named) } else { named.or(here) };
        list.and_then(|list| chance.pick(list)).cloned()
    }

    /// A key for the map at a place.
    pub(crate) fn key(&self, place: &str, chance: &mut Chance) -> String {
        let keys = self.keys.get(place).or_else(|| self.keys.get(last(place)));
        keys.and_then(|keys| chance.pick(keys)).cloned().unwrap_or_else(|| "app".to_owned())
    }

    fn harvest(&mut self, node: &Value, value: &Value, place: &str) {
        match value {
            Value::Object(members) if node.get("properties").is_some() => {
                for (name, value) in members {
                    self.harvest(&node["properties"][name], value, &format!("{place}.{name}"));
                }
            }
            Value::Object(members) if node.get("additionalProperties").is_some() => {
                for (key, value) in members {
                    for place in [place, last(place)] {
                        self.keys.entry(place.to_owned()).or_default().push(key.clone());
                    }
                    self.harvest(&node["additionalProperties"], value, &format!("{place}{{}}"));
                }
            }
            Value::Array(elements) => {
                for element in elements {
                    self.harvest(&node["items"], element, &format!("{place}[]"));
                }
            }
            leaf => {
                self.at.entry(place.to_owned()).or_default().push(leaf.clone());
                self.named.entry(last(place).to_owned()).or_default().push(leaf.clone());
            }
        }
    }
}

/// The objects of a kind's page in the reference.
pub(crate) fn examples(kind: IstioKind) -> Result<Vec<Value>> {
    let file = format!("docs/reference/examples/{}.yaml", kind.name().to_lowercase());
    let text = fs::read_to_string(product::root()?.join(&file)).with_context(|| file.clone())?;
    heddle_yaml::values(&text, Schema::Yaml11).context(file)
}

fn last(place: &str) -> &str {
    place.rsplit('.').next().unwrap_or(place)
}

/// `mirror_percent` takes what `mirrorPercent` does.
fn camel(name: &str) -> String {
    let mut upper = false;
    let letters = name.chars().filter_map(|letter| match letter {
        '_' => {
            upper = true;
            None
        }
        letter if std::mem::take(&mut upper) => Some(letter.to_ascii_uppercase()),
        letter => Some(letter),
    });
    letters.collect()
}
