//! Analyzers of Kubernetes' own objects: namespaces, pods, deployments and services.

pub(super) mod alpha_annotation;
pub(super) mod annotation;
pub(super) mod image_auto;
pub(super) mod injection;
pub(super) mod port_name;
pub(super) mod proxy_image;
pub(super) mod services;
pub(super) mod user_id;

mod known_annotation;
