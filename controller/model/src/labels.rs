//! Labels of workloads, and selectors over them.

use std::collections::BTreeMap;

use crate::Text;

/// Labels of a workload, service or namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(BTreeMap<Text, Text>);

impl Labels {
    /// The value of a label.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Text> {
        self.0.get(key)
    }

    /// Sets a label.
    pub fn insert(&mut self, key: impl Into<Text>, value: impl Into<Text>) {
        self.0.insert(key.into(), value.into());
    }

    /// Whether every label here is also in `of`: how a selector matches a workload. Nothing selects everything.
    #[must_use]
    pub fn select(&self, of: &Self) -> bool {
        self.0.iter().all(|(key, value)| of.0.get(key) == Some(value))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// In order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &Text)> {
        self.0.iter()
    }
}

impl<K: Into<Text>, V: Into<Text>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}
