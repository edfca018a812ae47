//! Which address everything of a mesh is on, so that two meshes on one machine do not meet.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

/// The workloads in the order of their addresses: service and version.
pub const WORKLOADS: [(&str, &str); 6] = [
    ("productpage", "v1"),
    ("details", "v1"),
    ("ratings", "v1"),
    ("reviews", "v1"),
    ("reviews", "v2"),
    ("reviews", "v3"),
];

/// The place of the gateway after the workloads.
const GATEWAY: u8 = 7;
/// The places of things that are no workloads.
const HEDDLED: u8 = 250;
const ELSEWHERE: u8 = 200;
/// A mesh holds this port of its control plane's address for as long as its process lives.
const RESERVATION: u16 = 15999;

/// The addresses of one mesh: workload i is on `127.0.<net>.i`.
#[derive(Debug)]
pub struct Layout {
    net: u8,
    apps: Vec<u16>,
    reservation: OnceLock<TcpListener>,
}

impl Layout {
    /// That of the sample: `127.0.1.i`, with applications on `127.0.0.1:908i`.
    #[must_use]
    pub fn sample() -> Self {
        Self { net: 1, apps: (9081..).take(WORKLOADS.len()).collect(), reservation: OnceLock::new() }
    }

    /// One that nobody else uses: addresses that could be reserved and ports that the system chose.
    pub fn free() -> Result<Self> {
        let start = std::process::id();
        for step in 0..200_u32 {
            let net = u8::try_from(20 + (start + step) % 200)?;
            let layout = Self { net, apps: Vec::new(), reservation: OnceLock::new() };
            if layout.reserve().is_ok() {
                let apps = WORKLOADS.iter().map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
                // Held until all are chosen, so that they differ.
                let apps = apps.collect::<std::io::Result<Vec<_>>>()?;
                let apps = apps.iter().map(|app| Ok(app.local_addr()?.port())).collect::<Result<_>>()?;
                return Ok(Self { apps, ..layout });
            }
        }
        bail!("no free addresses from 127.0.20 to 127.0.219: are 200 meshes running?")
    }

    /// Takes the addresses, as long as this value lives.
    pub fn reserve(&self) -> Result<()> {
        if self.reservation.get().is_some() {
            return Ok(());
        }
        let address = SocketAddr::new(self.heddled(), RESERVATION);
        let listener = TcpListener::bind(address).with_context(|| {
            format!(
                "{address} is not free: another mesh runs there (`make demo-down` ends the demo's), or this \
                system has no address {} (on macOS: `sudo ifconfig lo0 alias {}`)",
                address.ip(),
                address.ip()
            )
        })?;
        // Nobody else can have set it, as only one bind succeeds.
        let _ = self.reservation.set(listener);
        Ok(())
    }

    /// An error that names the first address which something else holds.
    pub fn check(&self) -> Result<()> {
        let proxy = [15000, 15020, 15021, 15090];
        let mut wanted: Vec<SocketAddr> = (0..WORKLOADS.len()).map(|index| self.app(index)).collect();
        for (ip, own) in (0..WORKLOADS.len())
            .map(|index| (self.workload(index), [9080, 3128]))
            .chain([(self.gateway(), [8080, 8443])])
        {
            wanted.extend(own.iter().chain(&proxy).map(|port| SocketAddr::new(ip, *port)));
        }
        wanted.extend([8080, 15010, 15012, 15014].map(|port| SocketAddr::new(self.heddled(), port)));
        for address in wanted {
            TcpListener::bind(address).with_context(|| {
                format!("{address} is not free: `ss -ltnp` says who listens there or on all addresses")
            })?;
        }
        Ok(())
    }

    /// The objects of the sample, moved to these addresses.
    #[must_use]
    pub fn rewrite(&self, mut text: String) -> String {
        for (place, port) in self.apps.iter().enumerate() {
            text = text.replace(&format!("127.0.0.1:{}", 9081 + place), &format!("127.0.0.1:{port}"));
        }
        text.replace("127.0.1.", &format!("127.0.{}.", self.net))
    }

    /// The address of a workload by its place in [`WORKLOADS`].
    #[must_use]
    pub fn workload(&self, index: usize) -> IpAddr {
        self.at(u8::try_from(index + 1).unwrap_or(u8::MAX))
    }

    /// Where a workload's application listens.
    #[must_use]
    pub fn app(&self, index: usize) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.apps.get(index).copied().unwrap_or_default()))
    }

    /// The address of the ingress gateway.
    #[must_use]
    pub fn gateway(&self) -> IpAddr {
        self.at(GATEWAY)
    }

    /// Where the gateway takes plain HTTP.
    #[must_use]
    pub fn gateway_http(&self) -> SocketAddr {
        SocketAddr::new(self.gateway(), 8080)
    }

    /// Where the gateway takes HTTPS, once it is told to.
    #[must_use]
    pub fn gateway_https(&self) -> SocketAddr {
        SocketAddr::new(self.gateway(), 8443)
    }

    /// The address of the control plane.
    #[must_use]
    pub fn heddled(&self) -> IpAddr {
        self.at(HEDDLED)
    }

    /// An address outside of the mesh, for services that it does not know.
    #[must_use]
    pub fn elsewhere(&self) -> IpAddr {
        self.at(ELSEWHERE)
    }

    fn at(&self, place: u8) -> IpAddr {
        IpAddr::from([127, 0, self.net, place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_free_layouts_share_nothing() {
        let (one, other) = (Layout::free().unwrap(), Layout::free().unwrap());
        assert_ne!(one.heddled(), other.heddled());
        let text = "bind: 127.0.1.3\ndefaultEndpoint: 127.0.0.1:9083\n".to_owned();
        assert_eq!(one.rewrite(text), format!("bind: {}\ndefaultEndpoint: {}\n", one.workload(2), one.app(2)));
    }

    #[test]
    fn a_taken_address_is_named() {
        let layout = Layout::free().unwrap();
        layout.check().unwrap();
        let taken = TcpListener::bind(layout.gateway_http()).unwrap();
        let error = layout.check().unwrap_err().to_string();
        assert!(error.starts_with(&taken.local_addr().unwrap().to_string()), "{error}");
    }

    #[test]
    fn the_sample_is_left_as_it_is() {
        let text = "bind: 127.0.1.3\ndefaultEndpoint: 127.0.0.1:9083\n".to_owned();
        assert_eq!(Layout::sample().rewrite(text.clone()), text);
    }
}
