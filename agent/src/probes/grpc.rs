//! gRPC's health service, `grpc.health.v1.Health/Check`.

use std::net::SocketAddr;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;

use super::{ProbeError, dial};

/// The largest response. A health response has a few bytes.
const LONGEST: usize = 4096;
/// `ServingStatus.SERVING`.
const SERVING: i32 = 1;

#[derive(Clone, PartialEq, prost::Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HealthCheckResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// Checks the health of a service. Any status but SERVING is an error.
pub(super) async fn check(at: SocketAddr, service: &str) -> Result<(), ProbeError> {
    let message = HealthCheckRequest { service: service.to_owned() }.encode_to_vec();
    let mut body = BytesMut::with_capacity(5 + message.len());
    body.put_u8(0);
    body.put_u32(u32::try_from(message.len()).map_err(wrong)?);
    body.put_slice(&message);
    let request = Request::post(format!("http://{at}/grpc.health.v1.Health/Check"))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .body(Full::new(body.freeze()))
        .map_err(wrong)?;
    let stream = dial::connect(at).await?;
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(wrong)?;
    tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(wrong)?;
    let at_once = answer.headers().get("grpc-status").cloned();
    let body = Limited::new(answer.into_body(), LONGEST).collect().await.map_err(wrong)?;
    let status = at_once.or_else(|| body.trailers()?.get("grpc-status").cloned());
    if status.as_ref().is_none_or(|status| status != "0") {
        return Err(ProbeError::Grpc(format!("status {status:?}")));
    }
    match health(body.to_bytes())? {
        SERVING => Ok(()),
        other => Err(ProbeError::Grpc(format!("serving status {other}"))),
    }
}

fn health(mut body: Bytes) -> Result<i32, ProbeError> {
    if body.remaining() < 5 || body.get_u8() != 0 {
        return Err(ProbeError::Grpc("the response has no message".to_owned()));
    }
    let length = usize::try_from(body.get_u32()).map_err(wrong)?;
    let message =
        body.get(..length).ok_or_else(|| ProbeError::Grpc("the response has an incomplete message".to_owned()))?;
    Ok(HealthCheckResponse::decode(message).map_err(wrong)?.status)
}

fn wrong(error: impl std::fmt::Display) -> ProbeError {
    ProbeError::Grpc(error.to_string())
}
