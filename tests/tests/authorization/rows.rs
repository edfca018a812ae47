//! The rows, by sets of policies.

use super::{Row, Set};

pub(super) const SETS: &[Set] = &[
    Set { policies: &[], rows: &[row("GET", "/", &[], 200), row("POST", "/x", &[], 200), row("TCP", "/", &[], 200)] },
    Set {
        policies: &[("none", "ALLOW", "selector: {matchLabels: {app: web}}")],
        rows: &[by("GET", "/", &[], "none"), row("POST", "/a", &[], 403), row("TCP", "/", &[], 0)],
    },
    Set {
        policies: &[("other", "ALLOW", "selector: {matchLabels: {app: other}}")],
        rows: &[row("GET", "/", &[], 200), row("TCP", "/", &[], 200)],
    },
    Set {
        policies: &[("all", "ALLOW", "rules: [{}]")],
        rows: &[row("GET", "/", &[], 200), row("DELETE", "/x", &[], 200), row("TCP", "/", &[], 200)],
    },
    Set {
        policies: &[("closed", "DENY", "rules: [{}]")],
        rows: &[
            by("GET", "/", &[], "ns[shop]-policy[closed]-rule[0]"),
            row("POST", "/x", &[], 403),
            row("TCP", "/", &[], 0),
        ],
    },
    Set {
        policies: &[("methods", "ALLOW", "rules: [{to: [{operation: {methods: [GET, \"P*\"]}}]}]")],
        rows: &[
            row("GET", "/", &[], 200),
            row("POST", "/", &[], 200),
            row("PUT", "/", &[], 200),
            row("PATCH", "/", &[], 200),
            by("DELETE", "/", &[], "none"),
            row("OPTIONS", "/", &[], 403),
            row("TCP", "/", &[], 0),
        ],
    },
    Set {
        policies: &[("not-methods", "DENY", "rules: [{to: [{operation: {notMethods: [GET]}}]}]")],
        rows: &[
            row("GET", "/", &[], 200),
            by("POST", "/", &[], "ns[shop]-policy[not-methods]-rule[0]"),
            row("TCP", "/", &[], 0),
        ],
    },
    Set {
        policies: &[(
            "paths",
            "ALLOW",
            "rules: [{to: [{operation: {paths: [\"/exact\", \"/pre*\", \"*/end\", \"/t/{*}/x\", \"/d/{**}\"]}}]}]",
        )],
        rows: &[
            row("GET", "/exact", &[], 200),
            row("GET", "/exact?q=1", &[], 200),
            row("GET", "/exact/", &[], 403),
            row("GET", "/Exact", &[], 403),
            row("GET", "/pre", &[], 200),
            row("GET", "/prefix/a", &[], 200),
            row("GET", "/pr", &[], 403),
            row("GET", "/a/end", &[], 200),
            row("GET", "/a/b/end?x=/no", &[], 200),
            row("GET", "/a/ends", &[], 403),
            row("GET", "/t/1/x", &[], 200),
            row("GET", "/t/1/2/x", &[], 403),
            row("GET", "/t//x", &[], 403),
            row("GET", "/d/1/2/3", &[], 200),
            row("GET", "/d", &[], 403),
            row("GET", "/x/../exact", &[], 200),
            row("GET", "/./exact", &[], 200),
            row("GET", "//exact", &[], 403),
            row("GET", "/%65xact", &[], 200),
            row("GET", "/exact%2F", &[], 403),
            row("GET", "/", &[], 403),
        ],
    },
    Set {
        policies: &[("shut", "DENY", "rules: [{to: [{operation: {paths: [\"/admin*\"]}}]}]")],
        rows: &[
            by("GET", "/admin", &[], "ns[shop]-policy[shut]-rule[0]"),
            row("GET", "/admin/x", &[], 403),
            row("GET", "/x/../admin", &[], 403),
            row("GET", "/adm%69n", &[], 403),
            row("GET", "/./admin", &[], 403),
            row("GET", "/Admin", &[], 200),
            row("GET", "/user", &[], 200),
            row("GET", "/user?/admin", &[], 200),
            row("TCP", "/", &[], 0),
        ],
    },
    Set {
        policies: &[("not-paths", "ALLOW", "rules: [{to: [{operation: {paths: [\"/a*\"], notPaths: [\"/ab*\"]}}]}]")],
        rows: &[
            row("GET", "/a", &[], 200),
            row("GET", "/ac", &[], 200),
            row("GET", "/ab", &[], 403),
            row("GET", "/abc", &[], 403),
            row("GET", "/b", &[], 403),
        ],
    },
    Set {
        policies: &[("hosts", "ALLOW", "rules: [{to: [{operation: {hosts: [a.test, \"*.b.test\", \"c.*\"]}}]}]")],
        rows: &[
            row("GET", "/", &[("host", "a.test")], 200),
            row("GET", "/", &[("host", "A.TEST")], 200),
            row("GET", "/", &[("host", "x.b.test")], 200),
            row("GET", "/", &[("host", "x.B.Test")], 200),
            row("GET", "/", &[("host", "b.test")], 403),
            row("GET", "/", &[("host", "c.anything")], 200),
            row("GET", "/", &[("host", "d.test")], 403),
            row("GET", "/", &[("host", "xa.test")], 403),
        ],
    },
    Set {
        policies: &[("not-hosts", "DENY", "rules: [{to: [{operation: {notHosts: [a.test]}}]}]")],
        rows: &[
            row("GET", "/", &[("host", "a.test")], 200),
            row("GET", "/", &[("host", "A.test")], 200),
            row("GET", "/", &[("host", "b.test")], 403),
        ],
    },
    Set {
        policies: &[(
            "headers",
            "ALLOW",
            "rules: [{when: [{key: \"request.headers[x-a]\", values: [one, \"two*\", \"*three\"]}]}]",
        )],
        rows: &[
            row("GET", "/", &[("x-a", "one")], 200),
            row("GET", "/", &[("x-a", "One")], 403),
            row("GET", "/", &[("x-a", "two2")], 200),
            row("GET", "/", &[("x-a", "a-three")], 200),
            row("GET", "/", &[("x-a", "four")], 403),
            row("GET", "/", &[], 403),
            row("GET", "/", &[("x-b", "one")], 403),
            row("TCP", "/", &[], 0),
        ],
    },
    Set {
        policies: &[("present", "ALLOW", "rules: [{when: [{key: \"request.headers[x-a]\", values: [\"*\"]}]}]")],
        rows: &[row("GET", "/", &[("x-a", "one")], 200), row("GET", "/", &[], 403)],
    },
    Set {
        policies: &[("absent", "DENY", "rules: [{when: [{key: \"request.headers[x-a]\", notValues: [\"*\"]}]}]")],
        rows: &[row("GET", "/", &[("x-a", "one")], 200), by("GET", "/", &[], "ns[shop]-policy[absent]-rule[0]")],
    },
    Set {
        policies: &[(
            "two",
            "DENY",
            "rules: [{when: [{key: \"request.headers[x-a]\", values: [one]}, \
             {key: \"request.headers[x-b]\", notValues: [two]}]}]",
        )],
        rows: &[
            row("GET", "/", &[], 200),
            row("GET", "/", &[("x-a", "one")], 403),
            row("GET", "/", &[("x-a", "one"), ("x-b", "two")], 200),
            row("GET", "/", &[("x-a", "one"), ("x-b", "three")], 403),
            row("GET", "/", &[("x-b", "three")], 200),
        ],
    },
    Set {
        policies: &[("peers", "ALLOW", "rules: [{from: [{source: {ipBlocks: [127.0.0.0/8]}}]}]")],
        rows: &[row("GET", "/", &[], 200), row("TCP", "/", &[], 200)],
    },
    Set {
        policies: &[("peers", "ALLOW", "rules: [{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}]")],
        rows: &[row("GET", "/", &[], 403), row("TCP", "/", &[], 0)],
    },
    Set {
        policies: &[("not-peers", "DENY", "rules: [{from: [{source: {notIpBlocks: [10.0.0.0/8, \"::1\"]}}]}]")],
        rows: &[by("GET", "/", &[], "ns[shop]-policy[not-peers]-rule[0]"), row("TCP", "/", &[], 0)],
    },
    Set {
        policies: &[("ip", "DENY", "rules: [{when: [{key: source.ip, values: [127.0.0.1]}]}]")],
        rows: &[row("GET", "/", &[], 403), row("TCP", "/", &[], 0)],
    },
    Set {
        policies: &[("destination", "ALLOW", "rules: [{when: [{key: destination.ip, values: [127.0.0.1]}]}]")],
        rows: &[row("GET", "/", &[], 200), row("TCP", "/", &[], 200)],
    },
    Set {
        policies: &[("destination", "ALLOW", "rules: [{when: [{key: destination.ip, notValues: [127.0.0.1]}]}]")],
        rows: &[row("GET", "/", &[], 403), row("TCP", "/", &[], 0)],
    },
    Set {
        policies: &[("ports", "DENY", "rules: [{to: [{operation: {ports: [\"1\"]}}]}]")],
        rows: &[row("GET", "/", &[], 200), row("TCP", "/", &[], 200)],
    },
    Set {
        policies: &[("not-ports", "DENY", "rules: [{to: [{operation: {notPorts: [\"1\"]}}]}]")],
        rows: &[row("GET", "/", &[], 403), row("TCP", "/", &[], 0)],
    },
    Set {
        policies: &[("identity", "ALLOW", "rules: [{from: [{source: {principals: [\"*\"]}}]}]")],
        rows: &[by("GET", "/", &[], "none"), row("TCP", "/", &[], 0)],
    },
    Set {
        policies: &[("strangers", "DENY", "rules: [{from: [{source: {notPrincipals: [\"*\"]}}]}]")],
        rows: &[by("GET", "/", &[], "ns[shop]-policy[strangers]-rule[0]"), row("TCP", "/", &[], 0)],
    },
    Set {
        policies: &[("namespaces", "DENY", "rules: [{from: [{source: {notNamespaces: [shop]}}]}]")],
        rows: &[row("GET", "/", &[], 403), row("TCP", "/", &[], 0)],
    },
    Set {
        policies: &[("namespaces", "DENY", "rules: [{from: [{source: {namespaces: [shop]}}]}]")],
        rows: &[row("GET", "/", &[], 200), row("TCP", "/", &[], 200)],
    },
    Set {
        policies: &[("accounts", "ALLOW", "rules: [{from: [{source: {serviceAccounts: [web]}}]}]")],
        rows: &[row("GET", "/", &[], 403), row("TCP", "/", &[], 0)],
    },
    Set {
        policies: &[("tokens", "DENY", "rules: [{from: [{source: {notRequestPrincipals: [\"*\"]}}]}]")],
        rows: &[
            by("GET", "/", &[], "ns[shop]-policy[tokens]-rule[0]"),
            row("GET", "/", &[("authorization", "Bearer a.b.c")], 403),
            row("TCP", "/", &[], 0),
        ],
    },
    Set {
        policies: &[("tokens", "ALLOW", "rules: [{from: [{source: {requestPrincipals: [\"*\"]}}]}]")],
        rows: &[
            row("GET", "/", &[], 403),
            row("GET", "/", &[("authorization", "Bearer a.b.c")], 403),
            row("TCP", "/", &[], 0),
        ],
    },
    Set {
        policies: &[("claims", "ALLOW", "rules: [{when: [{key: \"request.auth.claims[group]\", values: [admin]}]}]")],
        rows: &[row("GET", "/", &[], 403), row("TCP", "/", &[], 0)],
    },
    Set {
        policies: &[
            ("allow", "ALLOW", "rules: [{to: [{operation: {paths: [\"/a*\"]}}]}]"),
            ("deny", "DENY", "rules: [{to: [{operation: {paths: [\"/ab*\"]}}]}]"),
        ],
        rows: &[
            row("GET", "/a", &[], 200),
            by("GET", "/ab", &[], "ns[shop]-policy[deny]-rule[0]"),
            by("GET", "/b", &[], "none"),
            row("TCP", "/", &[], 0),
        ],
    },
    Set {
        policies: &[
            ("one", "ALLOW", "rules: [{to: [{operation: {paths: [/one]}}]}]"),
            ("two", "ALLOW", "rules: [{to: [{operation: {paths: [/two]}}]}, {to: [{operation: {methods: [PUT]}}]}]"),
        ],
        rows: &[
            row("GET", "/one", &[], 200),
            row("GET", "/two", &[], 200),
            row("PUT", "/three", &[], 200),
            row("GET", "/three", &[], 403),
        ],
    },
    Set {
        policies: &[(
            "rules",
            "DENY",
            "rules: [{to: [{operation: {paths: [/a]}}]}, {to: [{operation: {methods: [PUT]}}]}]",
        )],
        rows: &[
            by("GET", "/a", &[], "ns[shop]-policy[rules]-rule[0]"),
            by("PUT", "/b", &[], "ns[shop]-policy[rules]-rule[1]"),
            row("GET", "/b", &[], 200),
        ],
    },
    Set {
        policies: &[(
            "both",
            "ALLOW",
            "rules: [{to: [{operation: {paths: [/a], methods: [GET]}}, {operation: {paths: [/b], methods: [PUT]}}]}]",
        )],
        rows: &[
            row("GET", "/a", &[], 200),
            row("PUT", "/b", &[], 200),
            row("PUT", "/a", &[], 403),
            row("GET", "/b", &[], 403),
        ],
    },
    Set {
        policies: &[("audit", "AUDIT", "rules: [{}]")],
        rows: &[row("GET", "/", &[], 200), row("TCP", "/", &[], 200)],
    },
    Set {
        policies: &[(
            "custom",
            "CUSTOM",
            "provider: {name: none}\n  rules: [{to: [{operation: {paths: [\"/asked*\"]}}]}]",
        )],
        rows: &[row("GET", "/asked/1", &[], 403), row("GET", "/other", &[], 200)],
    },
    Set {
        policies: &[("broken", "ALLOW", "rules: [{from: [{source: {ipBlocks: [nonsense]}}]}]")],
        rows: &[row("GET", "/", &[], 403), row("TCP", "/", &[], 0)],
    },
    Set {
        policies: &[("broken", "DENY", "rules: [{from: [{source: {ipBlocks: [nonsense]}}]}]")],
        rows: &[row("GET", "/", &[], 403), row("TCP", "/", &[], 0)],
    },
    Set {
        policies: &[("sni", "ALLOW", "rules: [{when: [{key: connection.sni, values: [\"*\"]}]}]")],
        rows: &[row("GET", "/", &[], 403), row("TCP", "/", &[], 0)],
    },
    Set {
        policies: &[(
            "filters",
            "ALLOW",
            "rules: [{when: [{key: \"experimental.envoy.filters.http.none[a]\", values: [b]}]}]",
        )],
        rows: &[row("GET", "/", &[], 403)],
    },
];

type Headers = &'static [(&'static str, &'static str)];

const fn row(method: &'static str, path: &'static str, headers: Headers, status: u16) -> Row {
    Row { method, path, headers, status, by: "" }
}

/// A call that is refused, by which policy.
const fn by(method: &'static str, path: &'static str, headers: Headers, by: &'static str) -> Row {
    Row { method, path, headers, status: 403, by }
}
