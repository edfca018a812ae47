//! Tests of certificate requests.

use heddle_xds_api::istio::v1::auth::istio_certificate_service_client::IstioCertificateServiceClient;

use super::*;
use crate::auth::{AuthError, Connection};

/// Takes the token for the service account in namespace `a`.
struct Token;

impl Authenticate for Token {
    async fn authenticate(&self, call: &Credentials) -> Result<Identity, AuthError> {
        let account = call.bearer.as_deref().ok_or(AuthError::Missing)?;
        Identity::new("td", "a", account).map_err(|error| AuthError::Refused(error.to_string()))
    }

    async fn exists(&self, identity: &Identity) -> bool {
        identity.service_account() != "deleted"
    }
}

/// Answers with what it was asked, or fails as the CSR says.
struct Echo;

impl Sign for Echo {
    fn sign(&self, csr: &[u8], identity: &Identity, asked: Duration) -> Result<Vec<String>, SignError> {
        match csr {
            b"not ready" => Err(SignError::NotReady),
            b"bad" => Err(SignError::Csr("no PEM".into())),
            b"long" => Err(SignError::Lifetime("too long".into())),
            b"broken" => Err(SignError::Failed("the key's pass phrase is 1234".into())),
            _ => Ok(vec![format!("{identity} for {}", asked.as_secs())]),
        }
    }
}

fn service() -> CertificateService<Token, Echo> {
    Certificates::service(Arc::new(Token), Arc::new(Echo), Arc::default())
}

fn request(body: Body, bearer: Option<&str>, secure: bool) -> http::Request<Body> {
    let path = "http://heddled/istio.v1.auth.IstioCertificateService/CreateCertificate";
    let mut request = http::Request::post(path).header("content-type", "application/grpc");
    if let Some(bearer) = bearer {
        request = request.header("authorization", format!("Bearer {bearer}"));
    }
    let peer = "10.0.0.1:1".parse().unwrap();
    request.extension(Arc::new(Connection { peer, secure, chain: Vec::new() })).body(body).unwrap()
}

async fn asked(csr: &str, seconds: i64, bearer: Option<&str>, secure: bool) -> Result<Vec<String>, Status> {
    let peer = "10.0.0.1:1".parse().unwrap();
    let bearer = bearer.map(|bearer| format!("Bearer {bearer}").parse().unwrap());
    let with_credentials = move |mut request: Request<()>| {
        request.extensions_mut().insert(Arc::new(Connection { peer, secure, chain: Vec::new() }));
        if let Some(bearer) = &bearer {
            request.metadata_mut().insert("authorization", Clone::clone(bearer));
        }
        Ok(request)
    };
    let mut client = IstioCertificateServiceClient::with_interceptor(service(), with_credentials);
    let request = IstioCertificateRequest { csr: csr.into(), validity_duration: seconds, metadata: None };
    client.create_certificate(request).await.map(|response| response.into_inner().cert_chain)
}

#[tokio::test]
async fn the_identity_is_the_callers_and_a_negative_time_asks_for_none() {
    let id = "spiffe://td/ns/a/sa/web";
    assert_eq!(asked("csr", 60, Some("web"), true).await.unwrap(), [format!("{id} for 60")]);
    assert_eq!(asked("csr", -5, Some("web"), true).await.unwrap(), [format!("{id} for 0")]);
}

#[tokio::test]
async fn refusals_have_istiods_codes() {
    let code = |csr| async move { asked(csr, 0, Some("web"), true).await.unwrap_err().code() };
    assert_eq!(code("not ready").await, tonic::Code::Internal);
    assert_eq!(code("bad").await, tonic::Code::InvalidArgument);
    assert_eq!(code("long").await, tonic::Code::InvalidArgument);
    assert_eq!(asked("csr", 0, None, true).await.unwrap_err().code(), tonic::Code::Unauthenticated);
    let broken = asked("broken", 0, Some("web"), true).await.unwrap_err();
    assert_eq!((broken.code(), broken.message()), (tonic::Code::Internal, "CERT_GEN_ERROR"));
}

#[tokio::test]
async fn nobody_is_certified_over_plain_text() {
    assert_eq!(asked("csr", 0, Some("web"), false).await.unwrap_err().code(), tonic::Code::Unauthenticated);
}

#[tokio::test]
async fn an_account_that_was_deleted_gets_no_certificate() {
    let refused = asked("csr", 0, Some("deleted"), true).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
}

/// A body that does not end.
struct Endless;

impl http_body::Body for Endless {
    type Data = bytes::Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, Infallible>>> {
        Poll::Pending
    }
}

async fn code_of_an_endless_request(bearer: Option<&str>, within: Duration) -> Option<tonic::Code> {
    let answer = service().call(request(Body::new(Endless), bearer, true));
    let response = tokio::time::timeout(within, answer).await.ok()?.unwrap();
    Status::from_header_map(response.headers()).map(|status| status.code())
}

#[tokio::test]
async fn a_request_is_read_only_of_a_caller_that_has_proved_who_it_is() {
    let code = code_of_an_endless_request(None, Duration::from_secs(1)).await;
    assert_eq!(code, Some(tonic::Code::Unauthenticated));
}

#[tokio::test]
async fn a_request_that_does_not_end_is_refused() {
    let code = code_of_an_endless_request(Some("web"), 2 * PATIENCE).await;
    assert_eq!(code, Some(tonic::Code::DeadlineExceeded));
}
