//! The small words of objects, by the field that they stand in: few enough to meet each other, odd enough to hurt.

use serde_json::{Value, json};

use super::bytes::Bytes;

/// From here on a byte asks for a text of raw letters.
const RAW: u8 = 0xe0;

const HOSTS: &[&str] = &[
    "web",
    "api",
    "web.shop.svc.cluster.local",
    "api.shop.svc.cluster.local",
    "ext.example.com",
    "*.example.com",
    "*",
    "shop/*",
    "./*",
    "*/*",
    "~/*",
    "./web.shop.svc.cluster.local",
    "shop/ext.example.com",
    "WEB.shop",
    "web.ops",
    "a.ops.svc.cluster.local",
    "10.96.0.1",
    "240.240.0.1",
    "*.com",
    "x..y",
    "",
];
const NAMES: &[&str] = &[
    "web",
    "api",
    "a",
    "v1",
    "v2",
    "http",
    "tcp",
    "grpc-a",
    "https",
    "tls-x",
    "mongo",
    "any",
    "edge",
    "shop/a",
    "istio-system/a",
    "ops/web",
    "mesh",
    ".",
    "*",
    "~",
    "shop",
    "ops",
    "istio-system",
    "",
];
const DURATIONS: &[&str] = &[
    "1s",
    "0s",
    "10ms",
    "1h",
    "0.5s",
    "0.000000001s",
    "-1s",
    "1h30m",
    "9999999h",
    "315576000000s",
    "99999999999999999999s",
    "1",
    "1e9s",
    "",
];
const ADDRESSES: &[&str] = &[
    "10.1.0.1",
    "10.1.0.7",
    "127.0.0.1",
    "0.0.0.0",
    "10.96.0.9",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "10.0.0.1/8",
    "fd00::2",
    "fd00::/64",
    "::/0",
    "::ffff:10.1.0.1",
    "127.0.0.1:80",
    "0.0.0.0:8080",
    "[::1]:80",
    "unix:///tmp/x",
    "unix://@x",
    "unix:///tmp/x:80",
    "web.shop.svc.cluster.local",
    "",
    "x",
];
const PATTERNS: &[&str] = &[
    "/",
    "/a",
    "/a/",
    "",
    "a.*",
    "(",
    "(a|b)+",
    "a{1001}",
    "[a-z&&[b]]",
    "(?i)x",
    "(?=x)",
    "\\pL",
    "*",
    "%25",
    "//",
    "\u{0}",
    "a b",
    "é",
    "(((((((((((((((((((((x)))))))))))))))))))))",
    "x{1000}{1000}",
];
const PROTOCOLS: &[&str] = &[
    "HTTP",
    "HTTPS",
    "TCP",
    "TLS",
    "GRPC",
    "HTTP2",
    "MONGO",
    "MYSQL",
    "REDIS",
    "UDP",
    "HTTP_PROXY",
    "GRPC-WEB",
    "http",
    "",
];
const ELSE: &[&str] = &[
    "",
    "a",
    "web",
    "x-header",
    ":authority",
    "host",
    "Content-Type",
    "5xx,reset",
    "503",
    "/dev/stdout",
    "%REQ(:path)%",
    "%",
    "%%",
    "%A",
    "true",
    "-1",
    "kubernetes-gateway://x/y",
    "cert",
    "shop/cert",
    "a\nb",
    "\u{7f}",
    "é",
    "a,b",
    "0",
    "*",
];
const KEYS: &[&str] = &[
    "app",
    "version",
    "istio",
    "x-header",
    ":authority",
    "host",
    "cookie",
    "istio.io/rev",
    "80",
    "eu/a/*",
    "us",
    "*",
    "topology.kubernetes.io/zone",
    "",
    "a b",
    ":path",
    "Host",
    "X-Header",
];

/// A text for a field.
pub(crate) fn text(field: &str, bytes: &mut Bytes<'_>) -> String {
    let first = bytes.next();
    if first >= RAW && !bytes.is_tame() {
        return raw(first, bytes);
    }
    let words = words(field);
    let word = words[usize::from(first) % words.len()];
    if bytes.is_tame() && !is_harmless(field, word) { harmless(field) } else { word.to_owned() }
}

fn harmless(field: &str) -> String {
    if field == "bind" { String::new() } else { "a".to_owned() }
}

/// Whether no field can hold the word and be refused by Envoy for its value: a format command, a control character, a
/// length, an address that is none. What is refused because two objects meet is another matter.
fn is_harmless(field: &str, word: &str) -> bool {
    let is_bind = field != "bind" || word.parse::<std::net::IpAddr>().is_ok() || word.starts_with("unix:///");
    is_bind && word.len() < 64 && word.chars().all(|c| c.is_ascii_graphic() && c != '%')
}

/// A key of a map.
pub(crate) fn key(field: &str, bytes: &mut Bytes<'_>) -> String {
    let first = bytes.next();
    if first >= RAW && !bytes.is_tame() {
        return raw(first, bytes);
    }
    let labels = ["labels", "matchLabels", "sourceLabels"].contains(&field);
    let key = KEYS[usize::from(first) % if labels { 3 } else { KEYS.len() }];
    if bytes.is_tame() && !is_harmless(field, key) { "a".to_owned() } else { key.to_owned() }
}

/// A whole number.
pub(crate) fn integer(field: &str, bytes: &mut Bytes<'_>) -> Value {
    let ports: [i64; 12] = [80, 8080, 9000, 443, 15080, 15001, 15006, 0, 65_535, 65_536, -1, 1];
    let others: [i64; 14] =
        [1, 0, 2, 50, 99, 100, 200, 503, 1000, -1, 2_147_483_647, 4_294_967_295, 4_294_967_296, i64::MAX];
    let is_port = field == "number" || field.to_lowercase().contains("port");
    json!(if is_port { bytes.pick(&ports) } else { bytes.pick(&others) })
}

/// A number.
pub(crate) fn number(bytes: &mut Bytes<'_>) -> Value {
    json!(bytes.pick(&[100.0, 0.0, 50.0, 0.1, 0.00001, 99.999_999, -1.0, 1e9, 1e308, -1e308, 1e-308]))
}

fn words(field: &str) -> &'static [&'static str] {
    let lower = field.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    match () {
        () if has(&["timeout", "interval", "duration", "ttl", "delay", "maxage", "keepalive", "warmup", "time"]) => {
            DURATIONS
        }
        () if has(&["host", "sni", "authority", "authorities"]) => HOSTS,
        () if has(&["address", "bind", "subnet", "cidr", "ipblock", "endpoint", "ip"]) => ADDRESSES,
        () if has(&["protocol"]) => PROTOCOLS,
        () if has(&["path", "uri", "regex", "prefix", "exact", "suffix", "rewrite", "match"]) => PATTERNS,
        () if has(&["name", "subset", "gateway", "export", "namespace", "labels", "selector", "key", "provider"]) => {
            NAMES
        }
        () => ELSE,
    }
}

/// Letters that the input has itself; a very large first byte makes them many.
fn raw(first: u8, bytes: &mut Bytes<'_>) -> String {
    let length = usize::from(first - RAW) % 16;
    let text: String = (0..length).map(|_| char::from(bytes.next())).collect();
    if first >= 0xf8 { text.repeat(200) } else { text }
}
