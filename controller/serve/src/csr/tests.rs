//! Tests of certificate requests.

use super::*;
use crate::auth::{AuthError, Connection};

/// Takes the token for the service account in namespace `a`.
struct Token;

impl Authenticate for Token {
    async fn authenticate(&self, call: &Credentials) -> Result<Identity, AuthError> {
        let account = call.bearer.as_deref().ok_or(AuthError::Missing)?;
        Identity::new("td", "a", account).map_err(|error| AuthError::Refused(error.to_string()))
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

async fn asked(csr: &str, seconds: i64, bearer: Option<&str>, secure: bool) -> Result<Vec<String>, Status> {
    let metrics = Arc::new(Metrics::default());
    let service = Certificates { authenticate: Arc::new(Token), sign: Arc::new(Echo), metrics };
    let mut request =
        Request::new(IstioCertificateRequest { csr: csr.into(), validity_duration: seconds, metadata: None });
    let peer = "10.0.0.1:1".parse().unwrap();
    request.extensions_mut().insert(Arc::new(Connection { peer, secure, chain: Vec::new() }));
    if let Some(bearer) = bearer {
        request.metadata_mut().insert("authorization", format!("Bearer {bearer}").parse().unwrap());
    }
    service.create_certificate(request).await.map(|response| response.into_inner().cert_chain)
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
