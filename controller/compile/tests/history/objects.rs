//! The objects of a mesh that come, change and go, each in some versions.

/// API version, kind and name, and the versions: the first of each is there from the start.
pub(super) const OBJECTS: &[(&str, &[&str])] = &[
    (
        "v1 Service web",
        &[
            "{clusterIP: 10.9.0.1, selector: {app: web}, ports: [{name: http, port: 80}, {name: tcp, port: 81}]}",
            "{clusterIP: 10.9.0.1, selector: {app: web}, ports: [{name: http, port: 80}]}",
            "{clusterIP: None, selector: {app: web}, ports: [{name: http, port: 80}, {name: tcp, port: 81}]}",
            "{clusterIP: 10.9.0.1, selector: {app: web}, ports: [{name: unknown, port: 80}]}",
        ],
    ),
    ("v1 Service api", &["{clusterIP: 10.9.0.2, ports: [{name: http, port: 80}, {name: grpc, port: 90}]}"]),
    ("discovery.k8s.io/v1 EndpointSlice web", &["[10.1.0.1]", "[10.1.0.1, 10.1.0.2]", "[10.1.0.2]", "[]"]),
    ("discovery.k8s.io/v1 EndpointSlice api", &["[10.1.0.2]", "[10.1.0.1]", "[10.1.0.3, 10.1.0.1]"]),
    ("v1 Pod one", &["{version: v1} 10.1.0.1", "{version: v2} 10.1.0.1", "{version: v1, app: web} 10.1.0.9"]),
    ("v1 Pod two", &["{version: v2} 10.1.0.2", "{version: v1, app: web} 10.1.0.2"]),
    (
        "networking.istio.io/v1 VirtualService web",
        &[
            "{hosts: [web], http: [{route: [{destination: {host: web}}]}]}",
            "{hosts: [web], http: [{timeout: 1s, route: [{destination: {host: web, subset: v1}}]}]}",
            "{hosts: [web], http: [{match: [{sourceLabels: {version: v1}}], route: [{destination: {host: api}}]}]}",
            "{hosts: [web, o.test], http: [{route: [{destination: {host: api}}, {destination: {host: web}, weight: \
             5}]}]}",
            "{hosts: [web], http: [{match: [{port: 99}], route: [{destination: {host: web}}]}]}",
            "{hosts: [web], tcp: [{route: [{destination: {host: api, subset: v2}}]}]}",
            "{hosts: [web], exportTo: [.], http: [{redirect: {uri: /}}]}",
        ],
    ),
    (
        "networking.istio.io/v1 VirtualService wide",
        &[
            "{hosts: ['*.a.svc.cluster.local'], http: [{timeout: 2s, route: [{destination: {host: api}}]}]}",
            "{hosts: ['*.a.svc.cluster.local'], http: [{timeout: 3s, route: [{destination: {host: api}}]}]}",
            "{hosts: [api], http: [{match: [{uri: {prefix: /x}}], route: [{destination: {host: api}}]}]}",
        ],
    ),
    (
        "networking.istio.io/v1 DestinationRule web",
        &[
            "{host: web, subsets: [{name: v1, labels: {version: v1}}]}",
            "{host: web, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x}}}, subsets: [{name: v1}]}",
            "{host: web, trafficPolicy: {connectionPool: {tcp: {maxConnections: 7}}}, subsets: [{name: v2}]}",
            "{host: '*.a.svc.cluster.local', trafficPolicy: {tls: {mode: DISABLE}}}",
            "{host: web, exportTo: [.], workloadSelector: {matchLabels: {version: v1}}, subsets: [{name: v1}]}",
        ],
    ),
    (
        "networking.istio.io/v1 DestinationRule api",
        &[
            "{host: api, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 1}}}",
            "{host: api, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}, subsets: [{name: v2}]}",
        ],
    ),
    (
        "networking.istio.io/v1 ServiceEntry named",
        &[
            "{hosts: [n.test], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}",
            "{hosts: [n.test], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS, endpoints: \
             [{address: x.test}]}",
            "{hosts: [n.test], ports: [{number: 443, name: tls, protocol: TLS}], resolution: NONE}",
        ],
    ),
    (
        "networking.istio.io/v1 Sidecar default",
        &[
            "{egress: [{hosts: ['*/*']}]}",
            "{egress: [{hosts: ['./web.a.svc.cluster.local']}]}",
            "{workloadSelector: {labels: {version: v1}}, egress: [{hosts: ['./*']}]}",
        ],
    ),
    (
        "security.istio.io/v1 AuthorizationPolicy allow",
        &["{rules: [{to: [{operation: {methods: [GET]}}]}]}", "{selector: {matchLabels: {app: web}}}"],
    ),
    ("security.istio.io/v1 PeerAuthentication default", &["{mtls: {mode: STRICT}}", "{mtls: {mode: DISABLE}}"]),
    (
        "security.istio.io/v1 PeerAuthentication workload",
        &[
            "{selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}}}",
            "{selector: {matchLabels: {version: v2}}, mtls: {mode: DISABLE}}",
        ],
    ),
    (
        "networking.istio.io/v1 Gateway edge",
        &[
            "{selector: {app: edge}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}",
            "{selector: {version: v1}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [web]}]}",
            "{selector: {app: edge}, servers: [{port: {number: 15443, name: tls, protocol: TLS}, \
             hosts: ['*.local'], tls: {mode: AUTO_PASSTHROUGH}}]}",
            "{selector: {app: edge}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: [o.test], \
             tls: {mode: SIMPLE, credentialName: cert}}, {port: {number: 80, name: http, protocol: HTTP}, hosts: \
             ['*']}]}",
        ],
    ),
    (
        "networking.istio.io/v1 VirtualService edge",
        &[
            "{hosts: ['*'], gateways: [edge], http: [{route: [{destination: {host: web}}]}]}",
            "{hosts: ['*'], gateways: [edge], http: [{timeout: 1s, route: [{destination: {host: web, subset: v1}}]}]}",
            "{hosts: [o.test], gateways: [edge, mesh], http: [{route: [{destination: {host: api}}]}]}",
        ],
    ),
    (
        "networking.istio.io/v1 DestinationRule secret",
        &[
            "{host: n.test, trafficPolicy: {tls: {mode: SIMPLE, credentialName: cert}}}",
            "{host: n.test, trafficPolicy: {tls: {mode: MUTUAL, credentialName: other}}}",
        ],
    ),
    (
        "v1 Secret cert",
        &["{tls.crt: Yw==, tls.key: aw==, ca.crt: cg==}", "{tls.crt: YzI=, tls.key: azI=}", "{ca.crt: cg==}"],
    ),
    ("v1 Secret other", &["{tls.crt: Yw==, tls.key: aw==, ca.crt: cg==}", "{tls.crt: Yzc=, tls.key: azI=}"]),
    (
        "networking.istio.io/v1 WorkloadEntry vm",
        &[
            "{address: 10.1.0.7, labels: {app: web}, ports: {http: 8080}}",
            "{address: 10.1.0.1, labels: {app: web, version: v2}}",
            "{address: 10.1.0.7, labels: {app: api}, network: other}",
        ],
    ),
    (
        "networking.istio.io/v1 ServiceEntry selected",
        &[
            "{hosts: [s.test], ports: [{number: 80, name: http, protocol: HTTP}], location: MESH_INTERNAL, \
             resolution: STATIC, workloadSelector: {labels: {app: web}}}",
            "{hosts: [s.test], exportTo: [.], ports: [{number: 80, name: tcp, protocol: TCP}], location: \
             MESH_INTERNAL, \
             resolution: STATIC, workloadSelector: {labels: {version: v2}}}",
        ],
    ),
    (
        "networking.k8s.io/v1 Ingress front",
        &[
            "{rules: [{host: i.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: \
             {number: 80}}}}]}}]}",
            "{rules: [{host: i.test, http: {paths: [{path: /x, pathType: Exact, backend: {service: {name: api, port: \
             {name: http}}}}]}}]}",
        ],
    ),
    ("v1 Namespace a", &["{istio.io/tag: one}", "{topology.istio.io/network: other}", "{}"]),
    (
        "v1 ConfigMap istio",
        &[
            "{}",
            "{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}",
            "{enableAutoMtls: false}",
            "{accessLogFile: /dev/stdout, protocolDetectionTimeout: 1s}",
            "{localityLbSetting: {failoverPriority: [version]}, defaultDestinationRuleExportTo: [.]}",
        ],
    ),
];

/// The YAML of an object in one of its versions.
pub(super) fn object((what, versions): (&str, &[&str]), version: usize) -> String {
    let mut words = what.split(' ');
    let (api, kind, name) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let said = versions[version % versions.len()];
    let head = format!("apiVersion: {api}\nkind: {kind}\n");
    match kind {
        "EndpointSlice" => {
            let addresses = said.trim_matches(['[', ']']).split(", ").filter(|address| !address.is_empty());
            let endpoints: Vec<_> = addresses.map(|address| format!("{{addresses: [{address}]}}")).collect();
            format!(
                "{head}metadata: {{name: {name}, namespace: a, labels: {{kubernetes.io/service-name: {name}}}}}\n\
                 addressType: IPv4\nports: [{{name: http, port: 8080}}, {{name: tcp, port: 8081}}, {{name: unknown, \
                 port: 8082}}]\n\
                 endpoints: [{}]\n",
                endpoints.join(", ")
            )
        }
        "Pod" => {
            let (labels, address) = said.rsplit_once(' ').unwrap();
            format!("{head}metadata: {{name: {name}, namespace: a, labels: {labels}}}\nstatus: {{podIP: {address}}}\n")
        }
        "Secret" => format!("{head}metadata: {{name: {name}, namespace: a}}\ndata: {said}\n"),
        "Namespace" => format!("{head}metadata: {{name: {name}, labels: {said}}}\n"),
        "ConfigMap" => format!("{head}metadata: {{name: {name}, namespace: istio-system}}\ndata: {{mesh: '{said}'}}\n"),
        _ => format!("{head}metadata: {{name: {name}, namespace: a}}\nspec: {said}\n"),
    }
}
