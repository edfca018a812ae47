//! All resources of one proxy at one moment, in two layers that are shared with others.

use std::sync::{Arc, LazyLock};

use crate::{Differences, Resource, ResourceMap, TypeSet, TypeUrl};

/// Of each type, all resources of a layer. A type that is not there was not compiled.
#[derive(Clone, Debug, Default)]
pub struct Layer([Option<Arc<ResourceMap>>; TypeUrl::ALL.len()]);

/// What a proxy is to hold: what its view shares, and what is its own. Of a name in both, its own counts.
#[derive(Clone, Debug, Default)]
pub struct ResourceSet {
    /// The same for all proxies of a view.
    pub shared: Arc<Layer>,
    /// Of this proxy alone.
    pub own: Arc<Layer>,
}

/// The resources of one type: a pair of pointers, cheap to keep and to compare.
#[derive(Clone, Debug, Default)]
pub struct TypedSet {
    shared: Option<Arc<ResourceMap>>,
    own: Option<Arc<ResourceMap>>,
}

impl Layer {
    /// The resources of the type, if it was compiled.
    #[must_use]
    pub fn get(&self, type_url: TypeUrl) -> Option<&Arc<ResourceMap>> {
        self.0[type_url as usize].as_ref()
    }

    /// Sets the resources of the type.
    pub fn set(&mut self, type_url: TypeUrl, resources: Arc<ResourceMap>) {
        self.0[type_url as usize] = Some(resources);
    }

    /// With the resources of the type.
    #[must_use]
    pub fn with(mut self, type_url: TypeUrl, resources: impl IntoIterator<Item = Arc<Resource>>) -> Self {
        self.set(type_url, Arc::new(resources.into_iter().collect()));
        self
    }

    /// The types that were compiled.
    #[must_use]
    pub fn types(&self) -> TypeSet {
        TypeUrl::ALL.into_iter().filter(|type_url| self.get(*type_url).is_some()).collect()
    }
}

impl ResourceSet {
    /// The types that were compiled in either layer.
    #[must_use]
    pub fn types(&self) -> TypeSet {
        self.shared.types().union(self.own.types())
    }

    /// The resources of the type, of both layers.
    #[must_use]
    pub fn typed(&self, type_url: TypeUrl) -> TypedSet {
        TypedSet { shared: self.shared.get(type_url).cloned(), own: self.own.get(type_url).cloned() }
    }

    /// Whether [`Self::typed`] is the same maps as these.
    #[must_use]
    pub fn is(&self, type_url: TypeUrl, typed: &TypedSet) -> bool {
        same(self.shared.get(type_url), typed.shared.as_ref()) && same(self.own.get(type_url), typed.own.as_ref())
    }

    /// The types of which both have not the same maps.
    #[must_use]
    pub fn differing(&self, other: &Self) -> TypeSet {
        let differs =
            |one: &Arc<Layer>, other: &Arc<Layer>, url| !Arc::ptr_eq(one, other) && !same(one.get(url), other.get(url));
        let either = |url: &TypeUrl| differs(&self.shared, &other.shared, *url) || differs(&self.own, &other.own, *url);
        TypeUrl::ALL.into_iter().filter(either).collect()
    }

    /// The resource of that name.
    #[must_use]
    pub fn get(&self, type_url: TypeUrl, name: &str) -> Option<&Arc<Resource>> {
        let own = self.own.get(type_url).and_then(|map| map.get(name));
        own.or_else(|| self.shared.get(type_url).and_then(|map| map.get(name)))
    }
}

impl TypedSet {
    /// The resource of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Resource>> {
        let own = self.own.as_ref().and_then(|map| map.get(name));
        own.or_else(|| self.shared.as_ref().and_then(|map| map.get(name)))
    }

    /// Whether both are the same maps; equal maps that were made apart are not.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        same(self.shared.as_ref(), other.shared.as_ref()) && same(self.own.as_ref(), other.own.as_ref())
    }

    /// All resources, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        let (mut shared, mut own) = (values(self.shared.as_ref()), values(self.own.as_ref()));
        std::iter::from_fn(move || match (shared.peek(), own.peek()) {
            (Some(left), Some(right)) if left.name() < right.name() => shared.next(),
            (Some(left), Some(right)) => {
                if left.name() == right.name() {
                    shared.next();
                }
                own.next()
            }
            (Some(_), None) => shared.next(),
            (None, _) => own.next(),
        })
    }

    /// The resources whose names are of this collection, `<collection>/<name without a slash>`.
    pub fn members<'a>(&'a self, collection: &'a str) -> impl Iterator<Item = &'a Arc<Resource>> {
        let prefix = format!("{collection}/");
        let layers = self.shared.iter().chain(&self.own);
        let found: Vec<_> = layers
            .flat_map(|map| map.starting(&prefix).take_while(|one| one.name().starts_with(&prefix)))
            .filter(|one| !one.name()[prefix.len()..].contains('/'))
            .collect();
        found.into_iter()
    }

    /// The names whose resource may not be the same in both, sorted within each layer.
    #[must_use]
    pub fn differences(&self, other: &Self, differences: &Differences) -> Vec<Arc<str>> {
        let mut names = Vec::new();
        if !same(self.shared.as_ref(), other.shared.as_ref()) {
            let (old, new) = (self.shared.as_ref().unwrap_or(&NONE), other.shared.as_ref().unwrap_or(&NONE));
            names.extend_from_slice(&differences.between(old, new));
        }
        // What is one proxy's own is not worth remembering.
        if !same(self.own.as_ref(), other.own.as_ref()) {
            let (old, new) = (self.own.as_ref().unwrap_or(&NONE), other.own.as_ref().unwrap_or(&NONE));
            names.extend(old.differences(new));
        }
        names
    }
}

/// One for all, so that the difference to nothing is found once too.
static NONE: LazyLock<Arc<ResourceMap>> = LazyLock::new(Arc::default);

fn values(map: Option<&Arc<ResourceMap>>) -> std::iter::Peekable<impl Iterator<Item = &Arc<Resource>>> {
    map.into_iter().flat_map(|map| map.values()).peekable()
}

fn same(one: Option<&Arc<ResourceMap>>, other: Option<&Arc<ResourceMap>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (one, other) => one.is_none_or(|map| map.is_empty()) && other.is_none_or(|map| map.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envoy::config::cluster::v3::Cluster;

    fn resource(name: &str, content: &str) -> Arc<Resource> {
        let cluster = Cluster { alt_stat_name: content.to_owned(), ..Default::default() };
        Arc::new(Resource::new(TypeUrl::Cluster, name, &cluster))
    }

    fn set(shared: &[(&str, &str)], own: &[(&str, &str)]) -> ResourceSet {
        let layer = |pairs: &[(&str, &str)]| {
            Arc::new(
                Layer::default().with(TypeUrl::Cluster, pairs.iter().map(|(name, content)| resource(name, content))),
            )
        };
        ResourceSet { shared: layer(shared), own: layer(own) }
    }

    #[test]
    fn a_proxys_own_hides_what_is_shared() {
        let set = set(&[("a", "1"), ("b", "1"), ("d", "1")], &[("b", "2"), ("c", "2")]);
        let typed = set.typed(TypeUrl::Cluster);
        let names: Vec<&str> = typed.iter().map(|one| &**one.name()).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        assert_eq!(typed.get("b"), Some(&resource("b", "2")));
        assert_eq!(set.get(TypeUrl::Cluster, "b"), Some(&resource("b", "2")));
        assert_eq!(set.get(TypeUrl::Cluster, "d"), Some(&resource("d", "1")));
        assert_eq!(set.get(TypeUrl::Route, "d"), None);
    }

    #[test]
    fn differences_are_those_of_both_layers() {
        let old = set(&[("a", "1"), ("b", "1")], &[("c", "1")]).typed(TypeUrl::Cluster);
        let new = set(&[("a", "1"), ("b", "2")], &[("e", "1")]).typed(TypeUrl::Cluster);
        let differences = Differences::default();
        let names: Vec<String> = old.differences(&new, &differences).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["b", "c", "e"]);
        assert!(old.differences(&old.clone(), &differences).is_empty());
        assert_eq!(TypedSet::default().differences(&old, &differences).len(), 3);
    }
}
