//! The parts of the log whose levels are set apart. Where istiod has a scope of the same meaning it is the same name.

/// A part of the log.
#[derive(Debug)]
pub(crate) struct Scope {
    /// Its name in `--log_output_level` and in `heddlectl admin log`.
    pub name: &'static str,
    /// What it logs.
    pub description: &'static str,
    /// The modules in it. Of two prefixes of a module the longer one counts.
    pub modules: &'static [&'static str],
}

/// The scope of all that is in no other.
pub(crate) const DEFAULT: &str = "default";

/// All scopes, by name.
pub(crate) const SCOPES: [Scope; 8] = [
    Scope {
        name: "ads",
        description: "discovery: streams of proxies, pushes and rejections",
        modules: &["heddle_serve"],
    },
    Scope {
        name: "ca",
        description: "the certificate authority and the certificates that it signs",
        modules: &["heddle_ca", "heddle_serve::csr", "heddled::authority", "heddled::tls"],
    },
    Scope { name: DEFAULT, description: "everything that is in no other scope", modules: &["heddle"] },
    Scope {
        name: "kube",
        description: "watches of the Kubernetes API server, and elections",
        modules: &["heddled::source::kube", "heddled::source::watch", "heddled::cluster"],
    },
    Scope {
        name: "model",
        description: "objects, their issues and their compilation",
        modules: &[
            "heddle_compile",
            "heddle_store",
            "heddle_serve::round",
            "heddled::generate",
            "heddled::source",
            "heddled::writer",
        ],
    },
    Scope {
        name: "security",
        description: "authentication of workloads",
        modules: &["heddle_serve::node", "heddled::auth"],
    },
    Scope { name: "status", description: "the status of objects", modules: &["heddled::status"] },
    Scope {
        name: "webhook",
        description: "the webhooks for injection and validation",
        modules: &["heddle_inject", "heddled::webhook"],
    },
];

/// The scope of this name.
pub(crate) fn find(name: &str) -> Option<&'static Scope> {
    SCOPES.iter().find(|scope| scope.name == name)
}
