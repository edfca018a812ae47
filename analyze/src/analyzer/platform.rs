//! Analyzers of schemas, definitions, webhooks and status.

pub(super) mod conditions;
pub(super) mod definition_version;
pub(super) mod deprecation;
pub(super) mod external_control_plane;
pub(super) mod schema;
pub(super) mod webhook;
