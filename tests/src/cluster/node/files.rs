//! The files that a node's programs are configured by.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::super::programs::Programs;
use super::ADDRESS;

/// The image that holds a pod's namespaces; it must be imported before pods start.
pub const PAUSE: &str = "registry.heddle.dev/pause:1";

/// Where pods ask for names: CoreDNS, which runs beside them and not as one of them.
pub(super) const DNS_SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec:
  clusterIP: 10.96.0.10
  ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kube-dns-1, namespace: kube-system, labels: {kubernetes.io/service-name: kube-dns}}
addressType: IPv4
ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
endpoints: [{addresses: [10.254.0.2], conditions: {ready: true}}]
";

/// Every name below example.com is the world outside of the cluster, which is this node.
const COREFILE: &str = "
.:53 {
  bind ADDRESS
  errors
  ready ADDRESS:8181
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig FOLDER/admin.conf
    fallthrough in-addr.arpa ip6.arpa
    ttl 5
  }
  template IN A example.com {
    answer \"{{ .Name }} 5 IN A ADDRESS\"
  }
  template IN AAAA example.com {
    rcode NOERROR
  }
}
";

const CONTAINERD: &str = r#"
version = 2
root = "FOLDER/containerd/root"
state = "FOLDER/containerd/state"
disabled_plugins = [
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.internal.v1.tracing",
]
[grpc]
  address = "FOLDER/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "FOLDER/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "PAUSE"
  # Without CAP_SYS_RESOURCE a container cannot be made less likely to be killed, and runc fails then.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "PROGRAMS/cni"
    conf_dir = "FOLDER/cni"
"#;

const CNI: &str = r#"{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}],
   "dataDir": "FOLDER/cni-data"}},
  {"type": "portmap", "capabilities": {"portMappings": true}}
]}
"#;

const KUBELET: &str = "
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: FOLDER/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: FOLDER/node.crt
tlsPrivateKeyFile: FOLDER/node.key
address: ADDRESS
cgroupDriver: cgroupfs
cgroupRoot: /CGROUP
enforceNodeAllocatable: []
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
clusterDomain: cluster.local
clusterDNS: [10.96.0.10]
resolvConf: FOLDER/resolv.conf
containerRuntimeEndpoint: unix://FOLDER/containerd.sock
volumePluginDir: FOLDER/kubelet-plugins
podLogsDir: FOLDER/pods
localStorageCapacityIsolation: false
evictionHard: {nodefs.available: '0%', imagefs.available: '0%', memory.available: 100Mi}
imageGCHighThresholdPercent: 100
registryPullQPS: 0
serializeImagePulls: false
syncFrequency: 10s
";

/// Writes them all into the cluster's folder.
pub(super) fn write(folder: &Path, programs: &Programs, cgroup: &str) -> Result<()> {
    let fill = |text: &str| {
        let text = text.replace("FOLDER", &folder.display().to_string()).replace("ADDRESS", ADDRESS);
        let text = text.replace("PROGRAMS", &programs.folder().display().to_string());
        text.replace("CGROUP", cgroup).replace("PAUSE", PAUSE)
    };
    for made in ["cni", "pods", "kubelet"] {
        fs::create_dir_all(folder.join(made))?;
    }
    fs::write(folder.join("Corefile"), fill(COREFILE))?;
    fs::write(folder.join("containerd.toml"), fill(CONTAINERD))?;
    fs::write(folder.join("cni/10-pods.conflist"), fill(CNI))?;
    fs::write(folder.join("kubelet.yaml"), fill(KUBELET))?;
    Ok(fs::write(folder.join("resolv.conf"), format!("nameserver {ADDRESS}\n"))?)
}

/// The socket of containerd.
pub(super) fn socket(folder: &Path) -> PathBuf {
    folder.join("containerd.sock")
}

/// Where containerd keeps what it knows of running containers, by their id.
pub(super) fn tasks(folder: &Path) -> PathBuf {
    folder.join("containerd/state/io.containerd.runtime.v2.task/k8s.io")
}

/// Where the kubelet keeps what containers write.
pub(super) fn logs(folder: &Path) -> PathBuf {
    folder.join("pods")
}
