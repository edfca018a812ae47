//! Many of one thing must cost as much more as there are more, not the square of it: four times as many take at most
//! ten times as long, from the text to what every proxy gets. `GROWTH` is how many the smaller number is (40 unless
//! told;
//! `make soak` takes more).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)] // a test's report

use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Less than this is over too soon to say how it grows.
const NOTICED: Duration = Duration::from_millis(100);

/// What there are many of, and the file with so many.
type Case = (&'static str, fn(usize) -> String);

const CASES: &[Case] = &[
    ("services", |n| many(n, |i| service(i, "http", 80))),
    ("TCP services of one port", |n| many(n, |i| service(i, "tcp", 7000))),
    ("TLS hosts of one port", |n| many(n, |i| entry(i, "{number: 443, name: tls, protocol: TLS}", "DNS"))),
    ("TCP hosts without addresses", |n| many(n, |i| entry(i, "{number: 7001, name: tcp, protocol: TCP}", "NONE"))),
    ("HTTP hosts", |n| many(n, |i| entry(i, "{number: 80, name: http, protocol: HTTP}", "DNS"))),
    ("ports of one service", |n| {
        object(
            "Service",
            "v1",
            "many",
            &format!("{{ports: [{}]}}", list(n, |i| format!("{{name: tcp-{i}, port: {}}}", i + 1))),
        )
    }),
    ("endpoints of one host", |n| {
        let endpoints = list(n, |i| format!("{{address: 10.{}.{}.{}}}", i >> 16, i >> 8 & 255, i & 255));
        custom(
            "ServiceEntry",
            "e",
            &format!(
                "{{hosts: [e.com], resolution: STATIC, ports: [{{number: 80, name: http}}], endpoints: [{endpoints}]}}"
            ),
        )
    }),
    ("workloads that an entry selects", |n| {
        let spec = "{hosts: [e.com], resolution: STATIC, ports: [{number: 80, name: http}], workloadSelector: {labels: \
            {app: vm}}}";
        custom("ServiceEntry", "e", spec)
            + &many(n, |i| {
                custom(
                    "WorkloadEntry",
                    &format!("w{i}"),
                    &format!("{{address: 10.{}.{}.1, labels: {{app: vm}}}}", i >> 8, i & 255),
                )
            })
    }),
    ("pods", |n| many(n, pod)),
    ("slices of one service", |n| many(n, slice)),
    ("routes of one VirtualService", |n| {
        let routes =
            list(n, |i| format!("{{match: [{{uri: {{exact: /{i}}}}}], route: [{{destination: {{host: web}}}}]}}"));
        custom("VirtualService", "v", &format!("{{hosts: [web], http: [{routes}]}}"))
    }),
    ("matches of one route", |n| {
        let matches = list(n, |i| format!("{{uri: {{prefix: /{i}}}}}"));
        custom(
            "VirtualService",
            "v",
            &format!("{{hosts: [web], http: [{{match: [{matches}], route: [{{destination: {{host: web}}}}]}}]}}"),
        )
    }),
    ("destinations of one route", |n| {
        let to = list(n, |i| format!("{{destination: {{host: web, subset: v{i}}}, weight: 1}}"));
        custom("VirtualService", "v", &format!("{{hosts: [web], http: [{{route: [{to}]}}]}}"))
    }),
    ("hosts of one VirtualService", |n| {
        let hosts = list(n, |i| format!("h{i}.example.com"));
        custom(
            "VirtualService",
            "v",
            &format!("{{hosts: [{hosts}], http: [{{route: [{{destination: {{host: web}}}}]}}]}}"),
        )
    }),
    ("headers of one match", |n| {
        let headers = list(n, |i| format!("x-{i}: {{exact: a}}"));
        custom(
            "VirtualService",
            "v",
            &format!(
                "{{hosts: [web], http: [{{match: [{{headers: {{{headers}}}}}], route: [{{destination: {{host: \
                 web}}}}]}}]}}"
            ),
        )
    }),
    ("VirtualServices of one host", |n| {
        many(n, |i| {
            custom("VirtualService", &format!("v{i}"), "{hosts: [web], http: [{route: [{destination: {host: web}}]}]}")
        })
    }),
    ("VirtualServices of a host each", |n| {
        many(n, |i| {
            custom(
                "VirtualService",
                &format!("v{i}"),
                &format!("{{hosts: [h{i}.com], http: [{{route: [{{destination: {{host: web}}}}]}}]}}"),
            )
        })
    }),
    ("TCP rules", |n| {
        let rules = list(n, |i| {
            format!(
                "{{match: [{{destinationSubnets: [10.{}.{}.0/24]}}], route: [{{destination: {{host: web}}}}]}}",
                i >> 8,
                i & 255
            )
        });
        custom("VirtualService", "v", &format!("{{hosts: [web], tcp: [{rules}]}}"))
    }),
    ("TLS rules", |n| {
        let rules =
            list(n, |i| format!("{{match: [{{sniHosts: [h{i}.s.com]}}], route: [{{destination: {{host: web}}}}]}}"));
        let spec = "{hosts: ['*.s.com'], resolution: NONE, ports: [{number: 443, name: tls, protocol: TLS}]}";
        custom("ServiceEntry", "s", spec)
            + &custom("VirtualService", "v", &format!("{{hosts: ['*.s.com'], tls: [{rules}]}}"))
    }),
    ("delegates", |n| {
        let routes = list(n, |i| format!("{{match: [{{uri: {{prefix: /{i}}}}}], delegate: {{name: d{i}}}}}"));
        custom("VirtualService", "v", &format!("{{hosts: [web], http: [{routes}]}}"))
            + &many(n, |i| {
                custom("VirtualService", &format!("d{i}"), "{http: [{route: [{destination: {host: web}}]}]}")
            })
    }),
    ("DestinationRules of one host", |n| {
        many(n, |i| {
            custom(
                "DestinationRule",
                &format!("d{i}"),
                &format!("{{host: web, subsets: [{{name: v{i}, labels: {{version: v{i}}}}}]}}"),
            )
        })
    }),
    ("DestinationRules of a host each", |n| {
        many(n, |i| custom("DestinationRule", &format!("d{i}"), &format!("{{host: h{i}.com}}")))
    }),
    ("subsets of one DestinationRule", |n| {
        let subsets = list(n, |i| format!("{{name: v{i}, labels: {{version: v{i}}}}}"));
        custom("DestinationRule", "d", &format!("{{host: web, subsets: [{subsets}]}}"))
    }),
    ("servers of one Gateway", |n| {
        let servers = list(n, |i| format!("{{port: {{number: {}, name: a{i}, protocol: HTTP}}, hosts: ['*']}}", 1 + i));
        custom("Gateway", "g", &format!("{{selector: {{istio: ingressgateway}}, servers: [{servers}]}}"))
    }),
    ("Gateways of one port, with a route each", |n| {
        many(n, |i| {
            let server = format!("{{port: {{number: 80, name: a, protocol: HTTP}}, hosts: [h{i}.com]}}");
            let routes =
                format!("{{hosts: [h{i}.com], gateways: [g{i}], http: [{{route: [{{destination: {{host: web}}}}]}}]}}");
            custom(
                "Gateway",
                &format!("g{i}"),
                &format!("{{selector: {{istio: ingressgateway}}, servers: [{server}]}}"),
            ) + &custom("VirtualService", &format!("v{i}"), &routes)
        })
    }),
    ("TLS servers passed through", |n| {
        many(n, |i| {
            let server = format!(
                "{{port: {{number: 443, name: a, protocol: TLS}}, tls: {{mode: PASSTHROUGH}}, hosts: [h{i}.com]}}"
            );
            let routes = format!(
                "{{hosts: [h{i}.com], gateways: [g{i}], tls: [{{match: [{{sniHosts: [h{i}.com]}}], route: \
                 [{{destination: {{host: web}}}}]}}]}}"
            );
            custom(
                "Gateway",
                &format!("g{i}"),
                &format!("{{selector: {{istio: ingressgateway}}, servers: [{server}]}}"),
            ) + &custom("VirtualService", &format!("v{i}"), &routes)
        })
    }),
    ("hosts that a Sidecar imports", |n| {
        let hosts = list(n, |i| format!("./h{i}.com"));
        custom("Sidecar", "s", &format!("{{egress: [{{hosts: [{hosts}]}}]}}"))
            + &many(n, |i| entry(i, "{number: 80, name: http, protocol: HTTP}", "DNS"))
    }),
    ("listeners of a Sidecar", |n| {
        let egress = list(n, |i| {
            format!("{{port: {{number: {}, name: a, protocol: HTTP}}, bind: 127.0.0.1, hosts: ['*/*']}}", i + 1)
        });
        custom("Sidecar", "s", &format!("{{egress: [{egress}]}}"))
    }),
    ("Sidecars", |n| {
        many(n, |i| {
            custom(
                "Sidecar",
                &format!("s{i}"),
                &format!("{{workloadSelector: {{labels: {{app: a{i}}}}}, egress: [{{hosts: ['./*']}}]}}"),
            )
        })
    }),
    ("PeerAuthentications", |n| {
        many(n, |i| {
            object(
                "PeerAuthentication",
                "security.istio.io/v1",
                &format!("p{i}"),
                &format!("{{selector: {{matchLabels: {{app: a{i}}}}}, mtls: {{mode: STRICT}}}}"),
            )
        })
    }),
    ("labels", |n| {
        let labels = list(n, |i| format!("l{i}: v"));
        custom("DestinationRule", "d", &format!("{{host: web, subsets: [{{name: v1, labels: {{{labels}}}}}]}}"))
    }),
    ("rules of one AuthorizationPolicy", |n| {
        let rules = list(n, |i| format!("{{to: [{{operation: {{paths: [/{i}]}}}}]}}"));
        object("AuthorizationPolicy", "security.istio.io/v1", "a", &format!("{{rules: [{rules}]}}"))
    }),
    ("unknown fields", |n| {
        custom("VirtualService", "v", &format!("{{hosts: [web], {}}}", list(n, |i| format!("f{i}: 1"))))
    }),
    ("letters of one pattern", |n| {
        custom(
            "VirtualService",
            "v",
            &format!(
                "{{hosts: [web], http: [{{match: [{{uri: {{regex: '{}'}}}}], route: [{{destination: {{host: \
                 web}}}}]}}]}}",
                "(a|b)*".repeat(n)
            ),
        )
    }),
];

#[test]
fn nothing_grows_as_the_square() {
    let few = std::env::var("GROWTH").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let only = std::env::var("GROWTH_OF").unwrap_or_default();
    let mut wrong = String::new();
    for (what, make) in CASES.iter().filter(|(what, _)| what.contains(&only)) {
        let (small, large) = (quickest(&make(few)), quickest(&make(4 * few)));
        let factor = large.as_secs_f64() / small.as_secs_f64();
        println!("{what}: {few} take {small:?}, {} take {large:?}: {factor:.1} times", 4 * few);
        if large > NOTICED && factor > 10.0 {
            writeln!(wrong, "{what}: {few} take {small:?}, {} take {large:?}: {factor:.1} times", 4 * few).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The shortest of a few runs: others use the machine too.
fn quickest(text: &str) -> Duration {
    let run = || {
        let start = Instant::now();
        heddle_fuzz::yaml::run(text.as_bytes());
        start.elapsed()
    };
    (0..2).map(|_| run()).min().unwrap()
}

fn many(count: usize, object: impl Fn(usize) -> String) -> String {
    (0..count).map(object).collect()
}

fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(", ")
}

fn object(kind: &str, api_version: &str, name: &str, spec: &str) -> String {
    format!("---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n")
}

fn custom(kind: &str, name: &str, spec: &str) -> String {
    object(kind, "networking.istio.io/v1", name, spec)
}

fn service(index: usize, port: &str, number: u16) -> String {
    let ip = format!("10.{}.{}.{}", 97 + (index >> 16), index >> 8 & 255, index & 255);
    object(
        "Service",
        "v1",
        &format!("s{index}"),
        &format!("{{clusterIP: {ip}, ports: [{{name: {port}, port: {number}}}]}}"),
    )
}

fn entry(index: usize, port: &str, resolution: &str) -> String {
    custom(
        "ServiceEntry",
        &format!("e{index}"),
        &format!("{{hosts: [h{index}.com], resolution: {resolution}, ports: [{port}]}}"),
    )
}

fn pod(index: usize) -> String {
    let ip = format!("10.8.{}.{}", index >> 8, index & 255);
    object("Pod", "v1", &format!("p{index}"), "{serviceAccountName: web}")
        + &format!("status: {{podIP: {ip}, phase: Running, conditions: [{{type: Ready, status: \"True\"}}]}}\n")
}

fn slice(index: usize) -> String {
    format!(
        "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: w{index}, namespace: shop, \
         labels: {{kubernetes.io/service-name: web}}}}\naddressType: IPv4\nports: [{{name: http, port: 80}}]\n\
         endpoints: [{{addresses: [10.9.{}.{}]}}]\n",
        index >> 8,
        index & 255
    )
}
