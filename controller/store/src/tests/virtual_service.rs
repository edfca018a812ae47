//! VirtualService.

use std::time::Duration;

use heddle_model::route::{
    Abort, GatewayRef, HttpAction, HttpRoute, Percent, RedirectPort, StringMatch, VirtualService,
};
use heddle_model::snapshot::Snapshot;

use super::build::{Builder, clean, found, host, object, snapshot};

fn vs(name: &str, spec: &str) -> Builder {
    object("VirtualService", name, spec)
}

/// The oldest table.
fn first(snapshot: &Snapshot) -> &VirtualService {
    snapshot.virtual_services.values().next().unwrap()
}

fn only(spec: &str) -> VirtualService {
    first(&clean([vs("shop/web", spec)])).clone()
}

fn rule(rule: &str) -> HttpRoute {
    (*only(&format!("{{hosts: [web], http: [{rule}]}}")).http[0]).clone()
}

const TO_A: &str = "route: [{destination: {host: a}}]";

#[test]
fn short_names_are_of_the_objects_namespace_and_mesh_is_the_default_gateway() {
    let virtual_service = only("{hosts: [web, www.example.com, '*.b'], http: [{route: [{destination: {host: a}}]}]}");
    assert_eq!(virtual_service.reach.hosts, [host("web.shop.svc.cluster.local"), host("www.example.com"), host("*.b")]);
    assert_eq!(virtual_service.reach.gateways, [GatewayRef::Mesh]);
    let HttpAction::Forward(to) = &virtual_service.http[0].action else { panic!() };
    assert_eq!(to[0].destination.host, host("a.shop.svc.cluster.local"));
    let virtual_service = only("{hosts: ['*'], gateways: [mesh, edge, other/edge, ./own], http: []}");
    let named = |namespace: &str, name: &str| GatewayRef::Gateway { namespace: namespace.into(), name: name.into() };
    let want = [GatewayRef::Mesh, named("shop", "edge"), named("other", "edge"), named("shop", "own")];
    assert_eq!(virtual_service.reach.gateways, want);
}

#[test]
fn matches_keep_presence_and_lower_header_names() {
    let rule = rule(&format!(
        "{{match: [{{uri: {{prefix: /a}}, ignoreUriCase: yes, headers: {{X-Jason: {{}}, b: {{regex: 'c.*'}}}}, \
         withoutHeaders: {{d: {{exact: e}}}}, queryParams: {{Q: {{exact: '1'}}}}, port: 80, sourceNamespace: n}}], \
         {TO_A}}}"
    ));
    let found = &rule.matches[0];
    assert_eq!(found.uri, Some(StringMatch::Prefix("/a".into())));
    assert!(found.ignore_case);
    assert_eq!(found.headers["x-jason"], None);
    assert_eq!(found.headers["b"], Some(StringMatch::Regex("c.*".into())));
    assert!(found.query.contains_key("Q"));
    assert_eq!((found.port, &*found.source_namespace), (Some(80), "n"));
}

#[test]
fn actions_have_their_defaults() {
    let redirect = rule("{redirect: {uri: /x, derivePort: FROM_REQUEST_PORT}}");
    let HttpAction::Redirect(redirect) = redirect.action else { panic!() };
    assert_eq!((redirect.code, redirect.port), (301, RedirectPort::Request));
    let faulty = rule(&format!(
        "{{fault: {{delay: {{fixedDelay: 5s, percentage: {{value: 0.1}}}}, abort: {{grpcStatus: UNAVAILABLE}}}}, \
         {TO_A}}}"
    ));
    let fault = faulty.fault.unwrap();
    assert_eq!(fault.delay, Some((Duration::from_secs(5), Percent(1_000))));
    assert_eq!(fault.abort, Some((Abort::Grpc(14), Percent(0))), "no percentage means no request, as documented");
    let mirrored = rule(&format!("{{mirror: {{host: b}}, timeout: 0s, retries: {{attempts: 3}}, {TO_A}}}"));
    assert_eq!(mirrored.mirrors[0].share, Percent(1_000_000));
    assert_eq!(mirrored.timeout, Some(Duration::ZERO));
    assert_eq!(mirrored.retries.unwrap().attempts, 3);
}

#[test]
fn deprecated_fields_work_and_warn() {
    let spec = format!(
        "{{hosts: [web], http: [{{mirror: {{host: b}}, mirror_percent: 10, corsPolicy: {{allowOrigin: ['x']}}, \
         fault: {{delay: {{fixedDelay: 1s, percent: 50}}}}, {TO_A}}}]}}"
    );
    let snapshot = snapshot([vs("shop/web", &spec)]);
    let rule = &first(&snapshot).http[0];
    assert_eq!(rule.mirrors[0].share, Percent(100_000));
    assert_eq!(rule.fault.as_ref().unwrap().delay.unwrap().1, Percent(500_000));
    assert_eq!(rule.cors.as_ref().unwrap().allow_origins, [StringMatch::Exact("x".into())]);
    assert_eq!(snapshot.issues.iter().filter(|i| i.reason == "Deprecated").count(), 3);
}

#[test]
fn what_is_wrong_takes_out_no_more_than_it_must() {
    let spec = format!(
        "{{hosts: [web, 'a b'], exportTo: ['.'], http: [\
         {{match: [{{port: 70000}}], {TO_A}}}, \
         {{match: [{{port: 70000}}, {{uri: {{exact: /}}}}], {TO_A}}}, \
         {{route: []}}, \
         {{timeout: -1s, {TO_A}}}], tls: [{{match: [{{sniHosts: []}}], {TO_A}}}]}}"
    );
    let snapshot = snapshot([vs("shop/web", &spec)]);
    let virtual_service = first(&snapshot);
    assert_eq!(virtual_service.reach.hosts.len(), 1);
    assert_eq!(virtual_service.http.iter().map(|r| &*r.field).collect::<Vec<_>>(), ["spec.http[1]", "spec.http[3]"]);
    assert_eq!(virtual_service.http[0].matches.len(), 1);
    assert!(virtual_service.reach.tls.is_empty() && !virtual_service.reach.export_to.sees("other"));
    let want = [
        "spec.hosts[1] BadHost",
        "spec.http[0].match[0].port BadPort",
        "spec.http[1].match[0].port BadPort",
        "spec.http[2] MissingAction",
        "spec.http[3].timeout BadDuration",
        "spec.tls[0].match[0].sniHosts MissingSni",
    ];
    assert_eq!(found(&snapshot.issues), want);
}

#[test]
fn patterns_are_those_of_re2() {
    let spec = "{hosts: [web], http: [{match: [{uri: {regex: 'a{1001}'}}], route: [{destination: {host: a}}]}, \
                {rewrite: {uriRegexRewrite: {match: '(?=a)', rewrite: b}}, route: [{destination: {host: a}}]}, \
                {match: [{headers: {h: {regex: '*'}}}], route: [{destination: {host: a}}]}]}";
    let snapshot = snapshot([vs("shop/web", spec)]);
    let http = &first(&snapshot).http;
    assert_eq!(http.iter().map(|r| &*r.field).collect::<Vec<_>>(), ["spec.http[1]", "spec.http[2]"]);
    assert_eq!(http[0].rewrite, None);
    let want = ["spec.http[0].match[0].uri.regex BadRegex", "spec.http[1].rewrite.uriRegexRewrite.match BadRegex"];
    assert_eq!(found(&snapshot.issues), want);
}

#[test]
fn claims_of_tokens_cannot_be_matched_yet() {
    let to = "route: [{destination: {host: a}}]";
    let spec = format!(
        "{{hosts: [web], http: [{{match: [{{headers: {{'@request.auth.claims.role': {{exact: x}}}}}}], {to}}}, \
         {{match: [{{withoutHeaders: {{'@Request.Auth.Claims[role]': {{exact: x}}}}}}, {{uri: {{prefix: /}}}}], \
         {to}}}]}}"
    );
    let snapshot = snapshot([vs("shop/web", &spec)]);
    let http = &first(&snapshot).http;
    assert_eq!(http.iter().map(|rule| (&*rule.field, rule.matches.len())).collect::<Vec<_>>(), [("spec.http[1]", 1)]);
    let want = [
        "spec.http[0].match[0].headers[\"@request.auth.claims.role\"] NotSupported",
        "spec.http[1].match[0].withoutHeaders[\"@Request.Auth.Claims[role]\"] NotSupported",
    ];
    assert_eq!(found(&snapshot.issues), want);
}

#[test]
fn tcp_and_tls_routes() {
    let virtual_service = only(
        "{hosts: [db], tcp: [{match: [{destinationSubnets: [10.0.0.0/8, '::1'], port: 5432}], route: [{destination: \
         {host: db, port: {number: 1}}, weight: 7}]}], tls: [{match: [{sniHosts: ['*.x']}], route: [{destination: \
         {host: a}}]}]}",
    );
    assert_eq!(virtual_service.reach.tcp[0].matches[0].destination_subnets.len(), 2);
    assert_eq!(
        (
            virtual_service.reach.tcp[0].destinations[0].weight,
            virtual_service.reach.tcp[0].destinations[0].destination.port
        ),
        (7, Some(1))
    );
    assert_eq!(virtual_service.reach.tls[0].matches[0].sni_hosts, [host("*.x")]);
}

#[test]
fn delegates_are_merged_within_the_roots_matches() {
    let root = vs(
        "shop/root",
        "{hosts: [web], http: [{name: r, match: [{uri: {prefix: /a}, headers: {h: {exact: v}}}], timeout: 3s, \
         delegate: {name: part, namespace: team}}, {route: [{destination: {host: rest}}]}]}",
    );
    let part = vs(
        "team/part",
        "{http: [{name: p, match: [{uri: {exact: /a/b}}], route: [{destination: {host: in}}]}, \
         {match: [{uri: {prefix: /other}}], route: [{destination: {host: out}}]}, {timeout: 1s, route: [{destination: \
         {host: all}}]}]}",
    );
    let snapshot = snapshot([root, part]);
    assert_eq!(snapshot.virtual_services.len(), 1);
    let http = &first(&snapshot).http;
    assert_eq!(http.len(), 3);
    assert_eq!((&*http[0].name, http[0].timeout), ("r-p", Some(Duration::from_secs(3))));
    assert_eq!(http[0].matches[0].uri, Some(StringMatch::Exact("/a/b".into())));
    assert!(http[0].matches[0].headers.contains_key("h"));
    assert_eq!(http[1].timeout, Some(Duration::from_secs(1)));
    assert_eq!(http[1].matches[0].uri, Some(StringMatch::Prefix("/a".into())));
    let HttpAction::Forward(to) = &http[0].action else { panic!() };
    assert_eq!(to[0].destination.host, host("in.team.svc.cluster.local"));
    assert_eq!(found(&snapshot.issues), ["spec.http[1] DelegateConflict"]);
    assert_eq!(*snapshot.issues[0].object.name, *"part");
}

#[test]
fn a_delegates_rule_holds_for_the_callers_that_it_names() {
    let root = vs(
        "shop/root",
        "{hosts: [web], gateways: [mesh, front], http: [{match: [{uri: {prefix: /}, sourceLabels: {tier: a}, gateways: \
         [mesh]}], delegate: {name: part}}, {match: [{sourceNamespace: one}], delegate: {name: other}}]}",
    );
    let to = "route: [{destination: {host: a}}]";
    let part = vs(
        "shop/part",
        &format!(
            "{{http: [{{match: [{{sourceNamespace: ns, sourceLabels: {{app: x}}}}], {to}}}, \
             {{match: [{{sourceLabels: {{tier: b}}}}], {to}}}, {{match: [{{gateways: [front]}}], {to}}}, {{{to}}}]}}"
        ),
    );
    let other = vs(
        "shop/other",
        &format!(
            "{{http: [{{match: [{{sourceNamespace: two}}], {to}}}, {{match: [{{method: {{exact: GET}}}}], {to}}}]}}"
        ),
    );
    let snapshot = snapshot([root, part, other]);
    let http = &first(&snapshot).http;
    let callers = |at: usize| {
        let condition = &http[at].matches[0];
        let labels: Vec<_> = condition.source_labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        (&*condition.source_namespace, labels.join(","), condition.gateways.len())
    };
    assert_eq!(http.len(), 3);
    assert_eq!(callers(0), ("ns", "app=x,tier=a".to_owned(), 1));
    assert_eq!(callers(1), ("", "tier=a".to_owned(), 1));
    assert_eq!(callers(2), ("one", String::new(), 0));
    let mut conflicts = found(&snapshot.issues);
    conflicts.sort();
    let conflict = |at: usize| format!("spec.http[{at}] DelegateConflict");
    assert_eq!(conflicts, [conflict(0), conflict(1), conflict(2)]);
}

#[test]
fn delegates_that_cannot_be_used_are_reported_at_the_root() {
    let root = |name: &str| format!("{{hosts: [web], http: [{{delegate: {{name: {name}, namespace: team}}}}]}}");
    let hidden = vs("team/hidden", "{exportTo: ['.'], http: [{route: [{destination: {host: a}}]}]}");
    let nested = vs("team/nested", "{http: [{delegate: {name: hidden}}]}");
    let snapshot = snapshot([vs("shop/a", &root("hidden")), vs("shop/b", &root("none")), hidden, nested]);
    let want =
        ["spec.http[0].delegate NotExported", "spec.http[0].delegate UnknownDelegate", "spec.http NestedDelegate"];
    assert_eq!(found(&snapshot.issues), want);
    assert!(snapshot.virtual_services.values().all(|t| t.http.is_empty()));
}

/// Rules with so many matches each.
fn rules(count: usize, matches: usize, rest: &str) -> String {
    let conditions: Vec<_> = (0..matches).map(|number| format!("{{headers: {{h{number}: {{exact: v}}}}}}")).collect();
    vec![format!("{{match: [{}], {rest}}}", conditions.join(", ")); count].join(", ")
}

#[test]
fn matches_of_delegates_multiply_up_to_a_limit() {
    let delegate = rules(5, 10, "delegate: {name: part}");
    let root = vs("shop/root", &format!("{{hosts: [web], http: [{delegate}, {{{TO_A}}}]}}"));
    let part = vs("shop/part", &format!("{{http: [{}]}}", rules(30, 10, TO_A)));
    let snapshot = snapshot([root, part]);
    let http = &first(&snapshot).http;
    // 30 rules of 100 matches each three times, and 10 of them.
    assert_eq!(http.len(), 100 + 1, "the own rule of the root stays");
    assert_eq!(http.iter().map(|rule| rule.matches.len()).sum::<usize>(), 10_000);
    assert_eq!(found(&snapshot.issues), [3, 4].map(|at| format!("spec.http[{at}].delegate TooManyRoutes")));
}

#[test]
fn hosts_have_as_many_routes_as_fit() {
    let hosts: Vec<_> = (0..300).map(|number| format!("h{number}.test")).collect();
    let spec = |rules: &str| format!("{{hosts: [{}], http: [{rules}]}}", hosts.join(", "));
    let few = snapshot([vs("shop/web", &spec(&rules(30, 10, TO_A)))]);
    assert_eq!((first(&few).reach.hosts.len(), few.issues.len()), (300, 0));
    let many = snapshot([vs("shop/web", &spec(&rules(50, 10, TO_A)))]);
    let reach = &first(&many).reach;
    assert_eq!((reach.hosts.len(), reach.hosts[0].clone(), reach.has_http), (200, host("h0.test"), true));
    assert_eq!(found(&many.issues), ["spec.hosts TooManyRoutes"]);
}

#[test]
fn null_and_empty_specs_do_no_harm() {
    for spec in ["null", "{}", "{http: null}", "{http: [null, {}]}", "{http: [{match: [null], route: [null]}]}"] {
        snapshot([vs("shop/web", spec)]);
    }
}
