//! One discovery stream: joins requests, revisions and time to [`Push`], which decides what is sent.

use std::{pin::Pin, sync::Arc, time::Instant};

use heddle_model::{identity::Identity, node::NodeError};
use heddle_xds_api::{
    TypeSet, TypeUrl,
    subscription::{Acknowledgment, Nack, Nonce, Protocol, Reply, Subscription},
};

use crate::{
    Generate,
    ads::AdsState,
    aside::{self, Asides},
    auth::{AuthError, Authenticate, Credentials},
    error::StreamError,
    node,
    push::Push,
    registry::Registration,
    rights::Rights,
    round::{
        admission::Beginning,
        audience::{SetUpdate, Subscriber},
    },
    transport::{mailbox::Outbox, message::Message, requests::Requests, wire::Wire},
};

/// Messages that may wait to be written: one a type, and some endpoints that go with their clusters.
const MAX_WAITING: usize = 32;

struct Stream<'a, A, G: Generate> {
    state: &'a AdsState<A, G>,
    registration: Registration,
    messages: Outbox<Message>,
    push: Push,
    asides: Box<Asides<'a>>,
    /// The revision of the newest set.
    revision: u64,
    /// The types of which the proxy was sent a response, or holds all resources.
    sent: TypeSet,
    /// The types of which the proxy rejects a resource.
    rejecting: TypeSet,
    /// Of types with a response due, when the event arrived that it comes from.
    carried: Vec<(TypeUrl, Instant)>,
}

/// Serves a stream until its client ends it.
pub(crate) async fn run<W: Wire, A: Authenticate, G: Generate>(
    state: &AdsState<A, G>,
    call: Credentials,
    mut requests: Requests<W::Request>,
    messages: Outbox<Message>,
) -> Result<(), StreamError> {
    let refused = |_: &AuthError| state.metrics.streams_refused.add(1);
    let identity = node::identify(&*state.authenticate, &call).await.inspect_err(refused)?;
    state.audience.ready().await?;
    let namespace = identity.as_ref().map_or("", Identity::namespace);
    let Some((first, beginning)) = begin::<W, A, G>(state, namespace, &mut requests).await? else { return Ok(()) };
    let node = W::node(&first).ok_or(NodeError::Missing)?;
    let mut proxy = node::proxy(node).inspect_err(|error| {
        state.metrics.streams_refused.add(1);
        tracing::warn!(peer = ?call.peer(), %error, "refused a stream");
    })?;
    node::admit(identity.as_ref(), &proxy).inspect_err(refused)?;
    let asides = Asides::new(state.inspect.as_deref(), identity.clone());
    if aside::begins_with(W::type_url(&first)) {
        drop(beginning);
        return Box::pin(aside::serve::<W>(asides, first, requests, messages)).await;
    }
    let rights = Rights::of(&*state.authenticate, identity, proxy.is_gateway()).await;
    proxy.verified = rights.secrets;
    let by_host = state.virtual_hosts && W::PROTOCOL == Protocol::Delta;
    proxy.can.virtual_hosts = by_host && node::takes_virtual_hosts(&proxy.can);
    let proxy = Arc::new(proxy);
    let connection = call.connection.as_ref().ok_or(AuthError::Unknown)?;

    let subscriber = state.audience.join(&proxy).await?;
    let push = Push::new(W::PROTOCOL, state.differences.clone()).within(proxy.namespace.to_string().into());
    let registration = state.registry.connect(proxy, connection);
    let (sent, rejecting, carried) = (TypeSet::EMPTY, TypeSet::EMPTY, Vec::new());
    let asides = Box::new(asides);
    let mut stream = Stream { state, registration, messages, push, asides, revision: 0, sent, rejecting, carried };

    stream.take(subscriber.next().await, false);
    stream.on_request::<W>(first, &subscriber).await?;
    stream.follow::<W>(&subscriber, &mut requests, rights, beginning).await
}

/// The first request, read in a place of admission. The place may be over by then.
async fn begin<W: Wire, A, G: Generate>(
    state: &AdsState<A, G>,
    namespace: &str,
    requests: &mut Requests<W::Request>,
) -> Result<Option<(W::Request, Option<Beginning>)>, StreamError> {
    requests.count_for(namespace);
    // Who says nothing takes no place.
    if !requests.arrived().await? {
        return Ok(None);
    }
    // Before the rest of the first request is read, which is the largest one.
    let mut beginning = Some(state.admission.enter(namespace).await);
    let first = Beginning::within(&mut beginning, requests.message()).await?;
    Ok(first.map(|first| (first, beginning)))
}

/// Waits for a future that may not be there yet. Nothing is lost if the wait is given up.
async fn finish<F: Future<Output = ()>>(future: &mut Option<Pin<Box<F>>>) {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

impl<A: Authenticate, G: Generate> Stream<'_, A, G> {
    /// Sends what is due until the client ends the stream, or its rights change.
    async fn follow<W: Wire>(
        &mut self,
        subscriber: &Subscriber<G>,
        requests: &mut Requests<W::Request>,
        rights: Rights<'_, A>,
        mut beginning: Option<Beginning>,
    ) -> Result<(), StreamError> {
        let mut rights = Some(rights);
        // One future for the whole stream, so that no event begins the check anew. In a box, as few clients need it.
        let mut rights_changed = None;
        let mut fallbacks = self.state.fallback_changes.subscribe();
        loop {
            self.respond::<W>().await?;
            let rejects = self.rejecting != TypeSet::EMPTY;
            beginning.take_if(|beginning| self.push.is_complete() || beginning.end() <= Instant::now());
            let deadlines = [self.push.deadline(), beginning.as_ref().map(Beginning::end)];
            let deadline = deadlines.into_iter().flatten().min();
            let wants_secrets = self.push.subscription(TypeUrl::Secret).is_some_and(Subscription::is_started);
            if wants_secrets && let Some(rights) = rights.take() {
                rights_changed = Some(Box::pin(rights.changed()));
            }
            // Rare events go first, so that no branch starves without tokio's random order.
            tokio::select! {
                biased;
                // The client reconnects at once, and is then served by its new rights.
                () = finish(&mut rights_changed), if wants_secrets => return Ok(()),
                // The sender lives as long as the streams.
                _ = fallbacks.changed(), if rejects => self.push.fall_back_again(self.rejecting),
                update = subscriber.next() => self.take(update, true),
                request = requests.message() => match request? {
                    Some(request) => self.on_request::<W>(request, subscriber).await?,
                    None => return Ok(()),
                },
                () = sleep_until(deadline) => {}
            }
        }
    }

    async fn on_request<W: Wire>(
        &mut self,
        request: W::Request,
        subscriber: &Subscriber<G>,
    ) -> Result<(), StreamError> {
        match TypeUrl::parse(W::type_url(&request)) {
            Some(type_url) => self.on_subscription::<W>(type_url, request, subscriber),
            // In a box: a stream is not to have room for this as long as it lives.
            None => Box::pin(self.on_aside::<W>(request)).await,
        }
    }

    async fn on_aside<W: Wire>(&mut self, request: W::Request) -> Result<(), StreamError> {
        let type_url = W::type_url(&request).to_owned();
        if let Some(answer) = self.asides.answer_proxy::<W>(&type_url, &W::request(request)).await? {
            self.messages.send(answer, MAX_WAITING).await;
        }
        Ok(())
    }

    fn on_subscription<W: Wire>(
        &mut self,
        type_url: TypeUrl,
        request: W::Request,
        subscriber: &Subscriber<G>,
    ) -> Result<(), StreamError> {
        let request = W::request(request);
        let nonce = Nonce::parse(&request.nonce);
        match (self.push.on_request(type_url, &request, Instant::now())?, nonce) {
            (Acknowledgment::Ack, Some(nonce)) => {
                let accepts_all = self.push.subscription(type_url).is_none_or(Subscription::accepts_all);
                self.registration.acked(type_url, nonce, accepts_all);
                if !accepts_all {
                    self.note_mended(type_url, subscriber);
                }
            }
            (Acknowledgment::Nack(nack), Some(nonce)) => self.on_nack(type_url, nonce, &nack, subscriber),
            (Acknowledgment::Stale, _) => self.state.metrics.expired_nonce(type_url),
            (Acknowledgment::Absent | Acknowledgment::Ack | Acknowledgment::Nack(_), _) => {}
        }
        if request.is_only_acknowledgment() {
            return Ok(());
        }
        match self.push.subscription(type_url).map(|one| one.names().map(std::collections::BTreeSet::len)) {
            Some(Some(0)) => self.registration.unsubscribed(type_url),
            names => self.registration.subscribed(type_url, names.flatten()),
        }
        Ok(())
    }

    /// Takes what the client is to hold from now on. `changed` says that an event caused it, not the start of the
    /// stream.
    fn take(&mut self, update: SetUpdate, changed: bool) {
        self.revision = update.revision;
        let others = self.push.on_resources(update.set.clone(), TypeSet::ALL);
        self.registration.holds(update.set);
        if changed {
            let due = |type_url: &TypeUrl| self.push.subscription(*type_url).is_some_and(|one| !one.is_quiet());
            for type_url in self.push.types().intersection(others).iter().filter(due) {
                if self.carried.iter().all(|(one, _)| *one != type_url) {
                    self.carried.push((type_url, update.since));
                }
            }
        }
    }

    async fn respond<W: Wire>(&mut self) -> Result<(), StreamError> {
        for (type_url, reply) in self.push.responses(Instant::now()) {
            self.send::<W>(type_url, &reply).await?;
        }
        if !self.carried.is_empty() {
            let settled = |type_url| self.push.subscription(type_url).is_none_or(Subscription::is_settled);
            self.carried.retain(|(type_url, _)| !settled(*type_url));
        }
        self.note_accepted();
        self.note_resumed();
        self.state.metrics.holds_expired.add(self.push.take_lapsed());
        Ok(())
    }

    async fn send<W: Wire>(&mut self, type_url: TypeUrl, reply: &Reply) -> Result<(), StreamError> {
        let message = W::encode(type_url, self.revision, reply);
        let message = message.ok_or(StreamError::Internal("the configuration is too large"))?;
        let carried = self.carried.iter().position(|(one, _)| *one == type_url);
        let since = carried.map(|place| self.carried.swap_remove(place).1);
        self.sent = self.sent.with(type_url);
        self.registration.sent(type_url, reply.nonce, self.revision, reply.resources.len(), message.length, since);
        tracing::debug!(
            connection = self.registration.connection(),
            r#type = type_url.short(),
            version = self.revision,
            resources = reply.resources.len(),
            removed = reply.removed.len(),
            bytes = message.length,
            "pushed"
        );
        self.messages.send(message, MAX_WAITING).await;
        Ok(())
    }

    /// Notes the types of which the proxy rejects nothing more. It sends no ACK if what it rejected is gone.
    fn note_accepted(&mut self) {
        for type_url in self.rejecting.iter() {
            if self.push.subscription(type_url).is_none_or(|one| one.accepts_all() && one.is_settled()) {
                self.rejecting = self.rejecting.without(type_url);
                self.registration.accepts(type_url);
            }
        }
    }

    /// Takes the objects of what is mended from a rejection of several resources.
    fn note_mended(&mut self, type_url: TypeUrl, subscriber: &Subscriber<G>) {
        let Some(subscription) = self.push.subscription(type_url).filter(|one| !one.is_searching()) else { return };
        if let Some(rejection) = self.registration.rejects_less(type_url, subscription.rejected().count()) {
            subscriber.complete(rejection, type_url, subscription.rejected().cloned().collect());
        }
    }

    /// Notes the types of which a proxy that has reconnected lacks nothing.
    fn note_resumed(&mut self) {
        for type_url in self.push.types().iter() {
            let has_all = |one: &Subscription| one.is_started() && one.is_settled();
            if !self.sent.contains(type_url) && self.push.subscription(type_url).is_some_and(has_all) {
                self.sent = self.sent.with(type_url);
                self.registration.resumed(type_url, self.revision);
            }
        }
    }

    fn on_nack(&mut self, type_url: TypeUrl, nonce: Nonce, nack: &Nack, subscriber: &Subscriber<G>) {
        self.rejecting = self.rejecting.with(type_url);
        let rejection = self.registration.rejected(type_url, nonce, &nack.reason, &nack.without);
        self.state.fallback_changes.send_if_modified(|known| {
            let changes = self.state.differences.fallbacks.changes();
            std::mem::replace(known, changes) != changes
        });
        let Some(subscription) = self.push.subscription(type_url) else { return };
        // The next NACKs name them. To suspect all resources of this response would blame innocent objects.
        if !nack.certain && subscription.is_searching() {
            return rejection.search();
        }
        // All resources that it rejects by now, not only those of this NACK.
        let names: Vec<_> = if nack.certain { subscription.rejected().cloned().collect() } else { Vec::new() };
        self.registration.rejects(type_url, names.len());
        subscriber.complete(rejection, type_url, names);
    }
}
