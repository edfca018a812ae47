//! The rules of one address family, in the format of `iptables-restore`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{CaptureScope, Family, Mode, Ranges, inbound, list, outbound};

/// The port of the agent's DNS server.
pub(super) const DNS_PORT: u16 = 15053;

/// The chains and rules of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// `nat`, `mangle` or `raw`.
    pub(super) name: &'static str,
    /// Our chains.
    pub(super) chains: Vec<&'static str>,
    /// Rules without the leading `-A`. Those of the kernel's chains come last.
    pub(super) rules: Vec<String>,
}

/// All tables that the agent may write. Some may be empty.
pub(super) const TABLES: [&str; 3] = ["nat", "mangle", "raw"];

/// The tables of a family.
pub(super) fn tables(scope: &CaptureScope, family: Family) -> Vec<Table> {
    let mut nat = Table { name: "nat", chains: Vec::new(), rules: Vec::new() };
    outbound::chains(scope, family, &mut nat);
    let mut mangle = Table { name: "mangle", chains: Vec::new(), rules: Vec::new() };
    match scope.args.mode {
        Mode::Redirect => inbound::redirect(scope, &mut nat),
        Mode::Tproxy => inbound::transparent(scope, family, &mut mangle),
        Mode::None => {}
    }
    outbound::hooks(scope, family, &mut nat);
    let raw = outbound::zones(scope, family);
    [nat, mangle, raw].into_iter().filter(|table| !table.rules.is_empty()).collect()
}

impl Table {
    /// Adds a chain.
    pub(super) fn chain(&mut self, name: &'static str) {
        if !self.chains.contains(&name) {
            self.chains.push(name);
        }
    }

    /// Adds a rule.
    pub(super) fn rule(&mut self, rule: impl Into<String>) {
        self.rules.push(rule.into());
    }
}

impl Family {
    /// The loopback address of the family, with its mask.
    pub(super) fn loopback(self) -> &'static str {
        if self == Self::V4 { "127.0.0.1/32" } else { "::1/128" }
    }

    /// The source address of Envoy's connections to the application, and of the agent's probes.
    pub(super) fn past_capture(self) -> &'static str {
        if self == Self::V4 { "127.0.0.6/32" } else { "::6/128" }
    }

    /// Whether an address belongs to this family.
    pub(super) fn has(self, ip: IpAddr) -> bool {
        ip.is_ipv4() == (self == Self::V4)
    }
}

impl CaptureScope {
    /// The users and groups of the proxy, as matches for the owner of a packet.
    pub(super) fn owners(&self) -> Vec<String> {
        let groups = if self.args.groups.is_empty() { &self.args.users } else { &self.args.groups };
        let users = list(&self.args.users).map(|id| format!("--uid-owner {id}"));
        users.chain(list(groups).map(|id| format!("--gid-owner {id}"))).collect()
    }

    /// The networks of this family whose outbound connections are captured. `None` is all networks.
    pub(super) fn included(&self, family: Family) -> Option<Vec<&IpNet>> {
        match &self.include_ranges {
            Ranges::All => None,
            Ranges::These(these) => Some(these.iter().filter(|net| family.has(net.addr())).collect()),
        }
    }

    /// The networks of this family whose outbound connections are not captured.
    pub(super) fn excluded(&self, family: Family) -> impl Iterator<Item = &IpNet> {
        self.exclude_ranges.iter().filter(move |net| family.has(net.addr()))
    }

    /// The resolvers of the pod that belong to this family.
    pub(super) fn resolvers(&self, family: Family) -> impl Iterator<Item = IpAddr> {
        self.resolvers.iter().copied().filter(move |ip| family.has(*ip))
    }
}
