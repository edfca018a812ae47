//! What Envoy rejects of each type of resource, ten faults each: broken bytes, broken rules of its `.proto` files, and
//! what its code refuses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use heddle_tests::breaking_relay::Fault;
use rcgen::generate_simple_self_signed;
use serde_json::{Value, json};

/// The faults of patches, after that of garbage.
fn faults(patches: [Value; 9]) -> Vec<Fault> {
    std::iter::once(Fault::Garbage).chain(patches.map(Fault::Patch)).collect()
}

pub(super) fn clusters() -> Vec<Fault> {
    faults([
        json!({"connectTimeout": "0s"}),
        json!({"outlierDetection": {"maxEjectionPercent": 101}}),
        json!({"lbPolicy": "RING_HASH", "ringHashLbConfig": {"minimumRingSize": "8388609"}}),
        json!({"transportSocket": {"name": "no.such.socket"}}),
        json!({"healthChecks": [{}]}),
        json!({"commonLbConfig": {"healthyPanicThreshold": {"value": 200}}}),
        json!({"type": "STATIC"}),
        json!({"upstreamBindConfig": {"sourceAddress": {"address": "nonsense", "portValue": 0}}}),
        json!({"filters": [{"name": "no.such.filter"}]}),
    ])
}

pub(super) fn listeners() -> Vec<Fault> {
    let range = json!([{"addressPrefix": "nonsense", "prefixLen": 8}]);
    faults([
        json!({"filterChains": [{"filters": [{"name": "no.such.filter"}]}]}),
        json!({"address": null}),
        json!({"address": {"socketAddress": {"address": "nonsense"}}}),
        json!({"listenerFilters": [{"name": "no.such.filter"}]}),
        json!({"filterChains": [{"name": "a"}, {"name": "b"}]}),
        json!({"filterChains": [], "defaultFilterChain": null}),
        json!({"filterChains": [{"filterChainMatch": {"prefixRanges": range}}]}),
        json!({"accessLog": [{"name": "no.such.log"}]}),
        json!({"filterChains": [{"transportSocket": {"name": "no.such.socket"}}]}),
    ])
}

pub(super) fn virtual_hosts() -> Vec<Fault> {
    let all = json!({"prefix": "/"});
    faults([
        json!({"domains": []}),
        json!({"routes": [{"match": {"safeRegex": {"regex": "("}}, "directResponse": {"status": 200}}]}),
        json!({"routes": [{"match": all, "directResponse": {"status": 99}}]}),
        json!({"requestHeadersToAdd": [{"header": {"key": "x", "value": "%NO_SUCH%"}}]}),
        json!({"responseHeadersToRemove": ["a\nb"]}),
        json!({"routes": [{"match": all, "redirect": {"pathRedirect": "/a\nb"}}]}),
        json!({"routes": [{"match": all, "route": {"weightedClusters": {"clusters": []}}}]}),
        json!({"routes": [{"match": all}]}),
        json!({"routes": [{"directResponse": {"status": 200}}]}),
    ])
}

pub(super) fn routes() -> Vec<Fault> {
    let host = |part: &Fault| match part {
        Fault::Garbage => Fault::Patch(json!({"virtualHosts": [{"name": "", "domains": ["*"]}]})),
        Fault::Patch(part) => {
            let mut host = json!({"name": "a", "domains": ["*"]});
            let fields = host.as_object_mut().into_iter().zip(part.as_object().cloned());
            fields.for_each(|(fields, part)| fields.extend(part));
            Fault::Patch(json!({"virtualHosts": [host]}))
        }
    };
    let twice = json!({"virtualHosts": [{"name": "a", "domains": ["*"]}, {"name": "b", "domains": ["*"]}]});
    let mut faults: Vec<Fault> = virtual_hosts().iter().map(host).collect();
    faults.truncate(8);
    faults.extend([Fault::Garbage, Fault::Patch(twice)]);
    faults
}

pub(super) fn endpoints() -> Vec<Fault> {
    let at = |address: Value| json!({"endpoints": [{"lbEndpoints": [{"endpoint": {"address": address}}]}]});
    let socket = |ip: &str, port: u32| json!({"socketAddress": {"address": ip, "portValue": port}});
    let good = json!({"endpoint": {"address": socket("127.0.0.1", 1)}});
    let mut checked = good.clone();
    checked["endpoint"]["healthCheckConfig"] = json!({"portValue": 70_000});
    let mut weightless = good;
    weightless["loadBalancingWeight"] = json!(0);
    faults([
        json!({"clusterName": "other"}),
        at(socket("nonsense", 1)),
        at(socket("127.0.0.1", 65_536)),
        at(json!({"socketAddress": {"address": "127.0.0.1"}})),
        json!({"endpoints": [{"lbEndpoints": [weightless]}]}),
        json!({"policy": {"dropOverloads": [{}]}}),
        json!({"endpoints": [{"priority": 200}]}),
        json!({"policy": {"overprovisioningFactor": 0}}),
        json!({"endpoints": [{"lbEndpoints": [checked]}]}),
    ])
}

pub(super) fn secrets() -> Vec<Fault> {
    let bytes = |text: &str| json!({"inlineBytes": STANDARD.encode(text)});
    let other = generate_simple_self_signed(vec!["other.test".to_owned()]).map(|pair| pair.signing_key.serialize_pem());
    let part = |key: &str, value: Value| json!({"tlsCertificate": {key: value}});
    faults([
        json!({"name": "other"}),
        part("certificateChain", bytes("nonsense")),
        part("certificateChain", bytes("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")),
        part("certificateChain", json!({"inlineBytes": null, "filename": "/no/such/file"})),
        part("certificateChain", bytes("")),
        part("privateKey", bytes("nonsense")),
        part("privateKey", bytes("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")),
        part("privateKey", bytes(&other.unwrap_or_default())),
        part("privateKey", Value::Null),
    ])
}
