//! Questions about the control plane itself, asked as if they were for configuration: that is how `istioctl proxy-status` does it.
//!
//! Such a stream is no proxy's: it is in no registry, nothing is compiled for it, and it is told nothing that it did not ask.

use std::future::Future;
use std::pin::Pin;

use bytes::{BufMut, Bytes, BytesMut};
use heddle_model::identity::Identity;
use heddle_xds_api::envoy::config::core::v3::ControlPlane;
use heddle_xds_api::envoy::service::discovery::v3::DiscoveryResponse;
use heddle_xds_api::google::protobuf::Any;
use heddle_xds_api::subscription::{Names, Protocol};
use prost::Message as _;
use tonic::Status;

use crate::auth::AuthError;
use crate::error::StreamError;
use crate::mailbox::Outbox;
use crate::message::Message;
use crate::requests::Requests;
use crate::stream::Wire;

/// What the types of all questions begin with.
const TYPE: &str = "istio.io/debug";

/// Answers that may wait to be written.
const MAX_WAITING: usize = 1;

/// One question.
#[derive(Clone, Debug)]
pub struct Question {
    /// Who asks, as was proved.
    pub identity: Identity,
    /// `istio.io/debug`, or that with a slash and a page.
    pub type_url: String,
    /// What about: a page, or a proxy.
    pub names: Vec<String>,
}

/// What is answered.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The answer.
    pub resources: Vec<Any>,
    /// Who answers, where that matters to the asker.
    pub identifier: String,
}

/// An answer to be.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<Answer, Status>> + Send + 'a>>;

/// Answers questions.
pub trait Inspect: Send + Sync + 'static {
    /// Answers one, if the asker may know.
    fn inspect(&self, question: Question) -> Answering<'_>;
}

/// Whether a request of this type is a question.
pub(crate) fn is_question(type_url: &str) -> bool {
    type_url.strip_prefix(TYPE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers the questions of a stream, one after another, until its client ends it.
pub(crate) async fn serve<W: Wire>(
    inspect: Option<&dyn Inspect>,
    identity: Option<Identity>,
    first: W::Request,
    mut requests: Requests<W::Request>,
    messages: Outbox<Message>,
) -> Result<(), StreamError> {
    // Who is not known is told nothing, and neither is the plain port.
    let identity = identity.ok_or(AuthError::Missing)?;
    let unknown = || StreamError::from(Status::unimplemented("no questions are answered here"));
    let inspect = inspect.filter(|_| W::PROTOCOL == Protocol::State).ok_or_else(unknown)?;
    let (mut next, mut count) = (Some(first), 0_u64);
    while let Some(request) = next {
        let type_url = W::type_url(&request).to_owned();
        let asked = W::request(request);
        // That an answer came is no question.
        if let (true, true, Names::State(names)) = (is_question(&type_url), asked.nonce.is_empty(), asked.names) {
            let question = Question { identity: identity.clone(), type_url: type_url.clone(), names };
            let answer = inspect.inspect(question).await?;
            count += 1;
            let message = message(type_url, answer, count).ok_or(StreamError::Internal("the answer is too large"))?;
            messages.send(message, MAX_WAITING).await;
        }
        next = requests.message().await?;
    }
    Ok(())
}

fn message(type_url: String, answer: Answer, count: u64) -> Option<Message> {
    let identifier = answer.identifier;
    let response = DiscoveryResponse {
        type_url,
        version_info: count.to_string(),
        nonce: count.to_string(),
        resources: answer.resources,
        control_plane: (!identifier.is_empty()).then_some(ControlPlane { identifier }),
        ..DiscoveryResponse::default()
    };
    let mut buffer = BytesMut::new();
    buffer.put_u8(0);
    buffer.put_u32(u32::try_from(response.encoded_len()).ok()?);
    response.encode(&mut buffer).ok()?;
    let bytes: Bytes = buffer.freeze();
    Some(Message { length: bytes.len(), pieces: [bytes].into() })
}
