//! The body of a response that goes on for as long as its stream.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame};
use tonic::Status;

use crate::{
    transport::mailbox::Outbox,
    transport::message::{FRAME, Message},
};

/// Pieces smaller than this are joined: each piece is a frame of HTTP/2, for which h2 keeps more than a small one
/// holds, and keeps it as long as the connection lives. They are joined as far as they go into one frame.
const SMALL: usize = 4096;

/// A stream's work, driven by whoever writes the response.
///
/// The work goes on only as fast as the client reads: a slow client holds what it was sent last, and no more is made
/// for it. When the client goes away the body is dropped, and the work with it.
pub(crate) struct ResponseBody {
    /// Ends with the status that ends the stream; gone when it has.
    work: Option<Pin<Box<dyn Future<Output = Status> + Send>>>,
    messages: Outbox<Message>,
    pieces: VecDeque<Bytes>,
    status: Option<Status>,
}

impl ResponseBody {
    pub(crate) fn new(work: impl Future<Output = Status> + Send + 'static, messages: Outbox<Message>) -> Self {
        Self { work: Some(Box::pin(work)), messages, pieces: VecDeque::new(), status: None }
    }

    fn next_piece(&mut self) -> Option<Bytes> {
        while self.pieces.is_empty() {
            self.pieces = self.messages.next()?.pieces;
        }
        let first = self.pieces.pop_front()?;
        let piece = if first.len() < SMALL { self.gather(first) } else { first };
        if self.pieces.is_empty() {
            // The first response has thousands of pieces, and most that follow have one.
            self.pieces = VecDeque::new();
        }
        Some(piece)
    }

    /// The piece with the small ones after it, also of further messages: those that were made in one turn go in one
    /// frame, and so with one system call.
    fn gather(&mut self, first: Bytes) -> Bytes {
        while self.pieces.iter().all(|piece| piece.len() < SMALL)
            && first.len() + self.pieces.iter().map(Bytes::len).sum::<usize>() < FRAME
            && let Some(message) = self.messages.next()
        {
            self.pieces.extend(message.pieces);
        }
        self.join(first)
    }

    /// The piece with the small ones after it.
    fn join(&mut self, first: Bytes) -> Bytes {
        let (mut length, mut count) = (first.len(), 0);
        for piece in self.pieces.iter().take_while(|piece| piece.len() < SMALL) {
            if length + piece.len() > FRAME {
                break;
            }
            (length, count) = (length + piece.len(), count + 1);
        }
        if count == 0 {
            return first;
        }
        let mut joined = BytesMut::with_capacity(length);
        joined.extend_from_slice(&first);
        self.pieces.drain(..count).for_each(|piece| joined.extend_from_slice(&piece));
        joined.freeze()
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(piece) = self.next_piece() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if let Some(work) = &mut self.work
            && let Poll::Ready(status) = work.as_mut().poll(context)
        {
            self.work = None;
            self.status = Some(status);
        }
        // The work may have said something just now.
        if let Some(piece) = self.next_piece() {
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[test]
    fn small_pieces_go_together_and_large_ones_are_not_copied() {
        let mut body = ResponseBody::new(std::future::pending(), Outbox::new());
        let sizes = [100, 4095, 4095, 4095, 4000, 10, 5000, 1];
        let pieces: Vec<Bytes> = sizes.iter().zip(0..).map(|(size, byte)| vec![byte; *size].into()).collect();
        body.pieces = pieces.clone().into();
        let given: Vec<Bytes> = std::iter::from_fn(|| body.next_piece()).collect();
        assert_eq!(given.concat(), pieces.concat());
        assert_eq!(given.iter().map(Bytes::len).collect::<Vec<_>>(), [100 + 3 * 4095, 4010, 5000, 1]);
        assert_eq!(given[2].as_ptr(), pieces[6].as_ptr());
        assert_eq!(body.pieces.capacity(), 0, "memory is kept for what was sent");
    }

    #[tokio::test]
    async fn small_messages_of_one_turn_go_together() {
        let messages = Outbox::new();
        for size in [10, 20, 5000, 30] {
            let pieces = VecDeque::from([Bytes::from(vec![1; size])]);
            messages.send(Message { pieces, length: size }, 9).await;
        }
        let mut body = ResponseBody::new(std::future::pending(), messages);
        let given: Vec<usize> = std::iter::from_fn(|| body.next_piece()).map(|piece| piece.len()).collect();
        assert_eq!(given, [30, 5000, 30]);
    }

    #[tokio::test]
    async fn its_work_goes_on_as_what_it_says_is_taken() {
        let (say, mut words) = tokio::sync::mpsc::unbounded_channel();
        let messages = Outbox::new();
        let spoken = messages.clone();
        let work = async move {
            while let Some(size) = words.recv().await {
                spoken.send(Message { pieces: VecDeque::from([Bytes::from(vec![1; size])]), length: size }, 1).await;
            }
            Status::ok("")
        };
        let mut body = ResponseBody::new(work, messages);
        let mut look = async || {
            let frame = poll_fn(|context| Poll::Ready(Pin::new(&mut body).poll_frame(context))).await;
            frame.map(|frame| frame.map_or(0, |frame| frame.unwrap().into_data().map_or(0, |data| data.len())))
        };
        assert_eq!(look().await, Poll::Pending);
        // The second waits for the first to be taken.
        for size in [10, 20] {
            say.send(size).unwrap();
        }
        assert_eq!([look().await, look().await, look().await], [Poll::Ready(10), Poll::Ready(20), Poll::Pending]);
        drop(say);
        assert_eq!([look().await, look().await], [Poll::Ready(0); 2]);
    }
}
