//! The first request of a stream: which proxy speaks, and whether it may.

use heddle_model::identity::Identity;
use heddle_model::node::{NodeError, proxy as read};
use heddle_model::proxy::{Capabilities, Proxy};
use heddle_xds_api::envoy::config::core::v3::{Node, node::UserAgentVersionType};
use heddle_xds_api::envoy::r#type::v3::SemanticVersion;
use heddle_xds_api::google::protobuf::{Struct, Value, value::Kind};
use serde_json::{Map, Value as Json, json};

use crate::auth::{AuthError, Authenticate, Credentials};

/// The first Envoy that is known to discover virtual hosts on its one stream as we send them. Before 1.38 it took them
/// on a stream of their own only, and what was not tried is not sent.
const VIRTUAL_HOSTS_SINCE: (u32, u32, u32) = (1, 40, 0);

/// Metadata nested deeper than this is cut off: nothing that is read lies so deep.
const MAX_DEPTH: usize = 16;

/// The proxy that a Node describes.
///
/// # Errors
/// When the Node has no id, or one from which type or address cannot be told.
pub fn proxy(node: &Node) -> Result<Proxy, NodeError> {
    read(&json(node))
}

/// Whether a client on a delta stream can be sent virtual hosts one by one.
#[must_use]
pub fn takes_virtual_hosts(can: &Capabilities) -> bool {
    can.version >= VIRTUAL_HOSTS_SINCE
}

/// Who the caller is, where it has to prove that: the plain port asks for nothing, and serves this machine only.
///
/// # Errors
/// When it is not to be served. The reason has been logged; the caller is to be told [`AuthError::status`] and no more.
pub async fn identify<A: Authenticate>(authenticate: &A, call: &Credentials) -> Result<Option<Identity>, AuthError> {
    let identity = async {
        let connection = call.connection.as_ref().ok_or(AuthError::Unknown)?;
        if connection.secure {
            return authenticate.authenticate(call).await.map(Some);
        }
        let local = connection.peer.ip().to_canonical().is_loopback();
        if local { Ok(None) } else { Err(AuthError::NotLoopback(connection.peer)) }
    };
    identity.await.inspect_err(|error| tracing::warn!(peer = ?call.peer(), %error, "refused a stream"))
}

/// Whether the caller may have the configuration of this proxy: an identity that was proved must be the node's, by
/// namespace and service account.
///
/// # Errors
/// When it may not; as with [`identify`].
pub fn admit(identity: Option<&Identity>, proxy: &Proxy) -> Result<(), AuthError> {
    // An account that the node does not name is not checked, as in istiod; a namespace it always has.
    let (namespace, account) = (&*proxy.namespace, &*proxy.service_account);
    let is = |one: &&Identity| one.namespace() == namespace && (account.is_empty() || one.service_account() == account);
    let Some(other) = identity.filter(|identity| !is(identity)) else { return Ok(()) };
    let error = AuthError::WrongNode {
        identity: Box::new(other.clone()),
        namespace: namespace.to_owned(),
        service_account: account.to_owned(),
    };
    tracing::warn!(node = %proxy.id, %error, "refused a stream");
    Err(error)
}

/// The part of a Node that is read, as protobuf JSON.
fn json(node: &Node) -> Json {
    let locality = node.locality.clone().unwrap_or_default();
    let version = match &node.user_agent_version_type {
        Some(UserAgentVersionType::UserAgentBuildVersion(build)) => build.version.unwrap_or_default(),
        _ => SemanticVersion::default(),
    };
    let extension =
        |e: &heddle_xds_api::envoy::config::core::v3::Extension| json!({"name": e.name, "disabled": e.disabled});
    json!({
        "id": node.id,
        "cluster": node.cluster,
        "metadata": node.metadata.as_ref().map(|metadata| object(metadata, 0)),
        "locality": {"region": locality.region, "zone": locality.zone, "subZone": locality.sub_zone},
        "userAgentBuildVersion": {"version": {
            "majorNumber": version.major_number, "minorNumber": version.minor_number, "patch": version.patch,
        }},
        "extensions": node.extensions.iter().map(extension).collect::<Vec<_>>(),
    })
}

fn object(fields: &Struct, depth: usize) -> Json {
    let entries = fields.fields.iter().map(|(key, entry)| (key.clone(), value(entry, depth + 1)));
    Json::Object(entries.collect::<Map<_, _>>())
}

fn value(entry: &Value, depth: usize) -> Json {
    match &entry.kind {
        Some(Kind::BoolValue(flag)) => Json::Bool(*flag),
        Some(Kind::NumberValue(value)) => number(*value),
        Some(Kind::StringValue(text)) => Json::String(text.clone()),
        Some(Kind::StructValue(fields)) if depth < MAX_DEPTH => object(fields, depth),
        Some(Kind::ListValue(list)) if depth < MAX_DEPTH => {
            Json::Array(list.values.iter().map(|entry| value(entry, depth + 1)).collect())
        }
        _ => Json::Null,
    }
}

/// Whole numbers without a fraction: `15080`, not `15080.0`.
#[allow(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
fn number(number: f64) -> Json {
    if number.fract() == 0.0 && number.abs() < 9e15 { Json::from(number as i64) } else { Json::from(number) }
}

#[cfg(test)]
mod tests;
