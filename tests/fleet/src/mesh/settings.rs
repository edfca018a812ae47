//! Objects that configure some workloads, or none.

use super::{EMPTY, Object, Site, app, namespace};

/// The kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settings {
    PeerAuthentication,
    Secret,
    Gateway,
    Sidecar,
}

/// Whose settings they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Targets {
    /// No sidecar's.
    Nobody,
    /// The sidecars' of the first service's pods.
    Workload,
}

impl Settings {
    /// Puts the object in place, as it is at the time `number`. It differs from that at the next number.
    pub(crate) fn put(self, into: &mut dyn Site, targets: Targets, number: u32) -> anyhow::Result<()> {
        into.put(&self.place(targets), &[self.object(targets, number)])
    }

    /// Takes the object away.
    pub(crate) fn remove(self, from: &mut dyn Site, targets: Targets) -> anyhow::Result<()> {
        from.remove(&self.place(targets))
    }

    /// The kind as Kubernetes names it.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::PeerAuthentication => "PeerAuthentication",
            Self::Secret => "Secret",
            Self::Gateway => "Gateway",
            Self::Sidecar => "Sidecar",
        }
    }

    fn place(self, targets: Targets) -> String {
        format!("{}/{}", targets.namespace(), self.kind())
    }

    fn object(self, targets: Targets, number: u32) -> Object {
        let (kind, namespace, app) = (self.kind(), targets.namespace(), targets.app());
        let is_odd = number % 2 == 1;
        let (version, spec) = match self {
            Self::PeerAuthentication => {
                let mode = if is_odd { "STRICT" } else { "PERMISSIVE" };
                (
                    "security.istio.io/v1",
                    format!("spec: {{selector: {{matchLabels: {{app: {app}}}}}, mtls: {{mode: {mode}}}}}"),
                )
            }
            Self::Secret => {
                let pem = |label: &str| format!("\"-----BEGIN {label}-----\\n{number:08}\\n-----END {label}-----\\n\"");
                let data = format!("{{tls.crt: {}, tls.key: {}}}", pem("CERTIFICATE"), pem("PRIVATE KEY"));
                ("v1", format!("type: kubernetes.io/tls\nstringData: {data}"))
            }
            Self::Gateway => {
                let port = format!("{{number: {}, name: http, protocol: HTTP}}", 8000 + number % 1000);
                let servers = format!("[{{port: {port}, hosts: [\"*\"]}}]");
                ("networking.istio.io/v1", format!("spec: {{selector: {{app: {app}}}, servers: {servers}}}"))
            }
            Self::Sidecar => {
                let more = if is_odd { ", team-1/*" } else { "" };
                ("networking.istio.io/v1", format!("spec: {{egress: [{{hosts: [./*{more}]}}]}}"))
            }
        };
        Object(format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: fleet, namespace: {namespace}}}\n{spec}\n"
        ))
    }
}

impl Targets {
    fn app(self) -> String {
        match self {
            Self::Nobody => "nobody".to_owned(),
            Self::Workload => app(0),
        }
    }

    fn namespace(self) -> String {
        match self {
            Self::Nobody => EMPTY.to_owned(),
            Self::Workload => namespace(0),
        }
    }
}
