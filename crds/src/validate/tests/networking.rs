//! The kinds of `networking.istio.io`.

use serde_json::{Value, json};

use super::{accepted, doubted, refused};
use crate::kind::IstioKind;

/// A VirtualService with one HTTP route, to which `route` is added.
fn http(route: Value) -> Value {
    let mut merged = json!({"route": [{"destination": {"host": "cart"}}]});
    merge(&mut merged, route);
    json!({"hosts": ["cart"], "http": [merged]})
}

fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}

#[test]
fn virtual_service_hosts_and_gateways() {
    use IstioKind::VirtualService as K;
    let with = |hosts: Value, gateways: Value| {
        let route = json!({"route": [{"destination": {"host": "db"}}]});
        json!({"hosts": hosts, "gateways": gateways, "tcp": [route]})
    };
    accepted(K, with(json!(["*"]), json!(["shop/edge"])));
    accepted(K, with(json!(["10.0.0.1", "*.shop.example", "cart"]), json!(["mesh"])));
    doubted(K, with(json!(["a"]), json!(["edge.shop"])), "spec.gateways[0]");
    refused(K, with(json!(["*"]), json!([])), "spec.hosts[0]");
    refused(K, with(json!(["a_b"]), json!([])), "spec.hosts[0]");
    refused(K, with(json!(["a.1"]), json!([])), "spec.hosts[0]");
    refused(K, with(json!(["a.b", "a.b"]), json!([])), "spec.hosts[1]");
    refused(K, with(json!(["a"]), json!(["shop/"])), "spec.gateways[0]");
    refused(K, json!({"hosts": ["a"]}), "spec");
}

#[test]
fn virtual_service_routes() {
    use IstioKind::VirtualService as K;
    accepted(K, http(json!({"timeout": "1.5s", "retries": {"attempts": 2, "retryOn": "5xx, 503,reset"}})));
    accepted(K, http(json!({"headers": {"request": {"set": {"Host": "x", "a": "%REQ(b)%"}}}})));
    accepted(K, http(json!({"match": [{"headers": {":path": {"exact": "/"}, "x-y": {}}}]})));
    accepted(K, json!({"hosts": ["a"], "http": [{"redirect": {"redirectCode": 308, "scheme": "https"}}]}));
    let pattern = json!([{"uri": {"regex": "/v[1-3]/.+"}, "headers": {"x-team": {"regex": "a|b"}}}]);
    accepted(K, json!({"hosts": ["a"], "http": [{"match": pattern, "delegate": {"name": "part"}}]}));
    accepted(K, json!({"http": [{"match": pattern, "route": [{"destination": {"host": "a"}}]}]}));
    accepted(K, http(json!({"match": [{"withoutHeaders": {"x-team": {"regex": "*"}}}]})));
    accepted(K, json!({"http": [{"route": [{"destination": {"host": "a"}}]}]}));
    let at = |rest: &str| format!("spec.http[0]{rest}");
    refused(K, http(json!({"timeout": "0s"})), &at(".timeout"));
    refused(K, http(json!({"timeout": "1.0001s"})), &at(".timeout"));
    refused(K, http(json!({"retries": {"attempts": 0, "retryOn": "5xx"}})), &at(".retries.attempts"));
    refused(K, http(json!({"retries": {"attempts": 1, "retryOn": "6xx"}})), &at(".retries.retryOn"));
    refused(K, http(json!({"fault": {}})), &at(".fault"));
    refused(K, http(json!({"fault": {"abort": {"httpStatus": 99}}})), &at(".fault.abort.httpStatus"));
    refused(
        K,
        http(json!({"fault": {"delay": {"fixedDelay": "1s", "percentage": {"value": 101}}}})),
        &at(".fault.delay.percentage.value"),
    );
    refused(K, http(json!({"rewrite": {}})), &at(".rewrite"));
    refused(K, http(json!({"redirect": {"uri": "/"}})), &at(".route"));
    refused(K, http(json!({"headers": {"response": {"remove": ["host"]}}})), &at(".headers.response.remove[0]"));
    refused(K, http(json!({"headers": {"request": {"add": {"a": "50%"}}}})), &at(".headers.request.add.a"));
    refused(K, http(json!({"match": [{"uri": {"regex": "(?=a)"}}]})), &at(".match[0].uri.regex"));
    refused(K, http(json!({"match": [{"headers": {"x": {"regex": "*"}}}]})), &at(".match[0].headers.x.regex"));
    refused(K, http(json!({"match": [{"headers": {"": {"exact": "x"}}}]})), &at(".match[0].headers[\"\"]"));
    refused(
        K,
        http(json!({"match": [{"headers": {"@request.auth.claims.sub": {"exact": "x"}}}]})),
        &at(".match[0].headers"),
    );
    refused(K, http(json!({"match": [{"port": 65536}]})), &at(".match[0].port"));
    refused(K, http(json!({"match": [{"sourceLabels": {"a/b/c": "x"}}]})), &at(".match[0].sourceLabels[\"a/b/c\"]"));
    refused(K, http(json!({"corsPolicy": {"allowOrigins": [{}]}})), &at(".corsPolicy.allowOrigins[0]"));
    refused(K, http(json!({"mirrorPercentage": {"value": -1}})), &at(".mirrorPercentage.value"));
    refused(K, json!({"hosts": ["a"], "http": [{"directResponse": {"status": 600}}]}), &at(".directResponse.status"));
    doubted(
        K,
        json!({"hosts": ["a"], "http": [http(json!({}))["http"][0], http(json!({}))["http"][0]]}),
        "spec.http[1]",
    );
}

#[test]
fn virtual_service_conditions() {
    use IstioKind::VirtualService as K;
    let at = |rest: &str| format!("spec.http[0]{rest}");
    let matching = |condition: Value| http(json!({"match": [condition]}));
    accepted(
        K,
        matching(json!({"uri": {"prefix": ""}, "headers": {"a": {"exact": ""}}, "queryParams": {"a": {"prefix": ""}}})),
    );
    refused(K, matching(json!({"method": {"prefix": ""}})), &at(".match[0].method.prefix"));
    refused(K, matching(json!({"headers": {"a": {"prefix": ""}}})), &at(".match[0].headers.a.prefix"));
    refused(K, matching(json!({"withoutHeaders": {"a": {"regex": ""}}})), &at(".match[0].withoutHeaders.a.regex"));
    let mut claim = matching(json!({"headers": {"@request.auth.claims.sub": {"exact": "x"}}}));
    claim["gateways"] = json!(["shop/edge"]);
    doubted(K, claim, &at(".match[0].headers[\"@request.auth.claims.sub\"]"));
    let redirect =
        |uri: Value| json!({"hosts": ["a"], "http": [{"match": [{"uri": uri}], "redirect": {"prefixRewrite": "/b"}}]});
    accepted(K, redirect(json!({"prefix": "/a"})));
    refused(K, redirect(json!({"exact": "/a"})), &at(".redirect.prefixRewrite"));
    refused(K, redirect(json!({"regex": "/a.*"})), &at(".redirect.prefixRewrite"));
    let mut hidden = http(json!({}));
    hidden["exportTo"] = json!(["~"]);
    refused(K, hidden, "spec.exportTo");
}

#[test]
fn virtual_service_weights() {
    use IstioKind::VirtualService as K;
    let weighted = |weights: &[i64]| {
        let routes: Vec<Value> =
            weights.iter().map(|weight| json!({"destination": {"host": "a"}, "weight": weight})).collect();
        http(json!({"route": routes}))
    };
    accepted(K, weighted(&[0]));
    accepted(K, weighted(&[0, 1]));
    refused(K, weighted(&[0, 0]), "spec.http[0].route");
    refused(K, weighted(&[-1, 2]), "spec.http[0].route[0].weight");
    refused(K, weighted(&[2_147_483_647, 2_147_483_647, 2]), "spec.http[0].route");
    refused(K, weighted(&[2_147_483_648]), "spec.http[0].route[0].weight");
}

#[test]
fn destination_rule() {
    use IstioKind::DestinationRule as K;
    let with = |policy: Value| json!({"host": "cart", "trafficPolicy": policy});
    accepted(
        K,
        with(json!({"loadBalancer": {"consistentHash": {"maglev": {"tableSize": 65537}, "useSourceIp": true}}})),
    );
    accepted(K, with(json!({"tls": {"mode": "MUTUAL", "credentialName": "c"}})));
    refused(K, json!({"host": ""}), "spec.host");
    refused(K, with(json!({})), "spec.trafficPolicy");
    refused(K, with(json!({"tls": {"mode": "MUTUAL", "clientCertificate": "c"}})), "spec.trafficPolicy.tls.privateKey");
    refused(
        K,
        with(json!({"portLevelSettings": [{"port": {"number": 0}, "tls": {}}]})),
        "spec.trafficPolicy.portLevelSettings[0].port.number",
    );
    refused(
        K,
        with(json!({"connectionPool": {"tcp": {"maxConnections": -1}}})),
        "spec.trafficPolicy.connectionPool.tcp.maxConnections",
    );
    refused(
        K,
        with(json!({"loadBalancer": {"consistentHash": {"maglev": {"tableSize": 9}}}})),
        "spec.trafficPolicy.loadBalancer.consistentHash.maglev.tableSize",
    );
    refused(
        K,
        with(json!({"outlierDetection": {"maxEjectionPercent": 101}})),
        "spec.trafficPolicy.outlierDetection.maxEjectionPercent",
    );
    refused(
        K,
        with(json!({"loadBalancer": {"localityLbSetting": {"distribute": [{"from": "a/*", "to": {"a/b": 99}}]}}})),
        "spec.trafficPolicy.loadBalancer.localityLbSetting.distribute[0].to",
    );
    doubted(
        K,
        with(json!({"loadBalancer": {"localityLbSetting": {"failover": [{"from": "a", "to": "b"}]}}})),
        "spec.trafficPolicy.loadBalancer.localityLbSetting",
    );
    refused(K, json!({"host": "a", "exportTo": ["~"]}), "spec.exportTo");
    refused(K, json!({"host": "a", "exportTo": ["*", "."]}), "spec.exportTo");
    refused(K, json!({"host": "a", "exportTo": [".", "shop"]}), "spec.exportTo[1]");
}

#[test]
fn destination_rule_settings() {
    use IstioKind::DestinationRule as K;
    let with = |policy: Value| json!({"host": "cart", "trafficPolicy": policy});
    let warmup = |aggression: Value| {
        with(json!({"loadBalancer": {"simple": "ROUND_ROBIN", "warmup": {"duration": "9s", "aggression": aggression}}}))
    };
    accepted(K, warmup(json!(0.01)));
    refused(K, warmup(json!(0)), "spec.trafficPolicy.loadBalancer.warmup.aggression");
    refused(K, warmup(json!(-0.5)), "spec.trafficPolicy.loadBalancer.warmup.aggression");
    let cookie = json!({"name": "c", "attributes": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]});
    refused(
        K,
        with(json!({"loadBalancer": {"consistentHash": {"httpCookie": cookie}}})),
        "spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.attributes[1].name",
    );
    let ping = |ping: Value| with(json!({"connectionPool": {"http": {"http2KeepAlive": ping}}}));
    accepted(K, ping(json!({"interval": "9s", "timeout": "1s"})));
    refused(K, ping(json!({"interval": "9s"})), "spec.trafficPolicy.connectionPool.http.http2KeepAlive");
    refused(
        K,
        with(json!({"loadBalancer": {"zoneAwareLbSetting": {"minClusterSize": 0}}})),
        "spec.trafficPolicy.loadBalancer.zoneAwareLbSetting.minClusterSize",
    );
}

#[test]
fn gateway() {
    use IstioKind::Gateway as K;
    let with = |port: Value, tls: Value, host: &str| json!({"servers": [{"port": port, "tls": tls, "hosts": [host]}]});
    let (http, https) = (
        json!({"number": 80, "name": "a", "protocol": "HTTP"}),
        json!({"number": 443, "name": "b", "protocol": "https"}),
    );
    accepted(K, with(http.clone(), json!({"httpsRedirect": true}), "./*.shop.example"));
    accepted(K, with(https.clone(), json!({"mode": "MUTUAL", "credentialName": "c"}), "10.0.0.1"));
    refused(K, with(https.clone(), Value::Null, "a.b"), "spec.servers[0].tls");
    refused(K, with(http.clone(), json!({"mode": "SIMPLE", "credentialName": "c"}), "a.b"), "spec.servers[0].tls");
    refused(
        K,
        with(https.clone(), json!({"mode": "ISTIO_MUTUAL", "privateKey": "k"}), "a.b"),
        "spec.servers[0].tls.privateKey",
    );
    refused(K, with(http.clone(), Value::Null, "short"), "spec.servers[0].hosts[0]");
    refused(K, with(http, Value::Null, "a/b/c.d"), "spec.servers[0].hosts[0]");
    refused(
        K,
        with(json!({"number": 80, "name": "a", "protocol": "SPDY"}), Value::Null, "a.b"),
        "spec.servers[0].port.protocol",
    );
    let both = json!({"mode": "SIMPLE", "credentialName": "c", "credentialNames": ["d"]});
    refused(K, with(https.clone(), both, "a.b"), "spec.servers[0].tls");
    let both = json!({"mode": "SIMPLE", "credentialName": "c", "serverCertificate": "c", "privateKey": "k"});
    refused(K, with(https, both, "a.b"), "spec.servers[0].tls.credentialName");
    let socket = |number: u32| {
        let port = json!({"number": number, "name": "a", "protocol": "HTTP"});
        json!({"servers": [{"port": port, "hosts": ["a.b"], "bind": "unix:///run/edge"}]})
    };
    accepted(K, socket(0));
    refused(K, socket(80), "spec.servers[0].port.number");
}

#[test]
fn service_entry() {
    use IstioKind::ServiceEntry as K;
    let with = |more: Value| {
        let mut spec = json!({"hosts": ["a.b"], "ports": [{"number": 80, "name": "p", "protocol": "HTTP"}]});
        merge(&mut spec, more);
        spec
    };
    accepted(K, with(json!({"resolution": "STATIC", "endpoints": [{"address": "::1", "ports": {"p": 8080}}]})));
    accepted(K, with(json!({"resolution": "STATIC", "endpoints": [{"address": "unix:///run/a"}]})));
    refused(K, with(json!({"resolution": "DNS", "addresses": ["10.0.0.0/8"]})), "spec.addresses[0]");
    refused(K, with(json!({"addresses": ["10.0.0.0/33"]})), "spec.addresses[0]");
    refused(K, with(json!({"resolution": "STATIC", "endpoints": [{"address": "a.b"}]})), "spec.endpoints[0].address");
    refused(
        K,
        with(json!({"resolution": "STATIC", "endpoints": [{"address": "::1", "ports": {"q": 1}}]})),
        "spec.endpoints[0].ports.q",
    );
    refused(K, with(json!({"hosts": ["*"]})), "spec.hosts[0]");
    let heavy = |weight: u32| json!({"address": "10.0.0.1", "weight": weight});
    accepted(K, with(json!({"resolution": "STATIC", "endpoints": [heavy(u32::MAX)]})));
    doubted(K, with(json!({"resolution": "STATIC", "endpoints": [heavy(u32::MAX), heavy(1)]})), "spec.endpoints");
    refused(
        K,
        with(json!({"ports": [{"number": 1, "name": "tcp", "protocol": "TCP"}], "hosts": ["a.b", "c.d"],
        "resolution": "DNS"})),
        "spec.ports[0]",
    );
}

#[test]
fn sidecar() {
    use IstioKind::Sidecar as K;
    let ingress = |more: Value| {
        let mut listener = json!({"port": {"number": 80, "protocol": "HTTP", "name": "a"}});
        merge(&mut listener, more);
        json!({"ingress": [listener]})
    };
    accepted(K, ingress(json!({"bind": "127.0.0.2", "defaultEndpoint": "127.0.0.1:80"})));
    accepted(
        K,
        json!({"egress": [{"port": {"number": 15080, "protocol": "HTTP_PROXY", "name": "p"}, "hosts": ["./*"]}]}),
    );
    refused(K, ingress(json!({"defaultEndpoint": "10.0.0.1:80"})), "spec.ingress[0].defaultEndpoint");
    refused(K, ingress(json!({"bind": "unix:///a"})), "spec.ingress[0].bind");
    refused(
        K,
        ingress(json!({"tls": {"mode": "SIMPLE", "privateKey": "k", "serverCertificate": "c"}})),
        "spec.ingress[0].tls",
    );
    refused(K, json!({"egress": [{"hosts": ["shop/*"]}, {"hosts": ["*/*"]}]}), "spec.egress[0]");
    refused(K, json!({"outboundTrafficPolicy": {"mode": "ALLOW_ANY_DYNAMIC_DNS"}}), "spec.outboundTrafficPolicy.mode");
    doubted(K, json!({"egress": [{"hosts": ["./*", "shop/a.b"]}]}), "spec.egress[0].hosts[1]");
}

#[test]
fn workloads() {
    accepted(IstioKind::WorkloadEntry, json!({"address": "vm.example", "ports": {"http": 80}}));
    refused(IstioKind::WorkloadEntry, json!({"address": "vm example"}), "spec.address");
    refused(IstioKind::WorkloadEntry, json!({"address": "unix://a"}), "spec.address");
    refused(IstioKind::WorkloadGroup, json!({}), "spec.template");
    refused(IstioKind::WorkloadGroup, json!({"template": {}, "probe": {"exec": {}}}), "spec.probe.exec.command");
    let probe = json!({"template": {}, "probe": {"grpc": {"port": 0}}});
    refused(IstioKind::WorkloadGroup, probe, "spec.probe.grpc.port");
    refused(IstioKind::ProxyConfig, json!({"concurrency": -1}), "spec.concurrency");
    let long = json!({"environmentVariables": {"A": "x".repeat(2049)}});
    refused(IstioKind::ProxyConfig, long, "spec.environmentVariables.A");
}

#[test]
fn envoy_filter() {
    use IstioKind::EnvoyFilter as K;
    let with = |patch: Value| json!({"configPatches": [patch]});
    accepted(
        K,
        with(json!({"applyTo": "CLUSTER", "match": {"cluster": {"service": "a"}}, "patch": {"operation": "REMOVE"}})),
    );
    refused(
        K,
        with(json!({
            "applyTo": "HTTP_FILTER", "match": {"context": "WAYPOINT"}, "patch": {"operation": "ADD", "value": {}}
        })),
        "spec.configPatches[0].match",
    );
    refused(K, with(json!({"applyTo": "CLUSTER"})), "spec.configPatches[0].patch");
    refused(K, with(json!({"applyTo": "CLUSTER", "patch": {"operation": "ADD"}})), "spec.configPatches[0].patch.value");
    refused(
        K,
        with(json!({"applyTo": "CLUSTER", "match": {"listener": {}}, "patch": {"operation": "REMOVE"}})),
        "spec.configPatches[0].match.listener",
    );
    refused(
        K,
        with(json!({
            "applyTo": "CLUSTER", "match": {"proxy": {"proxyVersion": "1.(2"}}, "patch": {"operation": "REMOVE"}
        })),
        "spec.configPatches[0].match.proxy.proxyVersion",
    );
}

#[test]
fn fields_without_effect_are_doubted() {
    let policy = |policy: Value| json!({"host": "a", "trafficPolicy": policy});
    for (policy, field) in [
        (policy(json!({"loadBalancer": {"backendUtilization": {}}})), "loadBalancer.backendUtilization"),
        (policy(json!({"loadBalancer": {"zoneAwareLbSetting": {"enabled": true}}})), "loadBalancer.zoneAwareLbSetting"),
        (
            policy(json!({"outlierDetection": {"outlierDetectionHttpErrorCodes": [500]}})),
            "outlierDetection.outlierDetectionHttpErrorCodes",
        ),
    ] {
        doubted(IstioKind::DestinationRule, policy, &format!("spec.trafficPolicy.{field}"));
    }
    let port = json!({"number": 80, "name": "http", "protocol": "HTTP"});
    let server = json!({"port": port, "hosts": ["*"], "defaultEndpoint": "127.0.0.1:80"});
    doubted(IstioKind::Gateway, json!({"servers": [server]}), "spec.servers[0].defaultEndpoint");
    let sidecar = json!({"inboundConnectionPool": {"http": {"h2UpgradePolicy": "UPGRADE"}}});
    doubted(IstioKind::Sidecar, sidecar, "spec.inboundConnectionPool.http.h2UpgradePolicy");
}
