//! An HTTP/2 connection and its calls as one task.
//!
//! hyper hands each call to an executor. If each call were a task, it and its connection would wake each other through
//! tokio's scheduler twice a push: once for the response and once for the ACK. Polled by the connection's task, both run
//! while their memory is in the processor's caches.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use hyper::rt::Executor;

use super::subtask::{Subtask, WakeFlags, WakeSet};

/// How often in a row subtasks are polled while they wake each other. After that other tasks have a turn.
const ROUNDS: usize = 4;

/// The connection's bit.
const CONNECTION: WakeSet = WakeSet::one(0);
/// The bit of the further subtask.
const FURTHER: WakeSet = WakeSet::one(1);
/// The first bit of calls. Some sixty calls have a bit of their own; the next ones share bits with them.
const FIRST_CALL: usize = 2;
/// The bits of all calls.
const CALLS: WakeSet = WakeSet::from(FIRST_CALL);

/// A call that has not ended.
type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The calls that hyper has handed over and that are not subtasks yet.
#[derive(Clone, Default)]
pub(super) struct Calls(Arc<Mutex<Vec<Call>>>);

/// A connection and its calls, each polled only when it was woken itself. The calls end with their connection.
pub(super) struct ConnectionTask<C> {
    connection: Subtask<Pin<Box<C>>>,
    calls: Vec<Subtask<Call>>,
    begun: Calls,
    flags: Arc<WakeFlags>,
}

impl<C> ConnectionTask<C> {
    /// The task of a connection that hands its calls to `begun`.
    pub(super) fn new(connection: C, begun: Calls) -> Self {
        let flags = Arc::new(WakeFlags::default());
        let connection = Subtask::new(Box::pin(connection), &flags, CONNECTION);
        Self { connection, calls: Vec::new(), begun, flags }
    }

    /// A further subtask of the same task. There may be one, and the caller polls it after this future.
    pub(super) fn further<F>(&self, future: F) -> Subtask<F> {
        Subtask::new(future, &self.flags, FURTHER)
    }

    /// Changes the connection and has it polled.
    pub(super) fn update(&mut self, change: impl FnOnce(Pin<&mut C>)) {
        self.connection.mark_woken();
        change(self.connection.get_mut().as_mut());
    }
}

impl<C: Future> ConnectionTask<C> {
    fn round(&mut self) -> Poll<C::Output> {
        let woken = self.flags.take(CALLS);
        if !woken.is_empty() {
            for index in (0..self.calls.len()).rev() {
                if self.calls[index].poll_if(woken).is_ready() {
                    self.calls.swap_remove(index);
                }
            }
        }
        let ended = self.connection.poll_if_woken();
        for call in std::mem::take(&mut *lock(&self.begun.0)) {
            let bit = WakeSet::one(FIRST_CALL + self.calls.len() % (WakeSet::BITS - FIRST_CALL));
            self.calls.push(Subtask::new(call, &self.flags, bit));
        }
        ended
    }

    fn is_woken(&self) -> bool {
        self.flags.is_woken(CONNECTION.union(CALLS))
    }
}

impl<C: Future> Future for ConnectionTask<C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<C::Output> {
        self.flags.begin_poll(context.waker());
        for _ in 0..ROUNDS {
            if let Poll::Ready(ended) = self.round() {
                return Poll::Ready(ended);
            }
            if !self.is_woken() {
                break;
            }
        }
        // A wake from now on wakes the task. A wake before that has set its bit.
        self.flags.end_poll();
        if self.is_woken() {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Calls {
    fn execute(&self, call: F) {
        lock(&self.0).push(Box::pin(call));
    }
}

/// Calls are added and taken out whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
