//! The names that the mesh knows, and in which forms a program may ask for them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use heddle_model::identity::Identity;
use heddle_xds_api::istio::networking::nds::v1::NameTable;

use crate::config::Dns;

/// What names are looked up from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    names: BTreeMap<String, Vec<IpAddr>>,
    search: Vec<String>,
}

/// Where names are looked up from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Domain {
    /// The pod's namespace, whose services go by their names alone.
    namespace: String,
    /// What a resolver appends to a name that it is asked for, in its order.
    search: Vec<String>,
}

/// What is known of a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    /// The name that is known, where it is not the one that was asked for.
    pub(crate) alias: Option<&'a str>,
    /// Its addresses, of both families.
    pub(crate) addresses: &'a [IpAddr],
}

impl Domain {
    /// That of a workload.
    pub(crate) fn new(identity: &Identity, settings: &Dns) -> Self {
        Self { namespace: identity.namespace().to_owned(), search: settings.search.clone() }
    }
}

impl Table {
    /// What the control plane says, with the shorter forms of services' names: `web`, `web.shop` and `web.shop.svc`.
    pub(crate) fn new(said: &NameTable, domain: &Domain) -> Self {
        let mut names = BTreeMap::new();
        for (host, info) in &said.table {
            let addresses: Vec<IpAddr> = info.ips.iter().filter_map(|ip| ip.parse().ok()).collect();
            if addresses.is_empty() {
                continue;
            }
            if !info.shortname.is_empty() && !info.namespace.is_empty() {
                let (short, namespace) = (&info.shortname, &info.namespace);
                let mut forms = vec![format!("{short}.{namespace}"), format!("{short}.{namespace}.svc")];
                if *namespace == domain.namespace {
                    forms.push(short.clone());
                }
                for form in forms {
                    // A full name that somebody gave to another service is that service's.
                    names.entry(plain(&form)).or_insert_with(|| addresses.clone());
                }
            }
            names.insert(plain(host), addresses);
        }
        // Full names win, whatever their order.
        for (host, info) in &said.table {
            let addresses: Vec<IpAddr> = info.ips.iter().filter_map(|ip| ip.parse().ok()).collect();
            if !addresses.is_empty() {
                names.insert(plain(host), addresses);
            }
        }
        Self { names, search: domain.search.iter().map(|suffix| plain(suffix)).collect() }
    }

    /// What is known of a name, as a packet has it.
    ///
    /// A resolver that was asked for `db.example` may ask for `db.example.shop.svc.cluster.local` first. It is told at
    /// once that this stands for `db.example`, or it would ask the cluster's resolver once for each domain that it
    /// searches.
    pub(crate) fn find(&self, name: &str) -> Option<Found<'_>> {
        let name = plain(name);
        if let Some(addresses) = self.get(&name) {
            return Some(Found { alias: None, addresses });
        }
        let mut shorter = self.search.iter().filter_map(|suffix| name.strip_suffix(suffix.as_str())?.strip_suffix('.'));
        shorter
            .find_map(|short| self.names.get_key_value(short))
            .map(|(known, addresses)| Found { alias: Some(known), addresses })
    }

    fn get(&self, name: &str) -> Option<&[IpAddr]> {
        if let Some(addresses) = self.names.get(name) {
            return Some(addresses);
        }
        let mut rest = name;
        while let Some((_, parent)) = rest.split_once('.') {
            if let Some(addresses) = self.names.get(&format!("*.{parent}")) {
                return Some(addresses);
            }
            rest = parent;
        }
        None
    }
}

/// Names compare without case and without the root's dot.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
