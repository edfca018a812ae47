//! The names of the mesh, and the forms in which a program may query them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use heddle_model::identity::Identity;
use heddle_xds_api::istio::networking::nds::v1::NameTable;

use crate::config::Dns;

/// The context of a lookup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    names: BTreeMap<String, Vec<IpAddr>>,
    search: Vec<String>,
}

/// The context of a lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Domain {
    /// The namespace of the pod. Its services have names without dots.
    namespace: String,
    /// The search domains of the pod, in order.
    search: Vec<String>,
}

/// The data of a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    /// The known name, if it differs from the queried name.
    pub(crate) alias: Option<&'a str>,
    /// The addresses, of both families.
    pub(crate) addresses: &'a [IpAddr],
}

impl Domain {
    /// The context of a workload.
    pub(crate) fn new(identity: &Identity, settings: &Dns) -> Self {
        Self { namespace: identity.namespace().to_owned(), search: settings.search.clone() }
    }
}

impl Table {
    /// Builds the table from the control plane's message. It adds the short forms of service names: `web`, `web.shop`
    /// and `web.shop.svc`.
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
                    // A full name of another service has priority over a short form.
                    names.entry(plain(&form)).or_insert_with(|| addresses.clone());
                }
            }
            names.insert(plain(host), addresses);
        }
        // Full names have priority, in any order.
        for (host, info) in &said.table {
            let addresses: Vec<IpAddr> = info.ips.iter().filter_map(|ip| ip.parse().ok()).collect();
            if !addresses.is_empty() {
                names.insert(plain(host), addresses);
            }
        }
        Self { names, search: domain.search.iter().map(|suffix| plain(suffix)).collect() }
    }

    /// Looks up a name as it is in a packet.
    ///
    /// The C library may query `db.example.shop.svc.cluster.local` for `db.example`. The response is a CNAME to
    /// `db.example`. Without it, the C library would query the cluster's resolver once for each search domain.
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

/// Compares names without case and without the final dot.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
