//! The rules by which values are checked before they are sent, against the oldest and the newest Envoy.
//!
//! A value that we accept must be accepted by both. A value that we refuse must be refused by one of them at least, or
//! it is listed as one of which we are stricter on purpose.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use heddle_crds::validate::{
    address, format,
    header::{self, Side},
    host,
    tls::{self, algorithm},
};
use heddle_tests::envoy::{self, Config};
use heddle_xds_api::{
    Resource, TypeUrl,
    envoy::config::{cluster::v3::Cluster, route::v3::VirtualHost},
    json,
};
use serde_json::{Value, json};

const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A rule of ours with values for it.
struct Rule {
    name: &'static str,
    check: fn(&str) -> Result<(), String>,
    /// The configuration with the value.
    config: fn(&str) -> Value,
    good: Vec<String>,
    bad: Vec<String>,
    /// What we refuse and some Envoy takes.
    stricter: Vec<String>,
}

#[test]
fn what_is_accepted_is_accepted_by_every_envoy() -> Result<()> {
    let mut configs = Vec::new();
    for rule in rules() {
        for value in &rule.good {
            ensure!((rule.check)(value).is_ok(), "{}: {value:?} is refused: {:?}", rule.name, (rule.check)(value));
            configs.push(Config { name: format!("{} {value:?}", rule.name), bootstrap: (rule.config)(value) });
        }
    }
    for (version, binary) in envoys()? {
        let refused = envoy::validate_by(&binary, &configs)?;
        ensure!(refused.is_empty(), "Envoy ({version}) refuses {refused:#?}");
    }
    Ok(())
}

#[test]
fn what_is_refused_is_refused_by_envoy() -> Result<()> {
    let mut configs = Vec::new();
    for rule in rules() {
        for value in rule.bad.iter().chain(&rule.stricter) {
            ensure!((rule.check)(value).is_err(), "{}: {value:?} is accepted", rule.name);
        }
        let name = |value: &String| format!("{} {value:?}", rule.name);
        configs.extend(rule.bad.iter().map(|value| Config { name: name(value), bootstrap: (rule.config)(value) }));
    }
    let mut refused = Vec::new();
    for (_, binary) in envoys()? {
        refused.extend(envoy::validate_by(&binary, &configs)?.into_iter().map(|(name, _)| name));
    }
    let accepted: Vec<&String> =
        configs.iter().map(|config| &config.name).filter(|name| !refused.contains(name)).collect();
    ensure!(accepted.is_empty(), "every Envoy accepts {accepted:#?}");
    Ok(())
}

/// The table of `validate.rules` judges as Envoy does.
#[test]
fn messages_are_judged_as_by_envoy() -> Result<()> {
    let routes: Vec<VirtualHost> = ROUTES.iter().map(|text| virtual_host(text)).collect::<Result<_>>()?;
    let clusters: Vec<Cluster> = CLUSTERS.iter().map(|text| cluster(text)).collect::<Result<_>>()?;
    let mut ours = Vec::new();
    let mut configs = Vec::new();
    for (text, host) in ROUTES.iter().zip(&routes) {
        ours.push(Resource::new(TypeUrl::VirtualHost, "h", host).check().is_err());
        configs.push(Config { name: (*text).to_owned(), bootstrap: with_routes(&json::message_to_json(host)?) });
    }
    for (text, cluster) in CLUSTERS.iter().zip(&clusters) {
        ours.push(Resource::new(TypeUrl::Cluster, "c", cluster).check().is_err());
        let cluster = json::message_to_json(cluster)?;
        configs
            .push(Config { name: (*text).to_owned(), bootstrap: json!({"static_resources": {"clusters": [cluster]}}) });
    }
    ensure!(ours.iter().any(|is_refused| *is_refused) && !ours.iter().all(|is_refused| *is_refused), "{ours:?}");
    for (version, binary) in envoys()? {
        let refused: Vec<String> = envoy::validate_by(&binary, &configs)?.into_iter().map(|(name, _)| name).collect();
        for (config, ours) in configs.iter().zip(&ours) {
            ensure!(refused.contains(&config.name) == *ours, "Envoy ({version}): we refuse {}: {ours}", config.name);
        }
    }
    Ok(())
}

fn envoys() -> Result<[(&'static str, PathBuf); 2]> {
    Ok([("oldest", envoy::oldest()?), ("newest", envoy::binary()?)])
}

/// Parts of routes beside a direct response, right and wrong.
const ROUTES: [&str; 12] = [
    r#"{"directResponse": {"status": 200}}"#,
    r#"{"directResponse": {"status": 99}}"#,
    r#"{"directResponse": {"status": 600}}"#,
    r#"{"redirect": {"pathRedirect": "/a"}}"#,
    r#"{"redirect": {"pathRedirect": "/a\rb"}}"#,
    r#"{"redirect": {"hostRedirect": "a\nb"}}"#,
    r#"{"route": {"cluster": ""}}"#,
    r#"{"route": {"cluster": "c", "hashPolicy": [{}]}}"#,
    r#"{"route": {"cluster": "c", "hashPolicy": [{"queryParameter": {}}]}}"#,
    r#"{"route": {"weightedClusters": {}}}"#,
    r#"{"directResponse": {"status": 200}, "requestHeadersToAdd": [{}]}"#,
    r#"{"directResponse": {"status": 200}, "responseHeadersToRemove": [""]}"#,
];

/// Parts of clusters, right and wrong.
const CLUSTERS: [&str; 9] = [
    "{}",
    r#"{"connectTimeout": "0s"}"#,
    r#"{"connectTimeout": "0.001s"}"#,
    r#"{"lbPolicy": "MAGLEV", "maglevLbConfig": {"tableSize": "5000012"}}"#,
    r#"{"lbPolicy": "RING_HASH", "ringHashLbConfig": {"minimumRingSize": "8388609"}}"#,
    r#"{"outlierDetection": {"maxEjectionPercent": 101}}"#,
    r#"{"outlierDetection": {"interval": "0s"}}"#,
    r#"{"commonLbConfig": {"healthyPanicThreshold": {"value": 101}}}"#,
    r#"{"healthChecks": [{"timeout": "1s"}]}"#,
];

fn virtual_host(route: &str) -> Result<VirtualHost> {
    let mut route: Value = serde_json::from_str(route)?;
    route["match"] = json!({"prefix": "/"});
    Ok(json::message_from_json(&json!({"name": "h", "domains": ["*"], "routes": [route]}))?)
}

fn cluster(part: &str) -> Result<Cluster> {
    let mut cluster: Value = serde_json::from_str(part)?;
    cluster["name"] = json!("c");
    cluster["loadAssignment"] = json!({"clusterName": "c"});
    Ok(json::message_from_json(&cluster)?)
}

fn rules() -> Vec<Rule> {
    let mut rules = vec![formats(), header_names(), hash_headers()];
    rules.extend(algorithms());
    rules.extend(names());
    rules
}

fn formats() -> Rule {
    let plain = format::PLAIN.iter().map(|command| format!("%{command}%")).collect::<Vec<_>>().concat();
    let mut good = owned(&[
        "text",
        "",
        "9%%",
        "%REQ(x)%",
        "%REQ(:path?X-A):4%",
        "%RESP(x)%",
        "%TRAILER(x)%",
        "%QUERY_PARAM(a):3%",
        "%DYNAMIC_METADATA(a:b):9%",
        "%CLUSTER_METADATA(a)%",
        "%UPSTREAM_METADATA(a:b)%",
        "%METADATA(ROUTE:a:b)%",
        "%FILTER_STATE(a:PLAIN):2%",
        "%FILTER_STATE(a:FIELD:b)%",
        "%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:ms)%",
        "%GRPC_STATUS(NUMBER)%",
        "%START_TIME(%Y/%m/%d %H:%M:%3S)%",
        "%PATH(NQ:ORIG)%",
        "%ENVIRONMENT(HOME)%",
        "%REQUESTED_SERVER_NAME(SNI_FIRST:HOST)%",
        "%CEL(request.headers['x-a'])%",
        "%RESPONSE_CODE_DETAILS(a)%",
        "%DOWNSTREAM_PEER_CERT_V_START(%d)%",
    ]);
    good.push(plain);
    let bad = [
        "%",
        "9%",
        "%%%",
        "%NONE%",
        "%protocol%",
        "%REQ%",
        "%REQ(x%",
        "%REQ(a b)%",
        "%REQ(a?b?c)%",
        "%PROTOCOL(a)%",
        "%PROTOCOL:3%",
        "%FILTER_STATE(a:X)%",
        "%METADATA(X:a)%",
        "%COMMON_DURATION(a:b:c)%",
        "%START_TIME(%n)%",
        "%FILE_CONTENT(/etc/hostname)%",
        "%CEL(a.)%",
        "%GRPC_STATUS(x)%",
        "%PATH(x)%",
        "%CLUSTER_METADATA(a):3%",
    ];
    let stricter = owned(&["%SPAN_ID%", "%CEL(1 + 1)%", "%COMMON_DURATION(a:b)%"]);
    let check = |value: &str| header::change(Side::Response, "x", value);
    Rule { name: "format", check, config: header, good, bad: owned(&bad), stricter }
}

fn header_names() -> Rule {
    let config = |name: &str| {
        let route = json!({"direct_response": {"status": 200}, "match": {"prefix": "/"},
            "request_headers_to_add": [{"header": {"key": name, "value": "v"}}]});
        with_routes(&json!({"name": "h", "domains": ["*"], "routes": [route]}))
    };
    let check = |name: &str| header::change(Side::Request, name, "v");
    let (good, bad) = (owned(&["x", "X-A_b.c"]), owned(&["", ":path", "a\n", "a\0"]));
    Rule { name: "header", check, config, good, bad, stricter: owned(&["a b", "é"]) }
}

fn hash_headers() -> Rule {
    let config = |name: &str| {
        let action = json!({"cluster": "c", "hash_policy": [{"header": {"header_name": name}}]});
        let route = json!({"route": action, "match": {"prefix": "/"}});
        with_routes(&json!({"name": "h", "domains": ["*"], "routes": [route]}))
    };
    let (good, bad) = (owned(&["x", ":path"]), owned(&["", "a\n"]));
    Rule { name: "hash header", check: header::name_sent, config, good, bad, stricter: owned(&["a b"]) }
}

fn algorithms() -> Vec<Rule> {
    let suite = |name: &str| tls_client(&json!({"tls_params": {"cipher_suites": [name]}}), "");
    let suites = Rule {
        name: "cipher suite",
        check: algorithm::cipher_suite,
        config: suite,
        good: owned(&["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-PSK-AES256-CBC-SHA", "AES128-SHA", "AES256-GCM-SHA384"]),
        bad: owned(&["NONE", "TLS_AES_128_GCM_SHA256", "aes128-sha"]),
        stricter: owned(&["DES-CBC3-SHA", "ALL"]),
    };
    let curves = Rule {
        name: "curve",
        check: algorithm::curve,
        config: |name| tls_client(&json!({"tls_params": {"ecdh_curves": [name]}}), ""),
        good: owned(&["P-256", "P-384", "P-521", "X25519", "X25519MLKEM768"]),
        bad: owned(&["round", "p-256", "P-224"]),
        stricter: owned(&["prime256v1", ""]),
    };
    let hashes = Rule {
        name: "certificate hash",
        check: algorithm::certificate_hash,
        config: |hash| tls_client(&json!({"validation_context": {"verify_certificate_hash": [hash]}}), ""),
        good: vec![HASH.into(), HASH.to_uppercase(), ["ab"; 32].join(":")],
        bad: vec![String::new(), HASH[1..].into(), format!("{HASH}0"), "xy".repeat(32), ["abc"; 24].join(":")],
        stricter: Vec::new(),
    };
    let keys = Rule {
        name: "key hash",
        check: algorithm::public_key_hash,
        config: |hash| tls_client(&json!({"validation_context": {"verify_certificate_spki": [hash]}}), ""),
        good: vec![KEY.into()],
        bad: vec![String::new(), KEY[1..].into(), "a".repeat(44), KEY.replace("Hh8=", "Hh9="), format!("{KEY}=")],
        stricter: Vec::new(),
    };
    vec![suites, curves, hashes, keys]
}

fn names() -> Vec<Rule> {
    let sni = Rule {
        name: "SNI",
        check: tls::sni,
        config: |name| tls_client(&json!({}), name),
        good: vec!["a.test".into(), "a".repeat(255)],
        bad: vec!["a".repeat(256), "a\0b".into()],
        stricter: owned(&["a\nb"]),
    };
    let server = Rule {
        name: "server name",
        check: host::whole_wildcard,
        config: |name| {
            listener(
                &json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}}),
                &json!({"server_names": [name]}),
            )
        },
        good: owned(&["a.test", "*.test"]),
        bad: owned(&["*-a.test", "a*.test", "a.*"]),
        stricter: Vec::new(),
    };
    let bind = Rule {
        name: "bind",
        check: address::ip,
        config: |ip| listener(&json!({"socket_address": {"address": ip, "port_value": 0}}), &json!({})),
        good: owned(&["127.0.0.1", "::1"]),
        bad: owned(&["a b", "localhost", "127.0.0.1:80", "127.1"]),
        stricter: Vec::new(),
    };
    let socket = Rule {
        name: "Unix socket",
        check: address::unix,
        config: |path| listener(&json!({"pipe": {"path": path}}), &json!({})),
        good: owned(&["/tmp/heddle-rules", "@heddle-rules"]),
        bad: vec![format!("/{}", "a".repeat(107)), "/tmp/a\0b".into()],
        stricter: owned(&["relative", "/tmp/"]),
    };
    vec![sni, server, bind, socket]
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn header(value: &str) -> Value {
    let route = json!({"direct_response": {"status": 200}, "match": {"prefix": "/"},
        "response_headers_to_add": [{"header": {"key": "x", "value": value}, "keep_empty_value": true}]});
    with_routes(&json!({"name": "h", "domains": ["*"], "routes": [route]}))
}

fn with_routes(virtual_host: &Value) -> Value {
    const PACKAGE: &str = "type.googleapis.com/envoy.extensions.filters";
    let router = json!({"@type": format!("{PACKAGE}.http.router.v3.Router")});
    let manager = json!({
        "@type": format!("{PACKAGE}.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "h",
        "route_config": {"name": "r", "virtual_hosts": [virtual_host], "validate_clusters": false},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
    });
    let filter = json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": manager});
    bootstrap(&json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}}), &json!({"filters": [filter]}))
}

fn listener(address: &Value, asks: &Value) -> Value {
    let proxy = json!({"@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": "t", "cluster": "c"});
    let filter = json!({"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy});
    bootstrap(address, &json!({"filters": [filter], "filter_chain_match": asks}))
}

fn bootstrap(address: &Value, chain: &Value) -> Value {
    let cluster = json!({"name": "c", "load_assignment": {"cluster_name": "c"}});
    let listener = json!({"name": "l", "address": address, "filter_chains": [chain]});
    json!({"static_resources": {"listeners": [listener], "clusters": [cluster]}})
}

fn tls_client(common: &Value, sni: &str) -> Value {
    let context = json!({"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": common, "sni": sni});
    let socket = json!({"name": "envoy.transport_sockets.tls", "typed_config": context});
    let cluster = json!({"name": "c", "load_assignment": {"cluster_name": "c"}, "transport_socket": socket});
    json!({"static_resources": {"clusters": [cluster]}})
}
