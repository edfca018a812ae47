//! What the ports of gRPC serve, for those who ask: `grpcurl` does. It is put together when the first one asks.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use heddle_serve::auth::Connection;
use heddle_xds_api::descriptors;
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic_reflection::server::Builder;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

/// What its paths begin with, in both versions.
pub(crate) const PATHS: [&str; 2] =
    ["/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha.ServerReflection/"];
/// Where what we serve is described.
const FILES: [&str; 3] = ["envoy/service/discovery/v3/ads.proto", "istio/ca.proto", "istio/nds.proto"];
/// What we serve.
const SERVICES: [&str; 2] =
    ["envoy.service.discovery.v3.AggregatedDiscoveryService", "istio.v1.auth.IstioCertificateService"];

type Service = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

static SERVED: LazyLock<Option<[Service; 2]>> = LazyLock::new(|| {
    let builder = || {
        let builder = Builder::configure().register_file_descriptor_set(descriptors(&FILES));
        SERVICES.into_iter().fold(builder, Builder::with_service_name)
    };
    let (new, old) = (builder().build_v1().ok()?, builder().build_v1alpha().ok()?);
    Some([BoxCloneSyncService::new(new), BoxCloneSyncService::new(old)])
});

/// Answers a call on one of the paths. The plain port answers this machine only, to this as to all else.
pub(crate) async fn answer(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let connection = request.extensions().get::<Arc<Connection>>();
    let may = connection.is_some_and(|it| it.secure || it.peer.ip().to_canonical().is_loopback());
    if !may {
        return Ok(Status::permission_denied("permission denied").into_http());
    }
    let version = PATHS.iter().position(|path| request.uri().path().starts_with(path));
    let service = version.and_then(|version| SERVED.as_ref()?.get(version).cloned());
    match service {
        Some(service) => service.oneshot(request).await,
        None => Ok(Status::unimplemented("this port does not serve this gRPC service").into_http()),
    }
}
