//! What the lint finds.

use std::{fmt, sync::Arc};

use heddle_xds_api::{Reference, TypeUrl};

/// A fault in the resources of a proxy, with the names of the resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A resource refers to another one that the proxy does not get. No issue reports that.
    Missing {
        /// The type of the resource that refers.
        type_url: TypeUrl,
        /// Its name.
        name: Arc<str>,
        /// What it refers to.
        needs: Reference,
    },
    /// No cluster uses this ClusterLoadAssignment.
    UnusedEndpoints(Arc<str>),
    /// A route configuration has a domain twice.
    DuplicateDomain {
        /// The route configuration.
        routes: String,
        /// The domain, in lower case.
        domain: String,
    },
    /// Two listeners have the same address.
    DuplicateAddress {
        /// Their names.
        listeners: [String; 2],
        /// The address.
        address: String,
    },
    /// Some connections match two filter chains of a listener, or one chain twice.
    OverlappingChains {
        /// The listener.
        listener: String,
        /// The positions of the chains in the listener.
        chains: [usize; 2],
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { type_url, name, needs } => {
                let Reference { type_url: needed, name: other } = needs;
                write!(f, "{} {name} refers to {} {other}, which does not exist", type_url.short(), needed.short())
            }
            Self::UnusedEndpoints(name) => write!(f, "eds {name} is used by no cluster"),
            Self::DuplicateDomain { routes, domain } => write!(f, "rds {routes} has the domain {domain} twice"),
            Self::DuplicateAddress { listeners: [one, other], address } => {
                write!(f, "lds {one} and lds {other} have the same address {address}")
            }
            Self::OverlappingChains { listener, chains: [one, other] } => {
                write!(f, "lds {listener} has filter chains that overlap: {one} and {other}")
            }
        }
    }
}
