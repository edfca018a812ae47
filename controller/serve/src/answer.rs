//! The body of a response that goes on for as long as its stream.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use tokio::sync::mpsc;
use tonic::Status;

use crate::message::Message;

/// A stream's work, driven by whoever writes the response.
///
/// The work goes on only as fast as the client reads: a slow client holds what it was sent last, and no more is made for
/// it. When the client goes away the body is dropped, and the work with it.
pub(crate) struct Answer {
    /// Ends with the status that ends the stream; gone when it has.
    work: Option<Pin<Box<dyn Future<Output = Status> + Send>>>,
    messages: mpsc::Receiver<Message>,
    pieces: VecDeque<Bytes>,
    status: Option<Status>,
}

impl Answer {
    pub(crate) fn new(work: impl Future<Output = Status> + Send + 'static, messages: mpsc::Receiver<Message>) -> Self {
        Self { work: Some(Box::pin(work)), messages, pieces: VecDeque::new(), status: None }
    }

    fn next_piece(&mut self, context: &mut Context<'_>) -> Option<Bytes> {
        while self.pieces.is_empty() {
            match self.messages.poll_recv(context) {
                Poll::Ready(Some(message)) => self.pieces = message.pieces,
                Poll::Ready(None) | Poll::Pending => return None,
            }
        }
        self.pieces.pop_front()
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(piece) = self.next_piece(context) {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if let Some(work) = &mut self.work
            && let Poll::Ready(status) = work.as_mut().poll(context)
        {
            self.work = None;
            self.status = Some(status);
        }
        // The work may have said something just now.
        if let Some(piece) = self.next_piece(context) {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if self.work.is_some() {
            return Poll::Pending;
        }
        let trailers = self.status.take().map(|status| {
            let mut trailers = HeaderMap::new();
            // Fails only for a status with details of its own making, which there are none of.
            let _ = status.add_header(&mut trailers);
            Ok(Frame::trailers(trailers))
        });
        Poll::Ready(trailers)
    }
}
