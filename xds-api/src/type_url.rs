//! The types of resources that are discovered.

use std::fmt;

const PREFIX: &str = "type.googleapis.com/";

/// A type of resource. The order is the push order: who is referred to goes before who refers, so that a client that
/// applies one type after the other never refers to what it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypeUrl {
    /// `envoy.config.cluster.v3.Cluster`
    Cluster,
    /// `envoy.config.endpoint.v3.ClusterLoadAssignment`
    Endpoint,
    /// `envoy.config.listener.v3.Listener`
    Listener,
    /// `envoy.config.route.v3.RouteConfiguration`
    Route,
    /// `envoy.config.route.v3.VirtualHost`
    VirtualHost,
    /// `envoy.extensions.transport_sockets.tls.v3.Secret`
    Secret,
    /// `envoy.config.core.v3.TypedExtensionConfig`
    ExtensionConfig,
    /// `istio.networking.nds.v1.NameTable`, for the agent's DNS proxy
    NameTable,
    /// `istio.mesh.v1alpha1.ProxyConfig`, for the agent
    ProxyConfig,
}

impl TypeUrl {
    /// All types, in push order.
    pub const ALL: [Self; 9] = [
        Self::Cluster,
        Self::Endpoint,
        Self::Listener,
        Self::Route,
        Self::VirtualHost,
        Self::Secret,
        Self::ExtensionConfig,
        Self::NameTable,
        Self::ProxyConfig,
    ];

    /// As it stands in requests and in `Any`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Endpoint => "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::Route => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            Self::VirtualHost => "type.googleapis.com/envoy.config.route.v3.VirtualHost",
            Self::Secret => "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            Self::ExtensionConfig => "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            Self::NameTable => "type.googleapis.com/istio.networking.nds.v1.NameTable",
            Self::ProxyConfig => "type.googleapis.com/istio.mesh.v1alpha1.ProxyConfig",
        }
    }

    /// The type of this URL, with or without the prefix `type.googleapis.com/`.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let name = url.strip_prefix(PREFIX).unwrap_or(url);
        Self::ALL.into_iter().find(|candidate| candidate.message_name() == name)
    }

    /// The full name of the message, `envoy.config.cluster.v3.Cluster`.
    #[must_use]
    pub fn message_name(self) -> &'static str {
        self.as_str().strip_prefix(PREFIX).unwrap_or_default()
    }

    /// As metrics and tables say it: `cds`, `eds`.
    #[must_use]
    pub const fn short(self) -> &'static str {
        match self {
            Self::Cluster => "cds",
            Self::Endpoint => "eds",
            Self::Listener => "lds",
            Self::Route => "rds",
            Self::VirtualHost => "vhds",
            Self::Secret => "sds",
            Self::ExtensionConfig => "ecds",
            Self::NameTable => "nds",
            Self::ProxyConfig => "pcds",
        }
    }

    /// Whether a client that names nothing wants all of them. Of the others it wants what it names, even `*` apart.
    #[must_use]
    pub const fn may_be_wildcard(self) -> bool {
        !matches!(self, Self::Endpoint | Self::Route | Self::Secret | Self::ExtensionConfig)
    }

    /// Whether a state-of-the-world response must hold all resources of the type: the client drops what is missing.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Cluster | Self::Listener)
    }
}

impl fmt::Display for TypeUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Some of the types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeSet(u16);

impl TypeSet {
    /// None of them.
    pub const EMPTY: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self((1 << TypeUrl::ALL.len()) - 1);

    /// Whether it is in.
    #[must_use]
    pub const fn contains(self, type_url: TypeUrl) -> bool {
        self.0 & (1 << type_url as u16) != 0
    }

    /// With this one too.
    #[must_use]
    pub const fn with(self, type_url: TypeUrl) -> Self {
        Self(self.0 | (1 << type_url as u16))
    }

    /// Without this one.
    #[must_use]
    pub const fn without(self, type_url: TypeUrl) -> Self {
        Self(self.0 & !(1 << type_url as u16))
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether nothing is in.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in, in push order.
    pub fn iter(self) -> impl Iterator<Item = TypeUrl> {
        TypeUrl::ALL.into_iter().filter(move |type_url| self.contains(*type_url))
    }
}

impl FromIterator<TypeUrl> for TypeSet {
    fn from_iter<I: IntoIterator<Item = TypeUrl>>(types: I) -> Self {
        types.into_iter().fold(Self::EMPTY, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_parses_back_and_is_sorted() {
        for type_url in TypeUrl::ALL {
            assert_eq!(TypeUrl::parse(type_url.as_str()), Some(type_url));
            assert_eq!(TypeUrl::parse(type_url.message_name()), Some(type_url));
        }
        assert!(TypeUrl::ALL.is_sorted());
        assert_eq!(TypeUrl::parse("type.googleapis.com/other.Type"), None);
        assert_eq!(TypeUrl::parse(""), None);
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: TypeSet = [TypeUrl::Route, TypeUrl::Cluster].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [TypeUrl::Cluster, TypeUrl::Route]);
        assert_eq!(TypeSet::ALL.iter().count(), TypeUrl::ALL.len());
        assert_eq!(set.without(TypeUrl::Cluster).iter().collect::<Vec<_>>(), [TypeUrl::Route]);
        assert_eq!(set.intersection(TypeSet::EMPTY.with(TypeUrl::Route)), set.without(TypeUrl::Cluster));
        assert!(!set.contains(TypeUrl::Endpoint) && TypeSet::EMPTY.is_empty());
    }
}
