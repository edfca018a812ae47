//! Whether the agent answers DNS queries, and which resolvers it queries itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::{ConfigError, Env, Node, bad};

/// The address to which queries are redirected.
const CAPTURED: &str = "localhost:15053";
/// The port of DNS.
const RESOLVER: u16 = 53;
/// The most resolvers and search domains that are read from the file. The C library reads fewer.
const MOST: usize = 8;

/// The settings of the DNS proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Dns {
    /// The addresses of the DNS server, for UDP and TCP.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The resolvers of the pod.
    pub(crate) servers: Vec<SocketAddr>,
    /// The search domains of the pod.
    pub(crate) search: Vec<String>,
}

/// The settings. `None` if the metadata `DNS_CAPTURE` does not ask for it.
pub(super) fn dns(node: &Node, env: &Env, resolv_conf: &Path) -> Result<Option<Dns>, ConfigError> {
    const NAME: &str = "DNS_PROXY_ADDR";
    let asked = node.metadata.get("DNS_CAPTURE").is_some_and(|asked| asked == "true" || asked == true);
    if !asked {
        return Ok(None);
    }
    let written = env.get(NAME).map(String::as_str).filter(|text| !text.is_empty()).unwrap_or(CAPTURED);
    let both =
        |port| [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()].map(|ip| SocketAddr::new(ip, port));
    let addresses = match written.strip_prefix("localhost:") {
        Some(port) => both(port.parse().map_err(|error| bad(NAME, error))?).to_vec(),
        None => vec![written.parse().map_err(|error| bad(NAME, error))?],
    };
    // A pod without resolvers gets an error for unknown names.
    let text = std::fs::read_to_string(resolv_conf).unwrap_or_default();
    Ok(Some(Dns { servers: servers(&text, &addresses), search: search(&text), addresses }))
}

/// The resolvers of a `resolv.conf`, without the agent itself, which would query itself without end.
fn servers(text: &str, ours: &[SocketAddr]) -> Vec<SocketAddr> {
    let server = |line: &str| {
        let address = line.trim().strip_prefix("nameserver")?.trim();
        Some(SocketAddr::new(address.split('%').next()?.parse().ok()?, RESOLVER))
    };
    text.lines().filter_map(server).filter(|server| !ours.contains(server)).take(MOST).collect()
}

/// The last `search` line counts.
fn search(text: &str) -> Vec<String> {
    let line =
        |line: &str| line.trim().strip_prefix("search").or(line.trim().strip_prefix("domain")).map(str::to_owned);
    let last = text.lines().filter_map(line).next_back().unwrap_or_default();
    last.split_whitespace().take(MOST).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(metadata: &serde_json::Value, address: &str, text: &str) -> Result<Option<Dns>, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        std::fs::write(&path, text).unwrap();
        let metadata = metadata.as_object().unwrap().clone();
        let node = Node { id: String::new(), cluster: String::new(), locality: None, metadata };
        let env = [("DNS_PROXY_ADDR".to_owned(), address.to_owned())].into();
        dns(&node, &env, &path)
    }

    #[test]
    fn resolvers_and_domains_are_those_of_the_pod() {
        let text = "# by kubelet\nsearch a.svc b\nnameserver 10.96.0.10\nnameserver fe80::1%eth0\nnameserver \
            x\nsearch c.d e\n";
        let found = settings(&json!({"DNS_CAPTURE": "true"}), "", text).unwrap().unwrap();
        let listens: Vec<String> = found.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(listens, ["127.0.0.1:15053", "[::1]:15053"]);
        let servers: Vec<String> = found.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["10.96.0.10:53", "[fe80::1]:53"]);
        assert_eq!(found.search, ["c.d", "e"]);
    }

    #[test]
    fn it_is_off_unless_asked_for() {
        assert_eq!(settings(&json!({}), "", "").unwrap(), None);
        assert_eq!(settings(&json!({"DNS_CAPTURE": "false"}), "", "").unwrap(), None);
        let own = settings(&json!({"DNS_CAPTURE": true}), "127.0.0.1:53", "nameserver 127.0.0.1\n").unwrap().unwrap();
        assert_eq!(own.servers, []);
        assert!(
            settings(&json!({"DNS_CAPTURE": "true"}), "nowhere", "")
                .unwrap_err()
                .to_string()
                .starts_with("DNS_PROXY_ADDR")
        );
    }
}
