//! What passes between a stream and those who look at all streams.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;

/// The newest of what is put in, for one taker: what is put in before the last was taken replaces it.
///
/// A `watch` of tokio's does as much for many takers, and costs each of a thousand streams ten times the memory and
/// locks.
pub(crate) struct Mailbox<T>(Mutex<Inside<T>>);

struct Inside<T> {
    newest: Option<T>,
    taker: Option<Waker>,
}

/// Messages of one stream that wait to be written.
pub(crate) struct Outbox<T>(Arc<Mutex<Waiting<T>>>);

struct Waiting<T> {
    messages: VecDeque<T>,
    /// Who waits for room.
    sender: Option<Waker>,
}

impl<T> Mailbox<T> {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Inside { newest: None, taker: None }))
    }

    /// Puts something in and wakes the taker.
    pub(crate) fn put(&self, value: T) {
        let mut inside = self.0.lock();
        inside.newest = Some(value);
        let taker = inside.taker.take();
        drop(inside);
        if let Some(taker) = taker {
            taker.wake();
        }
    }

    /// Waits for something, and takes it. Nothing is lost if the wait is given up.
    pub(crate) async fn take(&self) -> T {
        poll_fn(|context| self.poll_take(context)).await
    }

    fn poll_take(&self, context: &mut Context<'_>) -> Poll<T> {
        let mut inside = self.0.lock();
        if let Some(value) = inside.newest.take() {
            return Poll::Ready(value);
        }
        match &mut inside.taker {
            Some(taker) => taker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

impl<T> Outbox<T> {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Waiting { messages: VecDeque::new(), sender: None })))
    }

    /// Adds a message as soon as fewer than `most` wait.
    pub(crate) async fn send(&self, message: T, most: usize) {
        let mut message = Some(message);
        poll_fn(|context| {
            let mut waiting = self.0.lock();
            if waiting.messages.len() >= most {
                waiting.sender = Some(context.waker().clone());
                return Poll::Pending;
            }
            waiting.messages.extend(message.take());
            Poll::Ready(())
        })
        .await;
    }

    /// The oldest that waits.
    pub(crate) fn next(&self) -> Option<T> {
        let mut waiting = self.0.lock();
        let next = waiting.messages.pop_front();
        let sender = waiting.sender.take();
        drop(waiting);
        if let Some(sender) = sender {
            sender.wake();
        }
        next
    }
}

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Outbox<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Outbox").field(&self.0.lock().messages.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn only_the_newest_is_taken_and_the_taker_is_woken() {
        let mailbox = Arc::new(Mailbox::new());
        mailbox.put(1);
        mailbox.put(2);
        assert_eq!(mailbox.take().await, 2);
        let waiting = tokio::time::timeout(Duration::from_millis(1), mailbox.take()).await;
        assert!(waiting.is_err(), "it was taken once");
        let putter = mailbox.clone();
        let put = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            putter.put(3);
        });
        assert_eq!(mailbox.take().await, 3);
        put.await.unwrap();
    }

    #[tokio::test]
    async fn who_sends_too_much_waits() {
        let (outbox, other) = (Outbox::new(), Outbox::clone(&Outbox::<u8>::new()));
        outbox.send(1, 1).await;
        let second = tokio::time::timeout(Duration::from_millis(1), outbox.send(2, 1)).await;
        assert!(second.is_err());
        assert_eq!((outbox.next(), outbox.next(), other.next()), (Some(1), None, None));
        outbox.send(2, 1).await;
        assert_eq!(outbox.next(), Some(2));
    }
}
