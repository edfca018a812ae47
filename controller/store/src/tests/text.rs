//! Values that Envoy refuses: validation speaks of them, and ingest leaves out the smallest part and says so too.

use heddle_crds::{ObjectMeta, validate};
use heddle_model::{
    route::HttpAction,
    traffic::{Balance, HashKey},
};
use serde_json::json;

use super::build::{Builder, found, object, snapshot, store};

/// A VirtualService with a route that says something besides.
fn route(said: &str) -> (&'static str, String) {
    let route = format!("{{route: [{{destination: {{host: cart.shop}}}}], {said}}}");
    ("VirtualService", format!("{{hosts: [cart.shop], http: [{route}]}}"))
}

/// A DestinationRule with a policy.
fn policy(said: &str) -> (&'static str, String) {
    ("DestinationRule", format!("{{host: cart.shop, trafficPolicy: {{{said}}}}}"))
}

/// A Gateway with a server of HTTPS.
fn server(said: &str) -> (&'static str, String) {
    let tls = format!("{{mode: MUTUAL, credentialName: cert, {said}}}");
    let server = format!("{{port: {{number: 443, name: https, protocol: HTTPS}}, hosts: [a.test], tls: {tls}}}");
    ("Gateway", format!("{{selector: {{istio: ingress}}, servers: [{server}]}}"))
}

/// Where the values are, and what validation and ingest both name.
fn refused() -> Vec<((&'static str, String), &'static str)> {
    let sidecar = |said: &str| ("Sidecar", format!("{{{said}}}"));
    vec![
        (route(r#"headers: {response: {set: {x-state: "%FINISHED%"}}}"#), "http[0].headers.response.set.x-state"),
        (route(r#"headers: {request: {add: {x-state: "half%"}}}"#), "http[0].headers.request.add.x-state"),
        (route(r#"headers: {request: {set: {"a b": c}}}"#), "http[0].headers.request.set.a b"),
        (route(r#"headers: {request: {set: {":path": /}}}"#), "http[0].headers.request.set.:path"),
        (route(r#"headers: {response: {remove: ["a\n"]}}"#), "http[0].headers.response.remove[0]"),
        (route(r#"rewrite: {uri: "/a\rb"}"#), "http[0].rewrite.uri"),
        (route(r#"rewrite: {authority: "a\0b"}"#), "http[0].rewrite.authority"),
        (route(r#"rewrite: {uriRegexRewrite: {match: a, rewrite: "b\n"}}"#), "http[0].rewrite.uriRegexRewrite.rewrite"),
        (redirect(r#"uri: "/a\nb""#), "http[0].redirect.uri"),
        (redirect(r#"authority: "a\0""#), "http[0].redirect.authority"),
        (redirect(r#"prefixRewrite: "/\r""#), "http[0].redirect.prefixRewrite"),
        (policy(r#"tls: {mode: SIMPLE, sni: "a\0b"}"#), "trafficPolicy.tls.sni"),
        (policy(&format!("tls: {{mode: SIMPLE, sni: {}}}", "a".repeat(256))), "trafficPolicy.tls.sni"),
        (hash(r#"httpHeaderName: "x\ny""#), "trafficPolicy.loadBalancer.consistentHash.httpHeaderName"),
        (hash(r#"httpCookie: {name: "c\n", ttl: 0s}"#), "trafficPolicy.loadBalancer.consistentHash.httpCookie.name"),
        (
            hash(r#"httpCookie: {name: c, ttl: 0s, path: "\n"}"#),
            "trafficPolicy.loadBalancer.consistentHash.httpCookie.path",
        ),
        (
            policy("loadBalancer: {warmup: {duration: 1s, aggression: 0}}"),
            "trafficPolicy.loadBalancer.warmup.aggression",
        ),
        (server("cipherSuites: [AES128-SHA, ROT13]"), "servers[0].tls.cipherSuites[1]"),
        (server("ecdhCurves: [round, P-256]"), "servers[0].tls.ecdhCurves[0]"),
        (server("verifyCertificateSpki: [abc]"), "servers[0].tls.verifyCertificateSpki[0]"),
        (server("verifyCertificateHash: [xyz]"), "servers[0].tls.verifyCertificateHash[0]"),
        (gateway("bind: 'a b', hosts: [a.test]"), "servers[0].bind"),
        (gateway("hosts: [a.test, '*-b.test']"), "servers[0].hosts[1]"),
        (
            sidecar("egress: [{port: {number: 80, protocol: HTTP, name: h}, bind: loopback, hosts: ['*/*']}]"),
            "egress[0].bind",
        ),
        (
            sidecar(r#"ingress: [{port: {number: 80, protocol: HTTP, name: h}, defaultEndpoint: "unix:///a\0"}]"#),
            "ingress[0].defaultEndpoint",
        ),
        (("WorkloadEntry", format!("{{address: 'unix:///{}'}}", "a".repeat(107))), "address"),
        (("VirtualService", sni("'*-a.test'")), "tls[0].match[0].sniHosts[0]"),
    ]
}

fn redirect(said: &str) -> (&'static str, String) {
    let rules = format!("[{{redirect: {{{said}}}}}, {{route: [{{destination: {{host: cart.shop}}}}]}}]");
    ("VirtualService", format!("{{hosts: [cart.shop], http: {rules}}}"))
}

fn hash(said: &str) -> (&'static str, String) {
    policy(&format!("loadBalancer: {{consistentHash: {{{said}}}}}"))
}

fn gateway(said: &str) -> (&'static str, String) {
    let server = format!("{{port: {{number: 80, name: http, protocol: HTTP}}, {said}}}");
    ("Gateway", format!("{{selector: {{istio: ingress}}, servers: [{server}]}}"))
}

fn sni(name: &str) -> String {
    let route = format!("{{match: [{{sniHosts: [{name}]}}], route: [{{destination: {{host: cart.shop}}}}]}}");
    format!("{{hosts: ['*.test', '*-a.test'], tls: [{route}]}}")
}

#[test]
fn validation_and_ingest_name_the_same_field() {
    for ((kind, spec), field) in refused() {
        let written = object(kind, "shop/one", &spec);
        let of = heddle_crds::kind::IstioKind::ALL.into_iter().find(|known| known.to_string() == kind).unwrap();
        let meta = ObjectMeta { name: "one".into(), namespace: "shop".into(), ..ObjectMeta::default() };
        let said = validate::spec(of, &meta, &written.value()["spec"]);
        let path = format!("spec.{field}");
        let plain = |field: &str| field.replace("[\"", ".").replace("\"]", "");
        assert!(said.iter().any(|violation| plain(&violation.path) == path), "{path}: {said:?}");
        let issues = snapshot([written]).issues.clone();
        let is_named = issues.iter().any(|issue| plain(&issue.field) == path && issue.message.contains("; "));
        assert!(is_named, "{path}: {:?}", found(&issues));
    }
}

#[test]
fn only_the_refused_part_is_left_out() {
    let (kind, spec) =
        route(r#"headers: {request: {set: {a: "%", b: "%PROTOCOL%", host: "c%"}}}, rewrite: {uri: "\n"}"#);
    let snapshot = snapshot([object(kind, "shop/one", &spec)]);
    let rule = &snapshot.virtual_services.values().next().unwrap().http[0];
    let names: Vec<&str> = rule.headers.request.set.keys().map(|name| &**name).collect();
    assert_eq!((names, &rule.rewrite), (vec!["b", "host"], &None));
    assert!(matches!(&rule.action, HttpAction::Forward(to) if to.len() == 1));
}

#[test]
fn a_rule_whose_redirect_is_refused_is_ignored() {
    let (kind, spec) = redirect(r#"uri: "/a\nb""#);
    let snapshot = snapshot([object(kind, "shop/one", &spec)]);
    let rules = &snapshot.virtual_services.values().next().unwrap().http;
    assert_eq!(rules.iter().map(|rule| &*rule.field).collect::<Vec<_>>(), ["spec.http[1]"]);
}

#[test]
fn a_server_without_its_pinned_certificate_is_left_out() {
    let (kind, spec) = server("verifyCertificateHash: [xyz]");
    assert!(snapshot([object(kind, "shop/one", &spec)]).gateways[0].servers.is_empty());
    let (kind, spec) = server("cipherSuites: [ROT13, AES128-SHA], ecdhCurves: [P-256, P-256]");
    let tls = snapshot([object(kind, "shop/one", &spec)]).gateways[0].servers[0].tls.clone().unwrap();
    assert_eq!((&tls.cipher_suites[..], &tls.ecdh_curves[..]), (&["AES128-SHA".into()][..], &["P-256".into()][..]));
}

#[test]
fn a_server_that_lacks_certificates_or_roots_is_left_out() {
    let said = |tls: &str| {
        let server = format!("{{port: {{number: 443, name: https, protocol: HTTPS}}, hosts: [a.test], tls: {tls}}}");
        let snapshot = snapshot([object("Gateway", "shop/one", &format!("{{servers: [{server}]}}"))]);
        (snapshot.gateways[0].servers.len(), found(&snapshot.issues))
    };
    let files = "serverCertificate: /c, privateKey: /k";
    assert_eq!(said(&format!("{{mode: SIMPLE, {files}}}")), (1, Vec::new()));
    assert_eq!(said(&format!("{{mode: MUTUAL, {files}, caCertificates: /r}}")), (1, Vec::new()));
    let field = "spec.servers[0].tls";
    let missing = |reason: &str| (0, vec![format!("{field}{reason}")]);
    assert_eq!(said("{mode: SIMPLE}"), missing(" MissingCertificate"));
    assert_eq!(said("{mode: SIMPLE, serverCertificate: /c}"), missing(" MissingCertificate"));
    assert_eq!(said(&format!("{{mode: MUTUAL, {files}}}")), missing(".caCertificates MissingRoots"));
}

#[test]
fn an_attribute_of_a_cookie_is_left_out_alone() {
    let (kind, spec) =
        hash(r#"httpCookie: {name: c, ttl: 0s, attributes: [{name: a, value: "\n"}, {name: b, value: d}, {name: b}]}"#);
    let snapshot = snapshot([object(kind, "shop/one", &spec)]);
    let rule = &snapshot.destination_rules["shop"][0];
    let balance = &rule.policy.load_balancer.as_ref().unwrap().choice;
    let Balance::Hash { key: HashKey::Cookie { attributes, .. }, .. } = balance else { panic!("{balance:?}") };
    assert_eq!(attributes[..], [("b".into(), "d".into())]);
    let field = "spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.attributes";
    let want = [format!("{field}[0] BadText"), format!("{field}[2] BadText")];
    assert_eq!(found(&snapshot.issues), want);
}

#[test]
fn tls_ports_of_a_partial_wildcard_are_reported() {
    let entry = |addresses: &str| {
        let ports = "[{number: 443, name: tls, protocol: TLS}, {number: 80, name: http, protocol: HTTP}]";
        let spec = format!("{{hosts: ['*-a.test'], ports: {ports}, resolution: NONE, addresses: {addresses}}}");
        found(&snapshot([object("ServiceEntry", "shop/one", &spec)]).issues)
    };
    assert_eq!(entry("[]"), ["spec.hosts BadHost"]);
    assert_eq!(entry("[10.0.0.1]"), [""; 0]);
}

fn mesh(config: &str) -> Builder {
    object("ConfigMap", "istio-system/istio", "null").with("data", json!({"mesh": config}))
}

#[test]
fn the_mesh_is_checked_too() {
    let config = "accessLogFile: /dev/stdout\naccessLogFormat: '%FILE_CONTENT(/etc/passwd)%'\n\
                  meshMTLS: {cipherSuites: [ROT13]}\n\
                  tlsDefaults: {cipherSuites: [ROT13, AES128-SHA], ecdhCurves: [P-256, round]}";
    let mut store = store();
    store.apply(mesh(config).apply());
    let snapshot = store.commit();
    let want = [
        "accessLogFormat BadText",
        "meshMTLS.cipherSuites BadText",
        "meshMTLS.cipherSuites[0] BadText",
        "tlsDefaults.cipherSuites[0] BadText",
        "tlsDefaults.ecdhCurves[1] BadText",
    ];
    assert_eq!(found(&snapshot.issues), want);
    let mesh = &snapshot.mesh;
    assert_eq!((&*mesh.access_log_format, mesh.mtls_ciphers.len()), ("", 0));
    assert_eq!((mesh.tls_ciphers.len(), mesh.tls_curves.len()), (1, 1));
}

#[test]
fn an_access_log_in_json_has_an_object_of_formats() {
    let issues = |format: &str| {
        let mut store = store();
        let config = json!({"accessLogEncoding": "JSON", "accessLogFormat": format});
        store.apply(mesh(&config.to_string()).apply());
        found(&store.commit().issues)
    };
    assert_eq!(issues(r#"{"a": "%PROTOCOL%"}"#), [""; 0]);
    for bad in ["%PROTOCOL%", r#"{"a": "%FINISHED%"}"#, r#"{"a": {"b": ["%"]}}"#] {
        assert_eq!(issues(bad), ["accessLogFormat BadText"], "{bad}");
    }
}

#[test]
fn warmup_may_be_slower_than_linear() {
    let (kind, spec) = policy("loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 1s, aggression: 0.25}}");
    let snapshot = snapshot([object(kind, "shop/one", &spec)]);
    let rule = &snapshot.destination_rules["shop"][0];
    let warmup = rule.policy.load_balancer.as_ref().unwrap().warmup.clone().unwrap();
    assert_eq!((warmup.aggression, snapshot.issues.len()), (Some(0.25), 0));
}

#[test]
fn a_body_and_weights_fit_into_envoys_limits() {
    let body = format!("{{status: 200, body: {{string: {}}}}}", "a".repeat((1 << 20) + 1));
    let route = "{destination: {host: cart.shop}, weight: 2147483647}";
    let spec = format!(
        "{{hosts: [cart.shop], http: [{{match: [{{uri: {{prefix: /a}}}}], directResponse: {body}}}, {{route: [{route}, \
         {route}, {route}]}}], tcp: [{{route: [{route}, {route}, {route}]}}]}}"
    );
    let snapshot = snapshot([object("VirtualService", "shop/one", &spec)]);
    let virtual_service = snapshot.virtual_services.values().next().unwrap();
    let [answers, forwards] = &virtual_service.http[..] else { panic!() };
    assert!(matches!(&answers.action, HttpAction::Respond(with) if with.body.is_none()));
    let HttpAction::Forward(to) = &forwards.action else { panic!() };
    assert_eq!(to.iter().map(|to| to.weight).collect::<Vec<_>>(), [715_827_882; 3]);
    let want =
        ["spec.http[0].directResponse.body BadBody", "spec.http[1].route BadWeight", "spec.tcp[0].route BadWeight"];
    assert_eq!(found(&snapshot.issues), want);
}
