//! Requests that are no subscription: of debug types, and of types that are not served.
//!
//! A debug request is answered on any stream, and as often as it comes, as istiod does. A request for a type that is
//! not served is answered as well. As the first request it ends the stream with a status that names the type. On the
//! stream of a proxy, which gets its configuration there, the answer has no resources and an error for each name.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use heddle_model::identity::Identity;
use heddle_xds_api::TypeUrl;
use heddle_xds_api::envoy::service::discovery::v3::{ResourceError, ResourceName};
use heddle_xds_api::google::protobuf::Any;
use heddle_xds_api::google::rpc;
use heddle_xds_api::subscription::{Names, Request};
use tonic::Status;

use crate::auth::AuthError;
use crate::error::StreamError;
use crate::inspect::{self, DebugRequest, DebugResponse, Inspect};
use crate::transport::mailbox::Outbox;
use crate::transport::message::Message;
use crate::transport::requests::Requests;
use crate::transport::wire::Wire;

/// What an agent tells of its workload's health. There is nothing to answer.
const HEALTH: &str = "type.googleapis.com/istio.v1.HealthInformation";
/// How many such types one stream may ask for, and the length of their names in bytes.
const MAX_TYPES: usize = 16;
const MAX_TYPE: usize = 256;
/// How many names of a request get an error of their own.
const MAX_ERRORS: usize = 100;
/// Responses that may wait to be written, on a stream that has only these.
const MAX_WAITING: usize = 1;

/// The answer to such a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) type_url: String,
    pub(crate) nonce: String,
    /// The resources with their names.
    pub(crate) resources: Vec<(String, Any)>,
    /// The names for which there is no resource; delta only.
    pub(crate) removed: Vec<String>,
    pub(crate) errors: Vec<ResourceError>,
    /// Who answers; empty where the client needs not know.
    pub(crate) identifier: String,
}

/// Such requests of one stream.
pub(crate) struct Asides<'a> {
    inspect: Option<&'a dyn Inspect>,
    identity: Option<Identity>,
    /// The last answer, by type: its nonce, and a digest of the names.
    answered: BTreeMap<String, (String, u64)>,
    count: u64,
}

/// Whether the first request of a stream makes it one that has no subscriptions.
pub(crate) fn begins_with(type_url: &str) -> bool {
    TypeUrl::parse(type_url).is_none() && type_url != HEALTH
}

/// Answers the requests of a stream without subscriptions, one after another, until its client ends it.
pub(crate) async fn serve<W: Wire>(
    mut asides: Asides<'_>,
    first: W::Request,
    mut requests: Requests<W::Request>,
    messages: Outbox<Message>,
) -> Result<(), StreamError> {
    let mut next = Some(first);
    while let Some(request) = next {
        let type_url = W::type_url(&request).to_owned();
        if TypeUrl::parse(&type_url).is_some() {
            return Err(Status::failed_precondition("the stream began with another request; open a new one").into());
        }
        let request = W::request(request);
        if let Some(answer) = asides.answer(&type_url, &request).await? {
            messages.send(asides.encode::<W>(&type_url, &request, answer)?, MAX_WAITING).await;
        }
        next = requests.message().await?;
    }
    Ok(())
}

impl<'a> Asides<'a> {
    pub(crate) fn new(inspect: Option<&'a dyn Inspect>, identity: Option<Identity>) -> Self {
        Self { inspect, identity, answered: BTreeMap::new(), count: 0 }
    }

    /// The answer to a request, or why there is none; nothing if it asks for none.
    pub(crate) async fn answer(
        &mut self,
        type_url: &str,
        request: &Request,
    ) -> Result<Option<DebugResponse>, StreamError> {
        if type_url == HEALTH || self.is_answered(type_url, request) {
            return Ok(None);
        }
        if !inspect::is_debug_type(type_url) {
            let shown: String = type_url.chars().take(MAX_TYPE).collect();
            tracing::info!(r#type = shown, "a client asks for a type that is not served");
            return Err(Status::unimplemented(format!("the type `{shown}` is not served")).into());
        }
        // Unauthenticated clients, and so all of the plain-text port, get nothing.
        let identity = self.identity.clone().ok_or(AuthError::Missing)?;
        let inspect = self.inspect.ok_or_else(|| Status::unimplemented("debug types are not served here"))?;
        let names = names(request).to_vec();
        Ok(Some(inspect.inspect(DebugRequest { identity, type_url: type_url.to_owned(), names }).await?))
    }

    /// The same on the stream of a proxy, which must not end for it.
    ///
    /// # Errors
    /// When the client asks for too many such types.
    pub(crate) async fn answer_proxy<W: Wire>(
        &mut self,
        type_url: &str,
        request: &Request,
    ) -> Result<Option<Message>, StreamError> {
        let is_known = self.answered.contains_key(type_url);
        if type_url.len() > MAX_TYPE || (!is_known && self.answered.len() == MAX_TYPES) {
            return Err(Status::resource_exhausted("the client asks for too many types that are not served").into());
        }
        match self.answer(type_url, request).await {
            Ok(None) => Ok(None),
            Ok(Some(response)) => self.encode::<W>(type_url, request, response).map(Some),
            Err(error) => {
                let refusal = refusal(names(request), &error.status());
                self.send::<W>(type_url, request, refusal).map(Some)
            }
        }
    }

    fn encode<W: Wire>(
        &mut self,
        type_url: &str,
        request: &Request,
        response: DebugResponse,
    ) -> Result<Message, StreamError> {
        let DebugResponse { resources, identifier } = response;
        self.send::<W>(type_url, request, Answer { resources, identifier, ..Answer::default() })
    }

    fn send<W: Wire>(&mut self, type_url: &str, request: &Request, answer: Answer) -> Result<Message, StreamError> {
        self.count += 1;
        let nonce = self.count.to_string();
        self.answered.insert(type_url.to_owned(), (nonce.clone(), digest(names(request))));
        let answer = Answer { type_url: type_url.to_owned(), nonce, ..answer };
        W::encode_answer(answer).ok_or(StreamError::Internal("the response is too large"))
    }

    /// Whether the request is about the last answer and asks for nothing else. `istioctl` puts the time into the nonce
    /// of its first request, and names nothing when it acknowledges.
    fn is_answered(&self, type_url: &str, request: &Request) -> bool {
        let names = names(request);
        self.answered
            .get(type_url)
            .is_some_and(|(nonce, asked)| *nonce == request.nonce && (names.is_empty() || *asked == digest(names)))
    }
}

/// An answer without resources that says why, name by name.
fn refusal(names: &[String], status: &Status) -> Answer {
    let all = [String::from("*")];
    let concerned = if names.is_empty() { &all[..] } else { names };
    let error = |name: &String| ResourceError {
        resource_name: Some(ResourceName { name: name.clone(), ..ResourceName::default() }),
        error_detail: Some(rpc::Status {
            code: status.code().into(),
            message: status.message().to_owned(),
            details: Vec::new(),
        }),
    };
    let errors = concerned.iter().take(MAX_ERRORS).map(error).collect();
    let removed = names.iter().filter(|name| *name != "*").cloned().collect();
    Answer { removed, errors, ..Answer::default() }
}

fn names(request: &Request) -> &[String] {
    match &request.names {
        Names::State { names, .. } | Names::Delta { subscribe: names, .. } => names,
    }
}

fn digest(names: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    names.hash(&mut hasher);
    hasher.finish()
}
