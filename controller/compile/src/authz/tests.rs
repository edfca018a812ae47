//! What policies come out as.

use heddle_model::{
    authz::{Attribute, Condition, Rule, TextPattern, Values},
    object::{Kind, ObjectRef, Origin},
};

use super::{policy::Port, *};

fn texts(texts: &[&str]) -> Values {
    Values::Texts(texts.iter().map(|text| TextPattern::of(text)).collect())
}

fn condition(attribute: Attribute, values: &[&str]) -> Condition {
    Condition { attribute, values: texts(values), not_values: texts(&[]) }
}

fn policy(action: Action, rules: Vec<Rule>) -> AuthorizationPolicy {
    let object = Arc::new(ObjectRef::new(Kind::AuthorizationPolicy, "shop", "web"));
    AuthorizationPolicy { origin: Origin::new(object, 0), selector: None, action, dry_run: false, rules }
}

/// The names of the policies that Envoy gets, by action.
fn names(policy: &AuthorizationPolicy, port: Port) -> Vec<String> {
    let mesh = Mesh::default();
    let policies = [ByPtr::new(&Arc::new(policy.clone()))];
    let decisions = decisions(&mesh, &policies, port);
    let named = |decision: Decision| {
        let rules = decision.rules.unwrap_or_default();
        format!("{} {}", rules.action, rules.policies.into_keys().collect::<Vec<_>>().join(" "))
    };
    decisions.map(named).collect()
}

#[test]
fn what_allows_nothing_refuses_everything() {
    let none = policy(Action::Allow, vec![]);
    assert_eq!(names(&none, Port::Http), ["0 ns[shop]-policy[web]-rule[0]"]);
    let mesh = Mesh::default();
    let compiled = rules(&[&none], Action::Allow, Port::Http, &TrustDomains::of(&mesh));
    let only = &compiled.policies["ns[shop]-policy[web]-rule[0]"];
    assert_eq!(policy::nothing().permissions[0], only.permissions[0]);
    assert_eq!(names(&policy(Action::Deny, vec![]), Port::Http), ["1 "]);
}

#[test]
fn a_broken_rule_lets_nothing_more_pass() {
    let rule = || Rule { is_broken: true, to: vec![vec![condition(Attribute::Method, &["GET"])]], ..Rule::default() };
    assert_eq!(names(&policy(Action::Allow, vec![rule()]), Port::Http), ["0 "], "all is refused");
    let trust = Mesh::default();
    let denied = policy::compile(&rule(), Action::Deny, Port::Http, &TrustDomains::of(&trust)).unwrap();
    let all = policy::compile(&Rule::default(), Action::Deny, Port::Http, &TrustDomains::of(&trust)).unwrap();
    assert_eq!(denied, all);
}

#[test]
fn where_there_is_no_http_less_is_allowed_and_more_denied() {
    let http = || vec![vec![condition(Attribute::Path, &["/a"])]];
    let rule = || Rule { to: http(), ..Rule::default() };
    assert_eq!(names(&policy(Action::Allow, vec![rule()]), Port::Tcp), ["0 "]);
    assert_eq!(names(&policy(Action::Deny, vec![rule()]), Port::Tcp), ["1 ns[shop]-policy[web]-rule[0]"]);
    let mesh = Mesh::default();
    let denied = policy::compile(&rule(), Action::Deny, Port::Tcp, &TrustDomains::of(&mesh)).unwrap();
    assert_eq!(denied, policy::compile(&Rule::default(), Action::Deny, Port::Tcp, &TrustDomains::of(&mesh)).unwrap());
}

#[test]
fn literals_are_escaped() {
    let mesh = Mesh::default();
    for (attribute, value, regex) in [
        (Attribute::Namespace, "a.b[c", r".*/ns/a\.b\[c/.*"),
        (Attribute::Namespace, "a.*", r".*/ns/a\..*/.*"),
        (Attribute::TrustDomain, "td.example", r"spiffe://td\.example/.*"),
        (Attribute::TrustDomain, "*.example", r"spiffe://[^/]*\.example/.*"),
        (Attribute::Principal, "*/sa/a.b", r"spiffe://.*/sa/a\.b"),
    ] {
        let text = format!("{:?}", caller::principal(&attribute, &texts(&[value]), &TrustDomains::of(&mesh)));
        assert!(text.contains(&format!("regex: {regex:?}")), "{value}: {text}");
    }
    let accounts = Values::Accounts(vec![("n.s".into(), "s.a".into())]);
    let text = format!("{:?}", caller::principal(&Attribute::ServiceAccount, &accounts, &TrustDomains::of(&mesh)));
    assert!(text.contains(&format!("{:?}", r"spiffe://.+/ns/n\.s/(.+/|)sa/s\.a(/.+)?")), "{text}");
}

#[test]
fn an_identity_stands_for_its_aliases() {
    let mesh = Mesh {
        trust_domain: "new.example".into(),
        trust_domain_aliases: vec!["old.example".into(), "other".into()],
        ..Mesh::default()
    };
    let trust = TrustDomains::of(&mesh);
    let same = |text: &str| trust.same(&TextPattern::of(text)).iter().map(pattern::written).collect::<Vec<_>>();
    let all = ["new.example/ns/a/sa/b", "old.example/ns/a/sa/b", "other/ns/a/sa/b"];
    assert_eq!(same("old.example/ns/a/sa/b"), all);
    assert_eq!(same("cluster.local/ns/a/sa/b"), all);
    assert_eq!(same("*.example/ns/a/sa/b"), ["*.example/ns/a/sa/b", "other/ns/a/sa/b"]);
    for kept in ["*", "*/ns/a/sa/b", "foreign/ns/a/sa/b", "a/b"] {
        assert_eq!(same(kept), [kept]);
    }
}
