//! Serves secrets to Envoy over a Unix socket. `default` is the certificate of the workload with its key. `ROOTCA` is
//! the trust bundle. Other names are certificates in files. A renewal is pushed on open streams, and Envoy uses it
//! without closing a connection.

mod delta;
mod files;
mod secret;
mod sotw;

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, stream};
use heddle_xds_api::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use heddle_xds_api::envoy::service::secret::v3::secret_discovery_service_server::{
    SecretDiscoveryService, SecretDiscoveryServiceServer,
};
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status, Streaming};

use crate::svid::Current;
use delta::Delta;
use sotw::Sotw;

/// The type of all resources here.
const SECRET: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

/// The interval for reading files again.
const FILES_EVERY: Duration = Duration::from_secs(5);
/// The most names of one stream. Envoy opens one stream for each secret.
const MOST_NAMES: usize = 256;

/// Serves until the process ends.
///
/// # Errors
/// When the socket fails.
pub(crate) async fn serve(
    socket: UnixListener,
    current: watch::Receiver<Current>,
) -> Result<(), tonic::transport::Error> {
    let service = SecretDiscoveryServiceServer::new(Service { current });
    tonic::transport::Server::builder().add_service(service).serve_with_incoming(UnixListenerStream::new(socket)).await
}

/// One variant of the protocol, without IO. Both methods return `None` if there is nothing to send.
trait Protocol: Send + 'static {
    type Request: prost::Message + Default + 'static;
    type Response: Send + 'static;
    /// Envoy sent a request or an ACK.
    fn on_request(&mut self, request: Self::Request, current: &Current) -> Option<Self::Response>;
    /// The certificate changed, or files may have changed.
    fn on_change(&mut self, current: &Current) -> Option<Self::Response>;
    /// Whether a requested secret is in files.
    fn reads_files(&self) -> bool;
}

struct Service {
    current: watch::Receiver<Current>,
}

type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl SecretDiscoveryService for Service {
    type DeltaSecretsStream = Responses<DeltaDiscoveryResponse>;
    type StreamSecretsStream = Responses<DiscoveryResponse>;

    async fn delta_secrets(
        &self,
        requests: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaSecretsStream>, Status> {
        Ok(Response::new(answers(Delta::default(), requests.into_inner(), self.current.clone())))
    }

    async fn stream_secrets(
        &self,
        requests: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamSecretsStream>, Status> {
        Ok(Response::new(answers(Sotw::default(), requests.into_inner(), self.current.clone())))
    }

    async fn fetch_secrets(&self, request: Request<DiscoveryRequest>) -> Result<Response<DiscoveryResponse>, Status> {
        let answer = Sotw::default().on_request(request.into_inner(), &self.current.borrow());
        answer.map(Response::new).ok_or_else(|| Status::unavailable("the certificate is not available yet"))
    }
}

/// The responses of one stream. It ends when Envoy ends it.
fn answers<P: Protocol>(
    protocol: P,
    requests: Streaming<P::Request>,
    mut current: watch::Receiver<Current>,
) -> Responses<P::Response> {
    // The first response has the current certificate. Only later certificates are changes.
    current.mark_unchanged();
    Box::pin(stream::unfold((protocol, requests, current), |(mut protocol, mut requests, mut current)| async move {
        loop {
            let answer = tokio::select! {
                request = requests.message() => {
                    let request = request.ok().flatten()?;
                    protocol.on_request(request, &current.borrow())
                }
                changed = current.changed() => {
                    changed.ok()?;
                    protocol.on_change(&current.borrow_and_update())
                }
                () = tokio::time::sleep(FILES_EVERY), if protocol.reads_files() => {
                    protocol.on_change(&current.borrow())
                }
            };
            if let Some(answer) = answer {
                return Some((Ok(answer), (protocol, requests, current)));
            }
        }
    }))
}

#[cfg(test)]
mod tests;
