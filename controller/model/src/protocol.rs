//! Protocols of ports: declared by `appProtocol` or a port's name, or found by sniffing.

/// What is spoken on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// HTTP/1.1 in the clear.
    Http,
    /// HTTP/2 in the clear.
    Http2,
    /// gRPC.
    Grpc,
    /// gRPC-Web over HTTP/1.1.
    GrpcWeb,
    /// TLS that carries HTTP; passed through by sidecars.
    Https,
    /// TLS that carries anything; passed through by sidecars.
    Tls,
    /// Opaque bytes.
    Tcp,
    /// MongoDB: opaque bytes here.
    Mongo,
    /// Redis: opaque bytes here.
    Redis,
    /// MySQL: opaque bytes here, server speaks first.
    Mysql,
    /// Datagrams: not proxied.
    Udp,
    /// HBONE tunnels.
    Hbone,
    /// The egress listener of a Sidecar that is a forward HTTP proxy.
    HttpProxy,
    /// Not declared: the first bytes tell.
    Sniff,
}

/// Ports whose servers speak first: sniffing would wait for a client that waits, so they are TCP unless declared.
const SERVER_FIRST: [u16; 4] = [25, 53, 3306, 27017];

impl Protocol {
    /// A declared protocol by its name, any case; none when the name says nothing to us.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "http" | "kubernetes.io/ws" => Self::Http,
            "http2" | "kubernetes.io/h2c" => Self::Http2,
            "grpc" => Self::Grpc,
            "grpc-web" => Self::GrpcWeb,
            "https" | "kubernetes.io/wss" => Self::Https,
            "tls" => Self::Tls,
            "tcp" => Self::Tcp,
            "mongo" => Self::Mongo,
            "redis" => Self::Redis,
            "mysql" => Self::Mysql,
            "udp" => Self::Udp,
            "hbone" => Self::Hbone,
            "http_proxy" => Self::HttpProxy,
            _ => return None,
        })
    }

    /// The protocol of a Kubernetes port: `appProtocol` wins over the name's prefix, which wins over the number.
    #[must_use]
    pub fn of_port(app_protocol: Option<&str>, name: &str, number: u16, transport: &str) -> Self {
        if transport.eq_ignore_ascii_case("UDP") {
            return Self::Udp;
        }
        if let Some(declared) = app_protocol.and_then(Self::parse) {
            return declared;
        }
        if SERVER_FIRST.contains(&number) && Self::of_name(name).is_none() {
            return Self::Tcp;
        }
        Self::of_name(name).unwrap_or(Self::Sniff)
    }

    /// The protocol that a port's name declares: `<protocol>[-suffix]`.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        if name == "grpc-web" || name.starts_with("grpc-web-") {
            return Some(Self::GrpcWeb);
        }
        let prefix = name.split('-').next().unwrap_or_default();
        if prefix.contains('/') { None } else { Self::parse(prefix) }
    }

    /// Whether requests on it are routed one by one.
    #[must_use]
    pub fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Http2 | Self::Grpc | Self::GrpcWeb | Self::HttpProxy)
    }

    /// Whether its upstream speaks HTTP/2.
    #[must_use]
    pub fn is_http2(self) -> bool {
        matches!(self, Self::Http2 | Self::Grpc | Self::GrpcWeb)
    }

    /// Whether it is TLS that sidecars pass through by SNI.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::Tls)
    }

    /// Whether connections on it are routed whole: TCP and TLS.
    #[must_use]
    pub fn is_tcp(self) -> bool {
        matches!(self, Self::Tcp | Self::Https | Self::Tls | Self::Mongo | Self::Redis | Self::Mysql)
    }

    /// Whether the first bytes decide.
    #[must_use]
    pub fn is_sniffed(self) -> bool {
        self == Self::Sniff
    }
}

#[cfg(test)]
mod tests {
    use super::Protocol;

    #[test]
    fn declared_before_named_before_numbered() {
        assert_eq!(Protocol::of_port(Some("grpc"), "http-x", 80, "TCP"), Protocol::Grpc);
        assert_eq!(Protocol::of_port(None, "http-x", 3306, "TCP"), Protocol::Http);
        assert_eq!(Protocol::of_port(None, "x", 3306, "TCP"), Protocol::Tcp);
        assert_eq!(Protocol::of_port(None, "x", 80, "TCP"), Protocol::Sniff);
        assert_eq!(Protocol::of_port(None, "grpc-web-1", 80, "TCP"), Protocol::GrpcWeb);
        assert_eq!(Protocol::of_port(Some("http"), "x", 80, "UDP"), Protocol::Udp);
    }
}
