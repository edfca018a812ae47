//! Addresses that a proxy has already: its virtual listeners, and what Envoy and the agent listen on by themselves.
//!
//! Envoy refuses a listener if another one has the same address, even if neither binds it. A listener that is bound
//! must also leave alone what other sockets of the pod have.

use std::{fmt, net::IpAddr};

use heddle_model::{
    mesh::Mesh,
    proxy::{Interception, OwnPorts, ProxyKind},
};

use super::loopback;
use crate::view::ViewKey;

/// The addresses of a proxy.
#[derive(Debug)]
pub(crate) struct Occupied {
    all: Vec<Holder>,
}

/// What has an address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    bind: Bind,
    port: u16,
    /// It is a listener of Envoy, else a socket of a program.
    is_listener: bool,
    what: &'static str,
}

/// Which addresses of a port.
#[derive(Clone, Copy, Debug)]
enum Bind {
    /// All.
    Any,
    /// Those of loopback.
    Loopback,
    /// This one. Envoy binds the wildcard address beside it.
    One(IpAddr),
}

impl Occupied {
    /// What the proxies of a view have.
    pub(crate) fn of(view: &ViewKey, mesh: &Mesh) -> Self {
        let mut occupied = Self::of_programs(view);
        let mut add = |bind: Bind, port: u16, what: &'static str| {
            occupied.all.push(Holder { bind, port, is_listener: true, what });
        };
        if view.kind == ProxyKind::Sidecar && view.interception != Interception::None {
            add(Bind::Any, mesh.outbound_port, "the proxy's outbound listener");
            add(Bind::Any, mesh.inbound_port, "the proxy's inbound listener");
        }
        if view.http_proxy_port > 0 && view.kind == ProxyKind::Sidecar {
            let bind = loopback(view.ipv4, view.ipv6).parse().map_or(Bind::Loopback, Bind::One);
            add(bind, view.http_proxy_port, "the mesh's forward proxy (proxyHttpPort)");
        }
        for (bind, port) in &view.inbound {
            add(Bind::One(*bind), *port, "an ingress listener of the Sidecar");
        }
        occupied
    }

    /// What has them before the proxy has any configuration.
    pub(crate) fn of_programs(view: &ViewKey) -> Self {
        let ports = &view.ports;
        let holder = |bind, port, is_listener, what| Holder { bind, port, is_listener, what };
        let mut all = vec![
            holder(Bind::Any, ports.readiness, true, "the proxy's readiness probe (ENVOY_STATUS_PORT)"),
            holder(Bind::Any, ports.prometheus, true, "the proxy's metrics (ENVOY_PROMETHEUS_PORT)"),
            holder(Bind::Any, ports.agent, false, "the proxy's agent (statusPort)"),
            holder(Bind::Loopback, ports.admin, false, "the proxy's admin interface (proxyAdminPort)"),
            holder(Bind::Loopback, OwnPorts::DEBUG, false, "the proxy's debug interface"),
        ];
        if view.dns_capture {
            all.push(holder(Bind::Loopback, OwnPorts::DNS, false, "the proxy's DNS server"));
        }
        Self { all }
    }

    /// What has an address already. `bound`: the listener is bound for real.
    pub(crate) fn holder(&self, bind: &str, port: u16, bound: bool) -> Option<&Holder> {
        let bind: IpAddr = bind.parse().ok()?;
        self.all.iter().filter(|holder| holder.port == port).find(|holder| holder.excludes(bind, bound))
    }
}

impl Holder {
    fn excludes(&self, bind: IpAddr, bound: bool) -> bool {
        match self.bind {
            Bind::One(own) => own == bind,
            Bind::Any if bound => true,
            Bind::Any => self.is_listener && bind.is_unspecified(),
            Bind::Loopback => bound && (bind.is_unspecified() || bind.is_loopback()),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}
