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

/// A selector as Kubernetes writes it: labels that must be equal, and requirements; all of them must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    /// Labels that must be there with these values.
    pub labels: Labels,
    /// What else must hold.
    pub requirements: Vec<Requirement>,
}

/// One requirement of a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label.
    pub key: Text,
    /// What is required of it.
    pub operator: Operator,
    /// The values of `In` and `NotIn`.
    pub values: Vec<Text>,
}

/// What is required of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// It is there with one of the values.
    In,
    /// It is not there, or with another value.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

impl LabelSelector {
    /// Whether all holds of these labels. A selector that asks for nothing selects everything.
    #[must_use]
    pub fn select(&self, of: &Labels) -> bool {
        self.labels.select(of) && self.requirements.iter().all(|requirement| requirement.holds(of))
    }
}

impl Requirement {
    fn holds(&self, of: &Labels) -> bool {
        let value = of.get(&self.key);
        let listed = value.is_some_and(|value| self.values.contains(value));
        match self.operator {
            Operator::In => listed,
            Operator::NotIn => !listed,
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

impl<K: Into<Text>, V: Into<Text>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}
