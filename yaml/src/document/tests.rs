//! What a file says, and what it may cost.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{Budget, Schema, parse, positions, read};

/// What `kubectl apply` would send: checked by hand with `kubectl label --local -o json` of 1.34.
#[test]
fn scalars_are_read_as_kubectl_reads_them() {
    let cases = [
        ("yes", json!(true)),
        ("y", json!(true)),
        ("Off", json!(false)),
        ("'yes'", json!("yes")),
        ("TRUE", json!(true)),
        ("~", json!(null)),
        ("0777", json!(511)),
        ("0o17", json!(15)),
        ("0x1F", json!(31)),
        ("1_000", json!(1000)),
        ("1e3", json!(1000.0)),
        ("-.5", json!(-0.5)),
        ("+12", json!(12)),
        ("190:20:30", json!("190:20:30")),
        ("2001-01-01", json!("2001-01-01")),
        ("{a: 1, }", json!({"a": 1})),
        ("{b}", json!({"b": null})),
        ("{1: a, yes: c}", json!({"1": "a", "yes": "c"})),
    ];
    for (text, want) in cases {
        assert_eq!(read(text.as_bytes(), Schema::Yaml11)[0].content, Ok(want), "{text}");
    }
}

#[test]
fn each_field_has_the_line_of_its_name() {
    let text = "# head\nkind: A\n---\nspec:\n  hosts:\n  - a\n  - {b: 1, on: [2,\n    3]}\n  labels:\n    a: x\n    \
        a.b/c:\n      7\n---\na: [\n";
    let found = positions(text.as_bytes(), Schema::Yaml11);
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false]);
    let of = |path: &str| found[1].as_ref().unwrap().line_of(path);
    let (whole, hosts) = ([of("spec"), of("spec.hosts")], [of("spec.hosts[0]"), of("spec.hosts[1].b")]);
    assert_eq!((whole, hosts), ([4, 5], [6, 7]));
    assert_eq!([of("spec.hosts[1].on[1]"), of("spec.labels.a.b/c")], [8, 11]);
    let nearest = [of("spec.hosts[1].no.such"), of("spec.hosts[9]"), of("spec.host"), of("spec.hosts[x"), of("")];
    assert_eq!(nearest, [7, 5, 4, 5, 4]);
    assert_eq!(positions(b"\xff", Schema::Core), [None]);
}

/// A list of many nodes, and a list of many aliases of it.
fn aliases(nodes: usize, aliases: usize) -> String {
    format!("a: &a [{}]\nb: [{}]\n", vec!["x"; nodes].join(","), vec!["*a"; aliases].join(","))
}

#[test]
fn each_budget_refuses_what_exceeds_it() {
    let mut nested = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let of = vec![format!("*a{}", level - 1); 10].join(",");
        writeln!(nested, "a{level}: &a{level} [{of}]").unwrap();
    }
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(200 << 10), ["*a"; 50].join(","));
    let merge = format!("a: &a {{x: 1}}\nb: [{}]\n", "{<<: *a},".repeat(5000));
    let flow = format!("[{}]", "[],".repeat(50_000));
    for (name, text) in [
        ("aliases", aliases(4_000, 4_000)),
        ("nested aliases", nested),
        ("a long text, repeated", text),
        ("merge keys", merge),
        ("nodes", flow),
        ("depth of flow collections", "[".repeat(200_000)),
        ("depth of block collections", (0..500).map(|level| " ".repeat(level) + "a:\n").collect()),
        ("length", "x".repeat((256 << 10) + 1)),
    ] {
        for schema in [Schema::Core, Schema::Yaml11] {
            let refused = parse::<Value>(&text, schema, &Budget::ANNOTATION).unwrap_err();
            assert!(refused.reason.len() <= 300 && !refused.reason.contains('\n'), "{name}: {refused}");
        }
    }
    assert!(parse::<Value>(&aliases(10, 10), Schema::Core, &Budget::ANNOTATION).is_ok());
}
