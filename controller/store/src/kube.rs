//! The fields of Kubernetes' own kinds that the mesh reads. The rest is not kept: a pod is some hundred bytes here.

mod endpoint_slice;
mod ingress;
mod pod;
mod secret;
mod service;

pub use endpoint_slice::{Conditions, EndpointSlice, SliceEndpoint, SlicePort, TargetRef};
pub use ingress::{
    Ingress, IngressBackend, IngressClass, IngressClassSpec, IngressHttp, IngressPath, IngressPort, IngressRule,
    IngressService, IngressSpec, IngressTls,
};
pub use pod::{Condition, Container, ContainerPort, Owner, Pod, PodAddress, PodMeta, PodSpec, PodStatus};
pub use secret::{ConfigMap, Secret};
pub use service::{PortName, Service, ServicePort, ServiceSpec, SessionAffinity, SessionAffinityConfig};
