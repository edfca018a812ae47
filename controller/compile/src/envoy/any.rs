//! Typed configurations: messages wrapped with their type.

use heddle_xds_api::{envoy::config::core::v3::TypedExtensionConfig, google::protobuf::Any};

/// A message with its type URL.
pub(crate) fn any<M: prost::Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec() }
}

/// A named extension with its configuration.
pub(crate) fn extension<M: prost::Name>(name: &str, message: &M) -> TypedExtensionConfig {
    TypedExtensionConfig { name: name.into(), typed_config: Some(any(message)) }
}
