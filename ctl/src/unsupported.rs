//! Objects of a cluster that Heddle accepts and that have no effect: of kinds or with fields that it does not support.

mod gateway_api;

use std::collections::BTreeMap;

use anyhow::Result;
use heddle_crds::kind::IstioKind;
use heddle_model::issue::Severity;
use heddle_store::object::Reading;
use heddle_store::{Event, Object, Settings, SourceId, Store};
use serde_json::Value;

use crate::server::Server;

/// The reason of an issue about a kind or a field without effect.
pub(crate) const NOT_SUPPORTED: &str = "NotSupported";
/// The most objects of a kind that are named.
const MAX_NAMED: usize = 5;

/// The objects of one kind that share a consequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsupported {
    /// The kind.
    pub(crate) kind: String,
    /// What is not in force.
    pub(crate) consequence: String,
    /// Namespaces and names, with the field if only a field has no effect. Sorted.
    pub(crate) objects: Vec<String>,
}

/// The objects of the revision that have no effect, or fields of them. By kind.
pub(crate) async fn find(server: &Server, namespace: &str, revision: &str) -> Result<Vec<Unsupported>> {
    let settings = Settings {
        namespace: namespace.into(),
        revision: revision.into(),
        assume_secrets: true,
        ..Settings::default()
    };
    let mut store = Store::new(settings);
    for kind in IstioKind::ALL {
        for object in list(server, kind).await? {
            if let Reading::Object(object) = Object::read(&object) {
                store.apply(Event::Apply(SourceId::Files, object));
            }
        }
    }
    let mut found = Found::default();
    for issue in store.commit().issues.iter() {
        if issue.reason == NOT_SUPPORTED && issue.severity == Severity::Error {
            let (object, field) = (&issue.object, &issue.field);
            let name = format!("{}/{}", object.namespace, object.name);
            let name = if field.is_empty() { name } else { format!("{name} ({field})") };
            let is_whole = field.is_empty();
            let consequence = if is_whole { issue.message.clone() } else { format!("the field {}", issue.message) };
            found.add(object.kind.name(), &consequence, name);
        }
    }
    gateway_api::find(server, &mut found).await?;
    Ok(found.into_list())
}

/// All objects of a kind, in the first served version that has any.
pub(crate) async fn list(server: &Server, kind: IstioKind) -> Result<Vec<Value>> {
    let info = kind.info();
    for version in info.versions {
        let objects = server.list(&format!("/apis/{}/{version}/{}", info.group, info.plural)).await?;
        if !objects.is_empty() {
            return Ok(objects);
        }
    }
    Ok(Vec::new())
}

/// The names by kind and consequence.
#[derive(Debug, Default)]
struct Found(BTreeMap<(String, String), Vec<String>>);

impl Found {
    fn add(&mut self, kind: &str, consequence: &str, name: String) {
        self.0.entry((kind.to_owned(), consequence.to_owned())).or_default().push(name);
    }

    fn into_list(self) -> Vec<Unsupported> {
        let group = |((kind, consequence), mut objects): ((String, String), Vec<String>)| {
            objects.sort();
            Unsupported { kind, consequence, objects }
        };
        self.0.into_iter().map(group).collect()
    }
}

impl Unsupported {
    /// One line: the number of objects, the names of the first ones, and the consequence.
    pub(crate) fn line(&self) -> String {
        let named = self.objects.iter().take(MAX_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let count = self.objects.len();
        let more = if count > MAX_NAMED { format!(" and {} more", count - MAX_NAMED) } else { String::new() };
        let objects = if count == 1 { "object" } else { "objects" };
        format!("{count} {objects}: {named}{more}: {}", self.consequence)
    }
}

#[cfg(test)]
mod tests {
    use heddle_crds::validate;

    use super::*;

    #[test]
    fn a_line_counts_all_objects_and_names_the_first() {
        let mut found = Found::default();
        let consequence = validate::unsupported(IstioKind::RequestAuthentication).unwrap();
        for number in (0..7).rev() {
            found.add("RequestAuthentication", &consequence, format!("shop/p{number}"));
        }
        found.add("VirtualService", "the field has no effect", "shop/a (spec.http)".into());
        let all = found.into_list();
        assert_eq!(all.len(), 2);
        let line = all[0].line();
        assert!(line.starts_with("7 objects: shop/p0, shop/p1, shop/p2, shop/p3, shop/p4 and 2 more: the "), "{line}");
        assert!(line.contains("requests with invalid tokens are accepted"), "{line}");
        assert_eq!(all[1].line(), "1 object: shop/a (spec.http): the field has no effect");
    }
}
