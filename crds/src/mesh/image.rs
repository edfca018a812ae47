//! The names of Heddle's container images. The code takes them from here. A test compares the charts, the manifests,
//! the samples and the documents with them.

/// The registry of all images.
pub const HUB: &str = "registry.heddle.dev";
/// The tag of all images: the version of all our crates.
pub const TAG: &str = env!("CARGO_PKG_VERSION");
/// The image of the control plane.
pub const CONTROL_PLANE: &str = "heddled";
/// The image of the proxy and of the init container.
pub const PROXY: &str = "heddle-proxy";
